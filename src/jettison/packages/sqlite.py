"""SQLite databases out of untrusted bytes: opened in memory, within bounds, reading plain tables only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

MAGIC = b"SQLite format 3\0"
_MAX_VALUE = 64 << 20
_MAX_STEPS = 200_000_000
"""Instructions of SQLite's machine that one database may cost: a few seconds."""


@contextmanager
def opened(data: memoryview, *tables: str) -> Iterator[sqlite3.Connection]:
    """A connection to the database in `data`, which must have `tables`. Raises `ValueError`, here and in the block.

    A view or a virtual table in a table's place is refused: it could compute for ever.
    """
    import sqlite3  # few images need it

    image = bytearray(data)
    image[18:20] = b"\1\1"  # not write-ahead: SQLite cannot open such a database in memory
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(bytes(image))
        del image
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        steps = iter(range(_MAX_STEPS // 10_000))
        connection.set_progress_handler(lambda: next(steps, None) is None, 10_000)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        plain = {
            name
            for name, text in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
            if "virtual" not in str(text).lower()
        }
        if not plain.issuperset(tables):
            raise ValueError(f"an SQLite database without the table {', '.join(sorted(set(tables) - plain))}")
        yield connection
    except (sqlite3.Error, OverflowError, MemoryError) as error:
        raise ValueError(f"broken SQLite database: {error}") from None
    finally:
        connection.close()
