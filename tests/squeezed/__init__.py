"""Squeezing held against real images, engines, registries and scanners: `python tests/squeezed --help`."""
