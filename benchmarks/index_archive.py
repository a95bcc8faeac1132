"""Indexing a docker-archive, beside the floor and the peers

The floor is two threads that each hash all bytes with sha256: an index holds a digest of every layer and of every file.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import Images, Row, process, task

BIN = Path(sys.executable).parent


def rows(images: Images, runs: int) -> list[Row]:
    """The floor, the index with and without probes, Trivy's and Syft's inventories."""
    found = [
        task("floor: sha256 of all bytes in each of two threads", "floor", images.archive, runs),
        task("index: entries, hashes, digests verified", "index", f"docker-archive:{images.archive}", runs),
        task("index with all probes", "index_probed", f"docker-archive:{images.archive}", runs),
    ]
    with tempfile.TemporaryDirectory() as cache:
        trivy = [str(BIN / "trivy"), "image", "--quiet", "--input", images.archive, "--format", "cyclonedx"]
        trivy += ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check"]
        rows = [process("", [*trivy, "--cache-dir", f"{cache}/{n}"], 1) for n in range(runs)]
        best = min(rows, key=lambda row: row.wall)
        found.append(Row("trivy 0.76 SBOM, whole process, cold", best.wall, best.cpu, best.memory))
    syft = [str(BIN / "syft"), "-q", f"docker-archive:{images.archive}", "-o", "json"]
    found.append(process("syft 1.18 JSON, whole process", syft, runs, env={"SYFT_CHECK_FOR_APP_UPDATE": "false"}))
    return found
