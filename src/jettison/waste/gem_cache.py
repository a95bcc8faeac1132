"""RubyGems' and Bundler's caches: the archives that installed gems were unpacked from."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "gem-cache",
        "gem archives",
        rank=13,
        remedy="remove them in the same RUN (rm -rf /usr/local/bundle/cache)",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?(?:gems/[^/]+/cache|\.bundle/cache|\.gem/ruby/[^/]+/cache|specs/rubygems\.org[^/]*)/"
        rb"|usr/local/bundle/cache/",
    ),
)
