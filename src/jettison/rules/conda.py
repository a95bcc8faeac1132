"""conda, mamba and micromamba: what they leave behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.rules.engine.cleaning import clean_up
from jettison.rules.kept_caches import KeptCache

if TYPE_CHECKING:
    from jettison.dockerfile.shell import Command
    from jettison.dockerfile.words import Word
    from jettison.finding import Edit
    from jettison.rules.engine.context import Context

CONDA: Final = ("conda", "mamba", "micromamba")
VALUES: Final = ("-n", "--name", "-p", "--prefix", "-c", "--channel", "-f", "--file", "-r", "--root-prefix", "--solver")

_CACHE = lazy(rb"/pkgs(?:/|\*|['\"]?\Z)|/\{?[^/ ]*\bpkgs\b")
_OLD = lazy(
    rb"miniconda\d?[-:](?:py\d+_)?(?:3\.|4\.[0-5]\b)|anaconda\d?[-:](?:[1-4]\.|5\.[0-3])|conda={1,2}4\.[0-5]\b",
    re.IGNORECASE,
)
"""conda before 4.6, which does not know `clean -f`."""
_MOUNT = lazy(r"/pkgs/?$|conda|mamba")


def fills(command: Command) -> Word | None:
    """The word of the subcommand when it installs."""
    words = command.operands(VALUES)
    if not words or command.has("--help", "--dry-run", "--version"):
        return None
    if words[0].text in ("install", "create", "update", "upgrade"):
        return words[0]
    if words[0].text == "env" and len(words) > 1 and words[1].text in ("create", "update"):
        return words[1]
    return None


class CacheKept(KeptCache):
    """conda's downloaded packages stay in the layer.

    What it does: reports `conda install`, `create`, `update` and `env create` (mamba and micromamba, too) that the RUN
    does not clean up after, in a stage whose layers ship. A cache mount on `pkgs` is fine.

    Why is this bad: every package is in the image as an archive beside its files, often gigabytes.

    Use instead: end the same RUN with `conda clean -afy`.

    Fix safety: safe, only package caches are removed. None where environments may be links into the cache
    (`allow_softlinks`, `always_softlink`) and where conda may be gone by then.

    Sources: conda's documentation of `clean`; no linter has this rule.
    """

    code = "CONDA001"
    name = "conda-cache-kept"
    mentions = (b"conda", b"mamba")
    tools = CONDA
    cache = _CACHE
    mount = _MOUNT
    kept = "the packages that {} downloaded stay in the layer"
    mend = "delete them in the same RUN"
    bad = (
        "FROM continuumio/miniconda3\nRUN conda install -y numpy\n",
        "FROM mambaorg/micromamba\nRUN micromamba install -y -n base \\\n    numpy\n",
    )
    good = (
        "FROM continuumio/miniconda3\nRUN conda install -y numpy && conda clean -afy\n",
        "FROM mambaorg/micromamba\nRUN micromamba install -y -n base \\\n    numpy && micromamba clean -afy\n",
        "FROM continuumio/miniconda3\nRUN conda install -y numpy && rm -rf /opt/conda/pkgs/*\n",
    )

    def fills(self, command: Command) -> Word | None:
        """Installs."""
        return fills(command)

    def empties(self, command: Command) -> bool:
        """`conda clean`."""
        return command.name in CONDA and "clean" in (word.text for word in command.operands(VALUES)[:2])

    def edit(self, filling: list[Command], context: Context) -> Edit | None:
        """`conda clean`, in the form that the conda at hand knows."""
        if b"softlink" in context.file.data:
            return None
        return clean_up(filling[-1], b"clean -ay" if _OLD.search(context.file.data) else b"clean -afy")
