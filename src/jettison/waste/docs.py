"""Documentation: no program reads it. Copyright files stay, since licences ask for them."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "docs",
        "documentation",
        rank=31,
        remedy="remove /usr/share/doc, but copyright, in the RUN that installs; or exclude it in dpkg.cfg",
        fix="drop",
        directory=rb"usr/(?:local/)?share/(?:doc|info|lintian|linda|gtk-doc|help|doc-base)/",
        named=rb"(?!copyright$|(?i:licen[cs]e|notice|copying)).+",
    ),
    Kind(
        "man-pages",
        "manual pages",
        rank=31,
        remedy="remove /usr/share/man in the RUN that installs; or exclude it in dpkg.cfg",
        fix="drop",
        directory=rb"usr/(?:local/)?(?:share/)?man/|var/cache/man/",
    ),
)
