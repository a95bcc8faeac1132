"""The shared corpus: every file round-trips, and is read as BuildKit's own parser reads it.

Known differences: none but the one file both refuse. `dockerfile` is older than the BuildKit whose instruction checks
`syntax.py` follows, and checks no instructions, so only what it refuses must be refused here.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from jettison.dockerfile import parse

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("JETTISON_CORPUS", ROOT.parent / "shared" / "corpus" / "dockerfiles.tar.gz"))


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="no corpus; JETTISON_CORPUS names an archive of Dockerfiles")
def test_corpus() -> None:
    oracle = pytest.importorskip("dockerfile")
    differences = []
    count = 0
    with tarfile.open(CORPUS) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is None:
                continue
            count += 1
            data = stream.read()
            file = parse(data, member.name)
            assert b"".join(node.data for node in file.nodes) == data, member.name
            try:
                theirs = [
                    ((c.cmd or "").upper(), c.start_line, c.end_line)
                    for c in oracle.parse_string(data.decode("latin-1"))
                ]
            except oracle.GoParseError:
                assert file.problems, f"BuildKit refuses {member.name}"
                continue
            line = file.source.line
            ours = [(i.kind, line(i.start), line(max(i.start, i.end - 1))) for i in file.instructions]
            if ours != theirs:
                differences.append(member.name)
    assert count > 1000
    assert differences == []
