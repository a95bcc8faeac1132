"""Litter of editors, shells and desktops."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "litter",
        "litter of editors and desktops",
        rank=18,
        remedy="name it in .dockerignore, or remove it in the same RUN",
        fix="ignore",
        counts=True,
        named=rb"\.DS_Store|\._[^/]+|Thumbs\.db|desktop\.ini|\.[^/]+\.sw[nop]|[^/]*[^/~]~|\.#.+|#.+#"
        rb"|\.(?:bash|zsh|ash|python|node_repl|psql|mysql|sqlite|irb|php)_history|\.wget-hsts|\.lesshst|\.viminfo",
        also=((rb"(?:.*/)?__MACOSX/", rb".+"),),
    ),
)
