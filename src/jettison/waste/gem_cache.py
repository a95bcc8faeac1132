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
        # gems/3.2.0/cache holds archives; gems/NAME-1.0/cache is a directory of that gem's own.
        directory=rb"(?:.*/)?(?:(?:gems|ruby)/\d[\d.]*/cache|\.bundle/cache|specs/rubygems\.org[^/]*)/"
        rb"|usr/local/bundle/cache/",
        also=((rb"(?:.*/)?vendor/cache/$", rb".+\.gem"),),
    ),
)
