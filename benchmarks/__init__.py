"""Benchmarks: one small file each, found by the folder, run by `python -m benchmarks`."""
