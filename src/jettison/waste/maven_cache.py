"""Caches of Java's build tools: Maven's local repository, Gradle's caches, ivy and sbt."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "maven-cache",
        "Maven, Gradle, ivy and sbt caches",
        rank=13,
        remedy="build in a stage of its own, or mount a cache for /root/.m2 or /root/.gradle",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?(?:\.m2/(?:repository|wrapper)|\.gradle/(?:caches|wrapper|daemon|native)|\.ivy2/cache"
        rb"|\.sbt/boot|\.cache/coursier)/",
        used_by=r"\b(?:mvnw?|gradlew?|sbt|lein|clj|clojure|scala(?:-cli)?|amm|groovy|jbang)(?:\.\w+)?\s+\S"
        r"|\.m2/|\.gradle/|\.ivy2/|\bcoursier\b",
    ),
)
