"""Core dumps and crash reports."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "core-dumps",
        "core dumps and crash reports",
        rank=17,
        remedy="remove them in the same RUN; see what crashed",
        fix="one-run",
        counts=True,
        # core.5 in a man directory is a manual page.
        directory=rb"(?!(?:.*/)?man/|(?:.*/)?man\d[^/]*/)",
        named=rb"core\.\d+|(?:hs_err|replay)_pid\d+\.log|java_pid\d+\.hprof|.+\.(?:stackdump|mdmp|hprof)",
    ),
    Kind(
        "crash-reports",
        "crash reports",
        rank=17,
        remedy="remove them in the same RUN; see what crashed",
        fix="one-run",
        counts=True,
        directory=rb"var/crash/|var/lib/systemd/coredump/|var/lib/apport/",
    ),
)
