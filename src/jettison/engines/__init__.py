"""Engines: who builds and runs containers, and how they are found and talked to.

endpoint   where an engine listens: DOCKER_HOST, contexts, default sockets; podman's likewise
socket     HTTP over a unix socket
api        the Engine API: requests, versions, errors
"""
