"""What the integration tests run against, started by the tests themselves.

A Docker engine in a root of its own, stand-ins for popular base images made from Debian's packages, a real registry in
three modes, podman, buildah, skopeo and umoci, and real test images built with them. Everything is kept between runs
under one folder (`machine.cache_dir`), and nothing outside it is written, except Debian packages that are missing.

`python tests/engine --help` does by hand what the fixtures of `tests/conftest.py` do.
"""
