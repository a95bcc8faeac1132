"""Tests of `jettison.registry` and of the store `docker://`."""
