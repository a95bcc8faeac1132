"""rpm: records leave an SQLite database; the older forms cannot be written, and keep theirs.

rpm's headers are signed as a whole and list their files, so a package that loses only some keeps its header as it is.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from jettison.image.entry import show
from jettison.packages.rpmdb import parse
from jettison.rewrite.databases import Followed

if TYPE_CHECKING:
    from jettison.packages import Package
    from jettison.rewrite.databases import Leaving

_MAGIC = b"SQLite format 3\0"
_MODE = slice(18, 20)
"""Where it says that it is in write-ahead mode, as rpm leaves it: such a one cannot be opened in memory."""
_WRITER_VERSION = slice(96, 100)
"""Where an SQLite file keeps the version of the library that wrote it last: as it was, so that all write the same."""


def follow(leaving: Leaving) -> Followed:
    """Records of packages that leave go from the database, where it is SQLite's."""
    found = Followed()
    by_database: dict[bytes, list[Package]] = {}
    for package in leaving.packages("rpm"):
        by_database.setdefault(package.evidence, []).append(package)
    contents = leaving.read(by_database)
    for path, packages in by_database.items():
        content = contents.get(path, b"")
        log = leaving.tree.get(path + b"-wal")
        if content.startswith(_MAGIC) and not (log is not None and log.content.size):
            found.edits[path] = _without(content, packages)
        elif path not in leaving.gone:
            names = ", ".join(package.name for package in packages[:5])
            found.notes.append(
                f"rpm: {show(path)} still lists {len(packages)} packages whose files are gone, such as {names}: "
                "only SQLite databases without a pending write-ahead log can be changed"
            )
    return found


def _without(content: bytes, packages: list[Package]) -> bytes:
    wanted = {(package.name, package.version, package.arch) for package in packages}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content[:18] + b"\1\1" + content[20:])
        rows = connection.execute("SELECT hnum, blob FROM Packages").fetchall()
        numbers = [number for number, blob in rows if _key(blob) in wanted]
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(tables):
            columns = {row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")}
            if "hnum" in columns:
                connection.executemany(f"DELETE FROM '{table}' WHERE hnum = ?", [(number,) for number in numbers])
        connection.commit()
        changed = bytearray(connection.serialize())
    changed[_MODE] = content[_MODE]
    changed[_WRITER_VERSION] = content[_WRITER_VERSION]
    return bytes(changed)


def _key(blob: bytes) -> tuple[str, str, str] | None:
    try:
        record = parse(blob)
    except ValueError:
        return None
    return (record.name, record.evr, record.arch) if record is not None else None
