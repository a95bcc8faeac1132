"""The shared corpus: every file round-trips, and is read as BuildKit's own parser reads it.

Known differences: none but the one file both refuse. `dockerfile` is older than the BuildKit whose instruction checks
`syntax.py` follows, and checks no instructions, so only what it refuses must be refused here.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jettison.dockerfile import parse

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("JETTISON_CORPUS", ROOT.parent / "shared" / "corpus" / "dockerfiles.tar.gz"))


NEEDS_ARGUMENTS = {
    "GoogleCloudPlatform__golang-samples__testing__docker__Dockerfile",
    "MariaDB__mariadb-docker__Containerfile.debug",
    "MariaDB__mariadb-docker__Containerfile.debug-ubi",
    "STAR-RG__shipwright__data__broken-dockerfiles__1b39bcb726da3d44bbbd6a934d72749b51f677eb.Dockerfile",
    "STAR-RG__shipwright__data__broken-dockerfiles__35e5d82fdbaabcef1e032f7de1e07bd53d991d9f.Dockerfile",
    "STAR-RG__shipwright__data__broken-dockerfiles__3d0e6d666fbb3b82b081a16615fd120583d4e3ee.Dockerfile",
    "STAR-RG__shipwright__data__broken-dockerfiles__88b0abd6333c8897ffe3ca7b973252f84bad79e5.Dockerfile",
    "dotnet__dotnet-docker__documentation__scripts__Dockerfile.distroless-wrapper",
    "dotnet__dotnet-docker__tests__Microsoft.DotNet.Docker.Tests__TestAppArtifacts__Dockerfile.copy",
    "dotnet__dotnet-docker__tests__Microsoft.DotNet.Docker.Tests__TestAppArtifacts__NLSTest.Dockerfile",
    "oracle__docker-images__OracleVeridata__12.2.1.4__Dockerfile",
    "vsoch__github-dockerfiles__data__m__mozilla__gecko-dev__Dockerfile.66",
    "vsoch__github-dockerfiles__data__s__slpcat__docker-images__Dockerfile.185",
    "yinyuanzhang__dockerfiles__data__r__rekgrpth__nginx__Dockerfile",
    "yinyuanzhang__dockerfiles__data__s__stefco__llama-dev__Dockerfile",
}
"""Members of the corpus that BuildKit refuses for want of a variable: a build argument, or what a base image sets."""


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


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="no corpus; JETTISON_CORPUS names an archive of Dockerfiles")
def test_refused_as_buildkit_does(buildkit: Callable[[dict[str, bytes]], dict[str, dict[str, Any]]]) -> None:
    """What `docker build --check` refuses, and nothing else, but for files that want an argument (docs/syntax.md)."""
    with tarfile.open(CORPUS) as tar:
        files = {each.name: tar.extractfile(each).read() for each in tar if each.isfile()}  # type: ignore[union-attr]
    ours_only, theirs_only = [], []
    for name, answer in buildkit(files).items():
        ours, theirs = parse(files[name], name).problems, answer.get("refused") or answer.get("check")
        if ours and not theirs:
            ours_only.append((name, str(ours[0])))
        elif theirs and not ours and name.removeprefix("./") not in NEEDS_ARGUMENTS:
            theirs_only.append((name, theirs))
    assert not ours_only
    assert not theirs_only
