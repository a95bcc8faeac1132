"""Dockerfiles: a lossless tree, its shell code as tables of commands, its stages and its build context."""

from __future__ import annotations

from jettison.dockerfile.instruction import Instruction
from jettison.dockerfile.parse import parse
from jettison.dockerfile.tree import Comment, Directive, Dockerfile, Trivia
from jettison.dockerfile.words import Flag, Heredoc, Pair, Problem, Word

__all__ = [
    "Comment",
    "Directive",
    "Dockerfile",
    "Flag",
    "Heredoc",
    "Instruction",
    "Pair",
    "Problem",
    "Trivia",
    "Word",
    "parse",
]
