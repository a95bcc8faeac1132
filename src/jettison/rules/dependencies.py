"""What a command that installs a project's dependencies reads: the manifest, lock files, and how to keep it to them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from jettison.dockerfile.patterns import lazy

if TYPE_CHECKING:
    from jettison.dockerfile.shell import Command


class Manifest(NamedTuple):
    """What an install needs: the file that must be there, and lock files that may be."""

    needed: str
    locks: tuple[str, ...] = ()
    taken: str = ""
    """The sources of a COPY that takes the manifest and whichever lock file there is; "" where names must be known."""
    alone: str = ""
    """Options with which the command leaves the project itself, which it would install too, for a second run."""
    fetch: str = ""
    """For a command that builds: the command that does no more than download what the build needs."""
    single: bool = False
    """Holds for a project of one module only; more of them have manifests in their own directories."""
    known: bool = False
    """Judged only where the build context at hand shows the manifest: the command also serves projects without one."""


_NPM: Final = Manifest("package.json", ("package-lock.json", "npm-shrinkwrap.json"), "package*.json")
_YARN: Final = Manifest("package.json", ("yarn.lock",))
_PNPM: Final = Manifest("package.json", ("pnpm-lock.yaml",))
_BUNDLE: Final = Manifest("Gemfile", ("Gemfile.lock",), "Gemfile*")
_COMPOSER: Final = Manifest(
    "composer.json", ("composer.lock",), "composer.json composer.lock*", "--no-scripts --no-autoloader"
)
_PIPENV: Final = Manifest("Pipfile", ("Pipfile.lock",), "Pipfile*")
_GO: Final = Manifest("go.mod", ("go.sum",), "go.mod go.sum*")
_GO_BUILD: Final = Manifest("go.mod", ("go.sum",), "go.mod go.sum*", fetch="go mod download", known=True)
_MAVEN: Final = Manifest("pom.xml", (), "pom.xml")
_MAVEN_BUILD: Final = Manifest("pom.xml", (), "pom.xml", fetch="mvn -B dependency:go-offline", single=True)
_GRADLE_BUILD: Final = Manifest(
    "build.gradle", (), "*.gradle* gradle.properties*", fetch="gradle --no-daemon dependencies", single=True
)
# Cargo reads no manifest without a target beside it.
_CARGO: Final = Manifest(
    "Cargo.toml", ("Cargo.lock",), "Cargo.toml Cargo.lock*",
    fetch="mkdir src && touch src/lib.rs && cargo fetch && rm -r src", single=True,
)  # fmt: skip
_PYPROJECT: Final = {
    "poetry": Manifest("pyproject.toml", ("poetry.lock",), "pyproject.toml poetry.lock*", "--no-root"),
    "pdm": Manifest("pyproject.toml", ("pdm.lock",), "pyproject.toml pdm.lock*", "--no-self"),
    "uv": Manifest("pyproject.toml", ("uv.lock",), "pyproject.toml uv.lock*", "--no-install-project"),
}
_MAVEN_PHASES: Final = frozenset(("compile", "package", "verify", "install", "deploy"))
_GRADLE_BUILDS = lazy(r":?(?:build|assemble|jar|bootJar|shadowJar|installDist|distZip|war)\Z")


def manifest(command: Command) -> Manifest | None:
    """What a command that installs dependencies reads, or None when it installs none, or more than these."""
    words = [word.text or "" for word in command.operands(("--prefix", "-C", "--cache", "--registry", "-g"))]
    what = words[0] if words else ""
    name = command.name or ""
    if name in ("npm", "yarn", "pnpm"):
        return _of_node(command, name, what, words)
    if name in ("pip", "pip3") and what == "install":
        files = _requirements(command)
        # `pip install .` or `-e .` builds the project itself.
        if len(files) == 1 and len(words) == 2 and "/" not in files[0].removeprefix("./"):
            file = files[0].removeprefix("./")
            return Manifest(file, (), file)
        return None
    if name == "go" and words[:2] == ["mod", "download"]:
        return _GO
    if name == "go" and what == "build":
        return _GO_BUILD
    if name == "bundle" and what == "install":
        return _BUNDLE
    if name == "composer" and what == "install":
        return _COMPOSER
    if (name in ("poetry", "pdm") and what == "install") or (name == "uv" and what == "sync"):
        return _PYPROJECT[name]
    if name == "pipenv" and what in ("install", "sync") and len(words) == 1:
        return _PIPENV
    if name == "mvn" and not command.has("-f", "--file", "-pl", "--projects"):
        if any(word.startswith("dependency:") for word in words):
            return _MAVEN
        return _MAVEN_BUILD if _MAVEN_PHASES.intersection(words) else None
    if name == "gradle" and any(_GRADLE_BUILDS.match(word) for word in words):
        return None if command.has("-p", "--project-dir", "-b") else _GRADLE_BUILD
    if name == "cargo" and not command.has("--manifest-path", "--git"):
        return _CARGO if what in ("build", "fetch") else None
    return None


def _of_node(command: Command, name: str, what: str, words: list[str]) -> Manifest | None:
    if command.has("-g", "--global", "--prefix", "-C"):
        return None
    if name == "npm" and (what in ("ci", "clean-install") or (what in ("install", "i") and len(words) == 1)):
        return _NPM
    if name == "yarn" and (what == "install" or not words) and len(words) < 2:
        return _YARN
    return _PNPM if name == "pnpm" and what in ("install", "i") and len(words) == 1 else None


def _requirements(command: Command) -> list[str]:
    words = command.arguments
    found = []
    for index, word in enumerate(words):
        text = word.text or ""
        if text in ("-r", "--requirement") and index + 1 < len(words):
            found.append(words[index + 1].text or "/")
        elif text.startswith("--requirement="):
            found.append(text.partition("=")[2])
        elif re.fullmatch(r"-r\S+", text):
            found.append(text[2:])
    return found
