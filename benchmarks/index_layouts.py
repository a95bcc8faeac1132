"""Indexing OCI layouts, beside a pipeline that only inflates and hashes"""

from __future__ import annotations

from benchmarks.measuring import Images, Row, task


def rows(images: Images, runs: int) -> list[Row]:
    """gzip and zstd, each after its floor."""
    return [
        task("gzip floor: inflate (isal) and sha256, blob and tar", "pipeline", images.gzip, runs),
        task("gzip index", "index", f"oci:{images.gzip}", runs),
        task("gzip index with all probes", "index_probed", f"oci:{images.gzip}", runs),
        task("zstd floor", "pipeline", images.zstd, runs),
        task("zstd index", "index", f"oci:{images.zstd}", runs),
    ]
