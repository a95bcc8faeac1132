"""Jettison makes container images light, and proves that nothing needed went overboard."""

__version__ = "0.1.0"
