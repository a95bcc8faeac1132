"""What the builder refuses, said better: one check per kind of instruction, after BuildKit's `instructions` package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.instruction import KINDS
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.words import Problem
from jettison.finding import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile

FLAGS: Final[dict[str, frozenset[str]]] = {
    "ADD": frozenset(("keep-git-dir", "checksum", "chown", "chmod", "link", "exclude", "unpack")),
    "COPY": frozenset(("chown", "from", "chmod", "link", "parents", "exclude")),
    "FROM": frozenset(("platform",)),
    "HEALTHCHECK": frozenset(("interval", "timeout", "start-period", "start-interval", "retries")),
    "RUN": frozenset(("mount", "network", "security", "device")),
}
_FLAGS_IGNORED: Final = frozenset(("ARG", "STOPSIGNAL"))
"""Instructions whose flags the builder reads past."""
REPEATED: Final = frozenset(("mount", "exclude", "device"))
BOOLEAN: Final = frozenset(("keep-git-dir", "link", "parents", "unpack"))
STAGE_NAME: Final = lazy(r"[a-z][a-z0-9_.-]*\Z")
_DURATION = lazy(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)\Z")
_NO_FLAGS: Final = frozenset[str]()
# What the builder's word lexer surely reads: closed quotes and plain substitutions.
_BRACES: Final = rb"""\$(?:\{[A-Za-z_]\w*+(?::?[-+?][^}'"\\$]*+)?\}|(?!\{))"""
_CLOSED_TEXT: Final = (
    rb"""(?:[^\\'"$]++|\\(?:.|\Z)|'[^']*+'|"(?:[^"\\$]++|\\.|""" + _BRACES + rb')*+"|' + _BRACES + rb")*+\Z"
)
_CLOSED = lazy(_CLOSED_TEXT, re.DOTALL)
_CLOSED_BACKTICK = lazy(_CLOSED_TEXT.replace(rb"\\", rb"`"), re.DOTALL)
_WORD: Final = rb"[^\s'\"$\\`\[-][^\s'\"\\`$]*+"
_ONE: Final = rb"[ \t]+" + _WORD + rb"[ \t\r]*\n?\Z"
_PAIRS: Final = rb"(?:[ \t]+[\w.-]++=(?:[^\s'\"\\`$]++|\"[^\"\\`$\n]*+\"(?=[ \t\r\n]|\Z))?+)++[ \t\r]*\n?\Z"
_LEGACY: Final = rb"[ \t]+[\w.-]++[ \t]+[^\s'\"\\`$=][^'\"\\`$\n]*+\n?\Z"
_PATHS: Final = (
    rb"(?:[ \t]+--(?:from|chown)=\w[\w.:/-]*+)?+(?:[ \t]+[^\s'\"$\\`\[<:-][^\s'\"\\`$<:]*+){2,}+[ \t\r]*\n?\Z"
)
_IMAGE: Final = rb"[a-z0-9]++(?:[._/-][a-z0-9]++)*+(?::\w[\w.-]{0,127}+)?+(?:@sha256:[0-9a-f]{64})?+"
_SHELL_FORM: Final = rb"[ \t]+[^\s\[\\`-]"
_ANY_FORM: Final = _SHELL_FORM + rb"|[ \t]+\[(?:[ \t]*+\"[ !#-\[\]-~]*+\"[ \t]*+(?:,|(?=\])))*+\][ \t\r]*+\n?\Z"
_PLAIN: Final = {
    kind: lazy(pattern)
    for kind, pattern in {
        "RUN": _SHELL_FORM, "CMD": _ANY_FORM, "ENTRYPOINT": _ANY_FORM,
        "FROM": rb"[ \t]+" + _IMAGE + rb"(?:[ \t]+[aA][sS][ \t]+[A-Za-z][\w.-]*+)?+[ \t\r]*\n?\Z",
        "COPY": _PATHS, "ADD": _PATHS,
        "ENV": _PAIRS + b"|" + _LEGACY, "LABEL": _PAIRS + b"|" + _LEGACY, "MAINTAINER": rb"[ \t]+[^\s\\`-]",
        "ARG": rb"[ \t]+\w++(?:=(?:[^\s'\"\\`$]*+|\"[^\"\\`$\n]*+\"))?+[ \t\r]*\n?\Z",
        "USER": _ONE, "WORKDIR": _ONE, "VOLUME": _ONE,
        "EXPOSE": rb"(?:[ \t]+\d{1,4}(?:/tcp|/udp)?+(?![^ \t\r\n]))++[ \t\r]*\n?\Z",
    }.items()
}  # fmt: skip
"""Shapes with which nothing can be wrong: nearly every instruction, at the price of one pattern."""
_EXPANDED: Final = frozenset(
    ["ADD", "COPY", "ENV", "LABEL", "EXPOSE", "USER", "VOLUME", "WORKDIR", "STOPSIGNAL", "ARG", "FROM"]
)


_VALUED: Final = frozenset(("ADD", "COPY", "EXPOSE", "FROM", "RUN", "STOPSIGNAL", "VOLUME"))


def check_instruction(instruction: Instruction, problems: list[Problem]) -> None:
    """Append what is wrong with one instruction on its own."""
    kind = instruction.kind
    plain = _PLAIN.get(kind)
    if plain is not None and plain.match(instruction.file.source.data, instruction.keyword[1], instruction.head_end):
        return
    check = _CHECKS.get(kind)
    if check is None:
        problems.append(_unknown(instruction))
        return
    before = len(problems)
    problems.extend(_flags(instruction))
    problems.extend(check(instruction))
    if kind in _EXPANDED:
        problems.extend(_readable(instruction))
    if len(problems) == before and kind in _VALUED:
        from jettison.dockerfile.values import check_values

        problems.extend(check_values(instruction))


def check_file(file: Dockerfile) -> None:
    """Append what is wrong with the file as a whole: no instructions, no FROM first, a line too long."""
    from jettison.dockerfile.parse import longest_line

    problems = file.problems
    if not file.instructions:
        problems.append(Problem(Span(0, 0), "the file has no instructions", "a FROM"))
    for instruction in file.instructions:
        if instruction.kind == "FROM":
            break
        if instruction.kind != "ARG" and instruction.kind in _CHECKS:
            message = f"{instruction.kind} stands before the first FROM"
            problems.append(Problem(instruction.keyword_span, message, "FROM or ARG"))
            break
    if b"from=" in file.source.data:
        from jettison.dockerfile.values import check_sources

        problems.extend(check_sources(file))
    if (line := longest_line(file.source.data)) is not None:
        problems.append(Problem(line, f"a line of {len(line):,} bytes", "at most 65,535"))
    if len(problems) > 1:
        problems.sort(key=lambda problem: problem.span)


def _unknown(instruction: Instruction) -> Problem:
    import difflib

    near = difflib.get_close_matches(instruction.kind, KINDS, 1, 0.75)
    expected = f"{near[0]}?" if near else "an instruction (FROM, RUN, COPY, ...)"
    if instruction.kind in ("&&", "||", "|") or instruction.kind.startswith(("-", "&&")):
        expected = "an instruction; does the line before lack its continuation?"
    shown = instruction.kind if len(instruction.kind) <= 40 else instruction.kind[:40] + "..."
    return Problem(instruction.keyword_span, f"unknown instruction {shown}", expected)


def _readable(instruction: Instruction) -> Iterator[Problem]:
    """Quotes and substitutions that the builder cannot read."""
    rest = instruction.rest
    if b"'" not in rest and b'"' not in rest and b"${" not in rest:
        return
    pattern = _CLOSED if instruction.grammar.escape == b"\\" else _CLOSED_BACKTICK
    if instruction.json is not None:
        from jettison.dockerfile.values import unreadable

        for word in instruction.json:
            yield from unreadable(instruction, word.span, word.text or "")
        return
    if instruction.kind == "ARG":
        words = [pair.value for pair in instruction.pairs if pair.value]
    elif instruction.kind in ("ENV", "LABEL"):
        words = [word for pair in instruction.pairs for word in (pair.name, pair.value) if word]
    else:
        words = instruction.words
    for word in words:
        if pattern.match(word.raw) is None:
            from jettison.dockerfile.values import unreadable

            yield from unreadable(instruction, word.span, word.text or "")


def _flags(instruction: Instruction) -> Iterator[Problem]:
    seen: set[str] = set()
    allowed = FLAGS.get(instruction.kind, _NO_FLAGS)
    for flag in instruction.flags if instruction.kind not in _FLAGS_IGNORED else ():
        if flag.name not in allowed:
            import difflib

            near = difflib.get_close_matches(flag.name, allowed, 1)
            expected = f"--{near[0]}?" if near else _one_of([f"--{name}" for name in sorted(allowed)], "no flags")
            yield Problem(flag.span, f"{instruction.kind} has no flag --{flag.name}", expected)
        elif flag.name in seen and flag.name not in REPEATED:
            yield Problem(flag.span, f"--{flag.name} stands twice", "it once")
        elif flag.name in BOOLEAN:
            if flag.value is not None and flag.value.lower() not in ("true", "false"):
                yield Problem(flag.span, f"--{flag.name}={flag.value} is no boolean", "true or false")
        elif flag.value is None:
            yield Problem(flag.span, f"--{flag.name} has no value", f"--{flag.name}=...")
        seen.add(flag.name)


def _one_of(names: list[str], otherwise: str) -> str:
    return ", ".join(names) if names else otherwise


def _shown(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _none(instruction: Instruction) -> Iterator[Problem]:
    return iter(())


def _at_least_one(instruction: Instruction) -> Iterator[Problem]:
    if not instruction.words:
        yield Problem(instruction.keyword_span, f"{instruction.kind} has no argument", "at least one")


def _exactly_one(instruction: Instruction) -> Iterator[Problem]:
    if not instruction.words:
        yield Problem(instruction.keyword_span, f"{instruction.kind} has no argument", "exactly one")


def _onbuild(instruction: Instruction) -> Iterator[Problem]:
    inner = instruction.inner
    if inner is None:
        yield Problem(instruction.keyword_span, "ONBUILD has no argument", "an instruction")
    elif inner.kind in ("ONBUILD", "FROM", "MAINTAINER"):
        yield Problem(inner.keyword_span, f"{inner.kind} is not allowed inside ONBUILD", "another instruction")
    elif inner.kind in ("ENV", "LABEL"):
        yield from _pairs(inner)
    elif inner.json_fault:
        yield _not_strings(inner)


def _maybe_json(instruction: Instruction) -> Iterator[Problem]:
    if instruction.json_fault:
        yield _not_strings(instruction)


def _not_strings(instruction: Instruction) -> Problem:
    at = instruction.logical.span(instruction.arguments_at, len(instruction.logical.text.rstrip()))
    return Problem(at, f"{instruction.kind} has a JSON array of something else than strings", 'strings: ["a", "b"]')


def _shell(instruction: Instruction) -> Iterator[Problem]:
    if instruction.json_fault:
        yield _not_strings(instruction)
    elif not instruction.rest:
        yield Problem(instruction.keyword_span, "SHELL has no argument", 'a JSON array: SHELL ["/bin/bash", "-c"]')
    elif instruction.json is None:
        yield Problem(instruction.body_span, "SHELL is not in JSON form", 'SHELL ["/bin/bash", "-c"]')
    elif not instruction.json:
        yield Problem(instruction.body_span, "SHELL has an empty array", "at least one string")


def _copy(instruction: Instruction) -> Iterator[Problem]:
    if instruction.json_fault:
        yield _not_strings(instruction)
        return
    if len(instruction.words) < 2:
        yield Problem(instruction.body_span, f"{instruction.kind} has fewer than two arguments", "sources, destination")
    elif any(doc.word == instruction.words[-1].span for doc in instruction.heredocs):
        yield Problem(instruction.words[-1].span, "a here-document cannot be a destination", "a path")


def _pairs(instruction: Instruction) -> Iterator[Problem]:
    kind, words = instruction.kind, instruction.words
    if not words:
        yield Problem(instruction.keyword_span, f"{kind} has no argument", f"{kind} name=value")
    elif b"=" not in words[0].raw:
        pair = instruction.pairs[0]
        if pair.value is None:
            yield Problem(instruction.body_span, f"{kind} has a name and no value", f"{kind} {pair.name}=value")
    else:
        for word in words:
            equals = word.raw.find(b"=")
            if equals < 0:
                yield Problem(word.span, f"no = in {_shown(word.raw)}", "name=value")
            elif equals == 0:
                yield Problem(word.span, f"no name before = in {_shown(word.raw)}", "name=value")


def _arg(instruction: Instruction) -> Iterator[Problem]:
    if not instruction.words:
        yield Problem(instruction.keyword_span, "ARG has no argument", "ARG name or ARG name=default")
    for word in instruction.words:
        if word.raw.startswith(b"="):
            yield Problem(word.span, f"no name before = in {_shown(word.raw)}", "name=default")


def _from(instruction: Instruction) -> Iterator[Problem]:
    words = [word.text or "" for word in instruction.words]
    if len(words) == 3 and words[1].lower() == "as":
        if not STAGE_NAME.match(words[2].lower()):
            where = instruction.words[2].span
            yield Problem(where, f"invalid stage name {words[2]!r}", "a letter, then letters, digits, '-', '_' or '.'")
    elif len(words) != 1:
        where = instruction.words[1].span if len(words) > 1 else instruction.keyword_span
        message = "FROM has no image" if not words else f"FROM is followed by {len(words)} words"
        yield Problem(where, message, "FROM image or FROM image AS name")


def _healthcheck(instruction: Instruction) -> Iterator[Problem]:
    words = instruction.rest.split(None, 1)
    where = instruction.body_span
    if not words:
        yield Problem(where, "HEALTHCHECK has no argument", "CMD command, or NONE")
        return
    kind = words[0].upper()
    if kind == b"NONE":
        if len(words) > 1:
            yield Problem(where, "HEALTHCHECK NONE takes no argument", "HEALTHCHECK NONE")
    elif kind != b"CMD":
        yield Problem(where, f"unknown HEALTHCHECK type {_shown(words[0])}", "CMD or NONE")
    elif instruction.json_fault:
        yield _not_strings(instruction)
    elif len(words) == 1 or instruction.json == []:
        yield Problem(where, "HEALTHCHECK CMD has no command", "a command")
    for flag in instruction.flags:
        value = flag.value or ""
        if flag.name not in FLAGS["HEALTHCHECK"]:
            continue
        if flag.name == "retries":
            if value and not re.fullmatch(r"\+?\d+", value):
                yield Problem(flag.span, f"--retries={value} is no count", "a number from 0")
        elif value and (not _DURATION.match(value) or value.startswith("-")):
            yield Problem(flag.span, f"--{flag.name}={value} is no duration", "for example 30s or 1m30s")


_CHECKS: Final[dict[str, Callable[[Instruction], Iterator[Problem]]]] = {
    "ADD": _copy, "ARG": _arg, "CMD": _maybe_json, "COPY": _copy, "ENTRYPOINT": _maybe_json, "ENV": _pairs,
    "EXPOSE": _at_least_one, "FROM": _from, "HEALTHCHECK": _healthcheck, "LABEL": _pairs, "MAINTAINER": _exactly_one,
    "ONBUILD": _onbuild, "RUN": _maybe_json, "SHELL": _shell, "STOPSIGNAL": _exactly_one, "USER": _exactly_one,
    "VOLUME": _at_least_one, "WORKDIR": _exactly_one,
}  # fmt: skip
