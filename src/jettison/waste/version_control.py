"""Version control directories: the project's whole history, where only its present is wanted."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "version-control",
        "version control directories",
        rank=14,
        remedy="name .git in .dockerignore; after a git clone, remove it in the same RUN",
        fix="ignore",
        counts=True,
        directory=rb"(?:.*/)?(?:\.git|\.svn|\.hg|\.bzr)/",
        also=((rb"(?:.*/)?CVS/$", rb"Entries(?:\.Log)?|Repository|Root|Tag|Template"),),
    ),
)
