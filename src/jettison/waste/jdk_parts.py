"""The parts of a JDK that compile and that people read: a running program needs the runtime only."""

from __future__ import annotations

from jettison.waste import Kind

_HOME = rb"(?:.*/)?(?:jvm/[^/]+|java/[^/]+|[^/]*(?:openjdk|jdk|graalvm|temurin|corretto|zulu)[^/]*)"

KINDS = (
    Kind(
        "jdk-parts",
        "parts of a JDK that only a compiler reads",
        rank=23,
        remedy="run on a JRE, or on what jlink makes",
        fix="stage",
        safe=False,
        directory=_HOME + rb"/(?:jmods|demo|sample)/",
        also=((_HOME + rb"/(?:lib/)?$", rb"src\.zip|ct\.sym"),),
    ),
)
