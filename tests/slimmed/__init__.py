"""Slimming held against real applications: `python tests/slimmed --help`."""
