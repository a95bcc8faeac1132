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
    parser.add_argument("--containerd", action="store_true", help="the engine that keeps images in containerd's store")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="start it, keep it running, and print its DOCKER_HOST")
    commands.add_parser("stop", help="end both")
    commands.add_parser("status", help="say whether they run, and where")
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
    engine = docker.CONTAINERD if arguments.containerd else docker.STANDARD
    if arguments.command == "stop":
        for each in (docker.STANDARD, docker.CONTAINERD):
            each.mark.unlink(missing_ok=True)
            print(f"{each.name}: {'ended' if each.stop() else 'was not running'}")
        return 0
    if arguments.command == "status":
        for each in (docker.STANDARD, docker.CONTAINERD):
            print(f"{each.name}: {'running' if each.runs() else 'not running'}, {each.host}")
        return 0
    engine.mark.touch()
    host = engine.start()
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
