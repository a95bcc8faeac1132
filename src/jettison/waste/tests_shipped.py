"""Test suites and examples inside dependencies."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "dependency-tests",
        "tests and examples of dependencies",
        rank=25,
        remedy="remove them in the RUN that installs the dependencies",
        fix="drop",
        safe=False,
        directory=rb"(?:.*/)?(?:site-packages|dist-packages|node_modules|gems/[^/]+/gems|vendor)/(?:.*/)?"
        rb"(?:tests?|testing/tests|__tests__|spec|examples?|benchmarks?)/|usr/(?:local/)?lib/python3[^/]*/(?:test|idlelib/idle_test"
        rb"|lib2to3/tests|unittest/test|distutils/tests|ctypes/test|sqlite3/test|tkinter/test)/",
    ),
)
