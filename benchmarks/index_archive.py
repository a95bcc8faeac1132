"""Indexing a docker-archive, beside the floor and the peers

The floor is two threads that each hash all bytes with sha256, out of memory: an index holds a digest of every layer and
one of every file. The peers' rows are whole processes, which also catalogue packages, as the next table's do.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Case, Images, Row, side_by_side, task

BIN = Path(sys.executable).parent


def rows(images: Images, rounds: int) -> list[Row]:
    """The floor, the index with and without probes, Trivy's and Syft's inventories."""
    archive, reference = images.archive, f"docker-archive:{images.archive}"
    with tempfile.TemporaryDirectory() as cache:
        trivy = [str(BIN / "trivy"), "image", "--quiet", "--input", archive, "--format", "cyclonedx"]
        trivy += ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check"]
        trivy += ["--cache-backend", "memory", "--cache-dir", cache]
        syft = [str(BIN / "syft"), "-q", reference, "-o", "json"]
        cases = [
            task("floor: sha256 of all bytes in each of two threads", "floor", archive),
            task("the same, reading the file", "floor_read", archive, archive),
            task("index: entries, hashes, digests verified", "index", reference, archive),
            task("index with all probes", "index_probed", reference, archive),
            Case("Trivy 0.76, CycloneDX", trivy, reads=archive),
            Case("Syft 1.18, JSON", syft, reads=archive, environment={"SYFT_CHECK_FOR_APP_UPDATE": "false"}),
        ]
        return side_by_side(cases, rounds)
