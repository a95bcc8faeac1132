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
        named=rb"core\.\d+|hs_err_pid\d+\.log|.+\.(?:stackdump|dmp|hprof)",
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
