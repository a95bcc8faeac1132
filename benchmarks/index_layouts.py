"""Indexing OCI layouts, beside pipelines that only inflate and hash

The floor is one thread that reads and inflates (isal for gzip) and another that hashes the tar with sha256. An index
must also verify the blob's own digest, and hash every file.
"""

from __future__ import annotations

from benchmarks.measuring import Images, Row, side_by_side, task


def rows(images: Images, rounds: int) -> list[Row]:
    """gzip and zstd, each beside its floors; the notes compare with these."""
    found = []
    for name, layout in (("gzip", images.gzip), ("zstd", images.zstd)):
        cases = [
            task(f"{name} floor: inflate, sha256 of the tar", "pipeline", layout, layout),
            task(f"{name} floor with sha256 of the blob", "pipeline_verified", layout, layout),
            task(f"{name} index", "index", f"oci:{layout}", layout),
            task(f"{name} index with all probes", "index_probed", f"oci:{layout}", layout),
        ]
        rows = side_by_side(cases, rounds)
        for row in rows:
            note = f"{row.wall / rows[0].wall:.2f} of its floor"
            found.append(Row(row.title, row.wall, row.cpu, row.memory, note))
    return found
