"""Python bytecode: made again from the sources when it is missing, at the cost of a slower first start."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "bytecode",
        "Python bytecode",
        rank=30,
        remedy="set PYTHONDONTWRITEBYTECODE=1 while installing, pip install --no-compile; starts get slower",
        fix="drop",
        directory=rb"(?:.*/)?__pycache__/",
    ),
)
