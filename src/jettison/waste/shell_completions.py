"""What shells read to complete a command line: only people at a prompt miss it."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "shell-completions",
        "completions for shells",
        rank=33,
        remedy="remove /usr/share/bash-completion, zsh and fish completions in the RUN that installs",
        fix="drop",
        directory=rb"usr/(?:local/)?share/(?:bash-completion/completions|zsh/(?:site-functions|vendor-completions)"
        rb"|fish/(?:vendor_completions\.d|completions))/|etc/bash_completion\.d/",
    ),
)
