"""What a run of an image touches: every path that its processes ask the kernel for, seen by a sensor inside.

trace       what was seen: paths and what was done to them, what was missing, what ran; loading, saving, merging
log         the sensor's log, read
binary      the sensor as a program: the one in the wheel, or one built from `sensor/`, its C source
running     `run`: an image runs traced, in an engine or without one, and can be used meanwhile
target      a live run: its ports, its output, commands inside, how it ended
readiness   watching until it is ready: a health check, a line of its output, a port
exercise/   what to do with it meanwhile, one file a kind
"""

from jettison.trace.trace import Executed, Trace, load, merge, save

__all__ = ["Executed", "Trace", "load", "merge", "save"]
