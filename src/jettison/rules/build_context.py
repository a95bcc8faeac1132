"""The build context: what `COPY .` takes along, measured where the directory is at hand."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.rules.engine.rule import FileRule
from jettison.units import size as size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.context import BuildContext
    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context

_UNWANTED: Final = (
    (".git", lazy(r"(?:^|/)\.git/")),
    ("node_modules", lazy(r"(?:^|/)node_modules/")),
    ("a virtual environment", lazy(r"(?:^|/)\.?venv/")),
    ("Python's caches", lazy(r"(?:^|/)(?:__pycache__|\.mypy_cache|\.ruff_cache|\.pytest_cache|\.tox|\.nox)/")),
    (
        "build output of Rust, Gradle or Terraform",
        lazy(r"(?:^|/)(?:target/(?:debug|release)|\.gradle|\.terraform)/"),
    ),
    ("settings of editors", lazy(r"(?:^|/)\.(?:idea|vscode|vs)/")),
)
_NOT_NAMED = lazy(r"[*?\[]|://|^<<|^git@")
_DOCKERFILE = lazy(r"(?i)(?:^|/)(?:dockerfile|containerfile|[^/]*[._-](?:docker|container)file|\.dockerignore)[^/]*\Z")
_SECRETS = lazy(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.env(?:\.(?:local|production|prod))?|\.npmrc|\.pypirc|\.netrc|\.git-credentials"
    r"|\.aws/.+|\.ssh/.+|\.pgpass|.+\.(?:p12|pfx|kdbx))\Z"
)


def whole(file: Dockerfile, place: BuildContext) -> Instruction | None:
    """The first COPY or ADD that takes the whole build context; None where that seems to be another directory.

    Which directory a build will be given is not in the Dockerfile. One that lacks a file the Dockerfile copies, or
    holds nothing but Dockerfiles, is not it.
    """
    found = None
    for instruction in file.instructions:
        if instruction.kind not in ("COPY", "ADD") or instruction.flag("from") is not None:
            continue
        for word in (instruction.json or instruction.words)[:-1]:
            source = instruction.expand(word)
            if source in (".", "./", "/", "*", "./*"):
                found = found or instruction
            elif source and not _NOT_NAMED.search(source) and not place.exists(source.strip("/")):
                return None
    if found is None:
        return None
    if "only dockerfiles" not in place.memo:
        place.memo["only dockerfiles"] = all(_DOCKERFILE.search(path) for path in place.sent.files)
    return None if place.memo["only dockerfiles"] else found


class IgnoreFileMissing(FileRule):
    """The whole directory is copied, and there is no .dockerignore.

    What it does: reports `COPY .` where the build context, being at hand, has no `.dockerignore`; says how many files
    and bytes a build would send. The context is the directory that compose or bake names, else the Dockerfile's own;
    where that lacks a file the Dockerfile copies, or holds nothing but Dockerfiles, it is another one, and not judged.

    Why is this bad: everything is sent to the builder and ends up in the image: history, dependencies of another
    platform, keys. Each change of any of it empties the cache.

    Use instead: a `.dockerignore` that begins with `.git`, `node_modules`, `.venv`, `.env` …, or with `*` and the
    exceptions.

    Fix safety: report only; it is another file.

    Sources: Docker's documentation of .dockerignore; the course's chapter, checklist 6.
    """

    code = "CTX001"
    name = "dockerignore-missing"
    mentions = (b"COPY", b"ADD", b"copy", b"add")
    example_files = MappingProxyType({"app.py": "print()\n"})
    bad = "FROM python:3.12\nCOPY . /app\n"
    good = "FROM python:3.12\nCOPY app.py /app/\n"

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """The COPY."""
        place = file.context
        if place is None or place.ignore_file is not None:
            return
        instruction = whole(file, place)
        if instruction is not None:
            count, size = len(place.sent.files), size_text(place.sent.size)
            yield context.found(
                self, instruction.body_span,
                f"without a .dockerignore this takes all {count:,} files of the directory, {size}",
            )  # fmt: skip


class UnwantedInContext(FileRule):
    """The build context holds what no image should.

    What it does: reports `COPY .` where .git, `node_modules`, virtual environments, caches of tools, settings of
    editors or files with secrets would be sent, with their number and bytes, measured. Needs the build context at hand.

    Why is this bad: they end up in the image; `node_modules` and `.venv` of the host also replace what the build
    installed, for another platform.

    Use instead: a line in `.dockerignore`.

    Fix safety: report only; it is another file.

    Sources: ours; Dockle DKL-LI-0003 finds some of it in the image.
    """

    code = "CTX002"
    name = "unwanted-in-context"
    aliases = ("DKL-LI-0003",)
    mentions = (b"COPY", b"ADD", b"copy", b"add")
    example_files = MappingProxyType(
        {"app.py": "print()\n", ".git/HEAD": "ref: refs/heads/main\n", ".dockerignore": "*.log\n"}
    )
    bad = "FROM python:3.12\nCOPY . /app\n"
    good = "FROM python:3.12\nCOPY app.py /app/\n"

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """The COPY, once for each kind."""
        place = file.context
        if place is None:
            return
        instruction = whole(file, place)
        if instruction is None:
            return
        if "unwanted" not in place.memo:
            place.memo["unwanted"] = list(_unwanted(place))
        for message in place.memo["unwanted"]:
            yield context.found(self, instruction.body_span, message)


def _unwanted(place: BuildContext) -> Iterator[str]:
    """What a build would send and should not, a sentence for each kind."""
    files = place.sent.files
    for name, pattern in _UNWANTED:
        held = [path for path in files if pattern.search(path)]
        if held:
            size = size_text(sum(files[path] for path in held))
            yield f"{name} would be copied too: {len(held):,} files, {size}"
    secret = [path for path in files if _SECRETS.search(path) and not any(p.search(path) for _, p in _UNWANTED)]
    if secret:
        names = ", ".join(sorted(secret)[:3]) + (", ..." if len(secret) > 3 else "")
        yield f"files that may hold secrets would be copied too: {names}"
