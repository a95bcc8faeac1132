"""dive's figures in dive's own shapes: the text of its CI mode and its JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from jettison.image.entry import DIRECTORY, show

if TYPE_CHECKING:
    from jettison.analysis import Analysis, LayerReport
    from jettison.waste.dive import DiveFigures


def as_text(figures: DiveFigures) -> str:
    """The lines that dive prints under `CI=true`, all digits kept."""
    lines = [
        f"efficiency: {figures.efficiency * 100:.4f} %",
        f"wastedBytes: {figures.wasted} bytes",
        f"userWastedPercent: {figures.wasted_user_percent * 100:.4f} %",
        f"imageSize: {figures.size} bytes",
        f"userSize: {figures.user_size} bytes",
        "Inefficient Files:",
        f"{'Count':<7}{'Wasted Space':>14}  File Path",
    ]
    lines += [f"{path.count:<7}{path.size:>14}  {show(path.path)}" for path in figures.inefficient]
    return "\n".join(lines) + "\n"


def as_json(analysis: Analysis, figures: DiveFigures) -> bytes:
    """The document of `dive --json`, with its field names; `userSizeBytes` and the shares are ours."""
    document: dict[str, Any] = {
        "layer": [_layer(report, size) for report, size in zip(analysis.layers, figures.layer_sizes, strict=True)],
        "image": {
            "sizeBytes": figures.size,
            "inefficientBytes": figures.wasted,
            "efficiencyScore": figures.efficiency,
            "userSizeBytes": figures.user_size,
            "wastedUserPercent": figures.wasted_user_percent if figures.user_size else None,
            "fileReference": [
                {"count": path.count, "sizeBytes": path.size, "file": show(path.path)} for path in figures.inefficient
            ],
        },
    }
    return msgspec.json.encode(document) + b"\n"


def _layer(report: LayerReport, size: int) -> dict[str, Any]:
    return {
        "index": report.number,
        "id": str(report.layer.diff_id.hex),
        "digestId": str(report.layer.diff_id),
        "sizeBytes": size,
        "command": report.origin.command,
        "fileList": [
            {
                "path": show(entry.path),
                "typeFlag": ord("0") + entry.kind,
                "linkName": show(entry.link),
                "size": entry.size,
                "fileMode": entry.mode,
                "uid": entry.uid,
                "gid": entry.gid,
                "isDir": entry.kind == DIRECTORY,
            }
            for entry in report.index.entries
        ],
    }
