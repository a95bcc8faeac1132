"""Slimming: of an image, what its programs touch while they run stays, with all that follows from it.

A trace gives the roots, the closure follows them (one concern a module of `closure`), the plan says what goes, and
applying it rewrites the layers, proved. Every path that stays or goes can say why. `prove` does all of it and runs the
result beside the original.
"""

from jettison.slim.apply import Slimmed, apply
from jettison.slim.plan import Plan, plan
from jettison.slim.proving import Proved, Wishes, prove
from jettison.slim.rehearsal import Rehearsal
from jettison.slim.view import LEVELS, Level

__all__ = ["LEVELS", "Level", "Plan", "Proved", "Rehearsal", "Slimmed", "Wishes", "apply", "plan", "prove"]
