"""Documentation: no program reads it. Copyright files stay, since licences ask for them."""

from __future__ import annotations

from jettison.waste import Kind

_NO_LICENCE = rb"(?!(?i:copyright|licen[cs]e|notice|copying|patents))"

KINDS = (
    Kind(
        "docs",
        "documentation",
        rank=31,
        remedy="remove /usr/share/doc, but copyright, in the RUN that installs; or exclude it in dpkg.cfg",
        fix="drop",
        directory=rb"(?:usr(?:/local)?|opt/[^/]+)/share/(?:doc|info|lintian|linda|gtk-doc|devhelp|help|doc-base|ri)/",
        named=_NO_LICENCE + rb".+",
        also=(
            (rb"(?:.*/)?lib/ruby/gems/\d[\d.]*/doc/|var/lib/gems/\d[\d.]*/doc/", _NO_LICENCE + rb".+"),
            (rb"(?:.*/)?lib/R/(?:library|site-library)/[^/]+/(?:doc|html|demo)/", _NO_LICENCE + rb".+"),
        ),
    ),
    Kind(
        "man-pages",
        "manual pages",
        rank=31,
        remedy="remove /usr/share/man in the RUN that installs; or exclude it in dpkg.cfg",
        fix="drop",
        directory=rb"usr/(?:local/)?(?:share/)?man/|opt/[^/]+/(?:share/)?man/|(?:usr/lib/jvm|opt/java)/[^/]+/man/|var/cache/man/",
    ),
)
