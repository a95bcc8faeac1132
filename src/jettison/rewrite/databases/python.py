"""Python: a distribution's RECORD, the list of its files."""

from __future__ import annotations

import csv
import io
import posixpath
from typing import TYPE_CHECKING

from jettison.rewrite.databases import Followed

if TYPE_CHECKING:
    from jettison.rewrite.databases import Leaving


def follow(leaving: Leaving) -> Followed:
    """The RECORD of a distribution that stays loses the files that leave."""
    found = Followed()
    records = [_record(package.evidence) for package in leaving.touched("pypi")]
    for path, content in leaving.read(path for path in records if path in leaving.tree.nodes).items():
        site = posixpath.dirname(posixpath.dirname(path))
        lines = content.splitlines(keepends=True)
        staying = [line for line in lines if posixpath.normpath(posixpath.join(site, _path(line))) not in leaving.gone]
        if len(staying) != len(lines):
            found.edits[path] = b"".join(staying)
    return found


def _record(evidence: bytes) -> bytes:
    return posixpath.join(posixpath.dirname(evidence), b"RECORD")


def _path(line: bytes) -> bytes:
    """The first field of a line of RECORD; one that spans lines is left alone."""
    row = next(csv.reader(io.StringIO(line.decode("utf-8", "surrogateescape"))), [])
    return row[0].encode("utf-8", "surrogateescape") if row else b""
