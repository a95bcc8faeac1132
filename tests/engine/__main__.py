"""The test engine by hand: `python tests/engine start`, and `--help` for the rest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine import bases, docker, images, machine


def main() -> int:
    """Parse one command and do it."""
    parser = argparse.ArgumentParser(prog="tests/engine", description="The engine that the integration tests use.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="start it, keep it running, and print its DOCKER_HOST")
    commands.add_parser("stop", help="end it")
    commands.add_parser("status", help="say whether it runs, and where it lies")
    client = commands.add_parser("docker", help="run the docker command line against it")
    client.add_argument("arguments", nargs=argparse.REMAINDER)
    base = commands.add_parser("base", help="make stand-ins for base images")
    base.add_argument("names", nargs="*", default=list(bases.BASES))
    image = commands.add_parser("image", help="build test images (tests/images), before and after")
    image.add_argument("names", nargs="*", default=images.names())
    arguments = parser.parse_args()
    try:
        return act(arguments)
    except machine.Unavailable as error:
        print(f"tests/engine: {error}", file=sys.stderr)
        return 1


def act(arguments: argparse.Namespace) -> int:
    """Carry out a parsed command."""
    if arguments.command == "stop":
        docker.keep(False)
        print("ended" if docker.stop() else "was not running")
        return 0
    if arguments.command == "status":
        host = f"unix://{docker.socket()}"
        runs = docker.socket().exists() and docker.answers(host)
        print(f"{host}: {'running' if runs else 'not running'}")
        return 0 if runs else 1
    docker.keep(True)
    host = docker.start()
    client = docker.client(host)
    if arguments.command == "docker":
        print(client(*arguments.arguments), end="")
    elif arguments.command == "base":
        for name in arguments.names:
            print(bases.ensure(client, name))
    elif arguments.command == "image":
        for name in arguments.names:
            print(images.build(client, name).summary())
    else:
        print(host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
