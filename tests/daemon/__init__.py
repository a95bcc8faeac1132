"""Tests of `jettison.engines` and of the stores `docker-daemon:` and `podman:`."""
