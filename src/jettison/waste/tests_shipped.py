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
        # Python's convention is the plural: django/test is a part of Django. Of Node packages, gems and PHP packages
        # only directories at their top: lib/test may be what the package is about.
        directory=rb"(?>(?:.*?/)??(?:site|dist)-packages/)(?:.*/)?(?:tests|SelfTest)/"
        rb"|(?:.*/)?node_modules/(?:@[^/]+/)?[^/@]+/(?:tests?|__tests__|specs?|examples?|benchmarks?)/"
        rb"|(?>(?:.*?/)??node_modules/)(?:.*/)?__tests__/"
        rb"|(?:.*/)?(?:gems/\d[\d.]*|ruby/\d[\d.]*|bundle)/gems/[^/]+/(?:tests?|specs?|features|examples?|benchmarks?)/"
        rb"|(?:.*/)?vendor/[^/]+/[^/]+/(?:[Tt]ests?|examples?)/"
        rb"|(?:.*/)?lib/python3[^/]*/(?:test|idlelib/idle_test|lib2to3/tests|unittest/test|distutils/tests|ctypes/test"
        rb"|sqlite3/test|tkinter/test)/",
    ),
)
