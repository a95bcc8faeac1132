"""What the builder refuses in the values of an instruction: ports, signals, modes, mounts, names of images and stages.

After BuildKit's `dockerfile2llb`, which reads values when all variables are known. A value with a variable in it is
left alone here: a build argument, or the base image, may make it right.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.expand import expand, fault
from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.words import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.tree import Dockerfile
    from jettison.dockerfile.words import Flag, Word
    from jettison.finding import Span

MOUNTS: Final = ("bind", "cache", "secret", "ssh", "tmpfs")
SHARING: Final = ("shared", "private", "locked")
NETWORKS: Final = ("default", "none", "host")
SECURITY: Final = ("sandbox", "insecure")
TRUTH: Final = frozenset(("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"))
MOUNT_KEYS: Final = frozenset(
    (
        "type", "from", "source", "target", "readonly", "id", "sharing", "required", "size", "mode", "uid", "gid",
        "src", "dst", "destination", "ro", "rw", "readwrite", "env",
    )
)  # fmt: skip
SIGNALS: Final = frozenset((
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
))  # fmt: skip
SYSTEMS: Final = frozenset((
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "macos", "nacl",
    "netbsd", "openbsd", "plan9", "solaris", "windows", "zos",
))  # fmt: skip
ARCHITECTURES: Final = frozenset((
    "386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64", "mips", "mipsle",
    "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64",
    "wasm", "i386", "x86_64", "x86-64", "aarch64", "armhf", "armel",
))  # fmt: skip
SUBSTITUTION: Final = "${name}, or a form such as ${name:-otherwise}"
_VARIABLE = lazy(r"\$[\w{@*#?!$-]")
_REAL_TIME = lazy(r"RTMIN(?:\+(?:[1-9]|1[0-5]))?\Z|RTMAX(?:-(?:[1-9]|1[0-4]))?\Z")
_PORT = lazy(r"[+-]?\d+\Z")
_MODE = lazy(r"[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*\Z")
_SIZE = lazy(r"[ \t]*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)? ?(?:[kmgtpe]i?b?|b)?\Z", re.IGNORECASE)
_DIGEST = lazy(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+\Z")
_DIGEST_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_PLATFORM = lazy(r"[A-Za-z0-9_-]+(?:\([A-Za-z0-9_.-]*(?:\+[A-Za-z0-9_.-]+)*\))?\Z")
_PLATFORM_PART = lazy(r"[A-Za-z0-9_.-]+\Z")
_GIT_SOURCE = lazy(r"(?:https?://[^?#]*\.git(?:[?#]|\Z)|git://|ssh://|git@[^:/]+:)")


def check_values(instruction: Instruction) -> Iterator[Problem]:
    """What is wrong with the values of one instruction."""
    if instruction.kind in ("ADD", "COPY", "FROM"):
        for flag in instruction.flags:
            if flag.name in ("chmod", "chown", "checksum", "platform"):
                yield from unreadable(instruction, flag.value_span or flag.span, flag.value or "")
        for document in instruction.heredocs:
            if not document.quoted:
                body = instruction.file.data[document.body.start : document.body.end].decode("utf-8", "replace")
                wrong = fault(body, quotes=False)
                if wrong:
                    yield Problem(document.body, wrong[0], SUBSTITUTION)
    check = _CHECKS.get(instruction.kind)
    if check is not None:
        yield from check(instruction)


def unreadable(instruction: Instruction, where: Span, text: str) -> Iterator[Problem]:
    """Quotes and substitutions in `text` that the builder cannot read, whatever the variables hold."""
    wrong = fault(text, instruction.grammar.escape.decode())
    if wrong:
        yield Problem(where, wrong[0], "its closing character" if "unclosed" in wrong[0] else SUBSTITUTION)


def static(instruction: Instruction, word: Word | str | None) -> str | None:
    """What a word says once its quotes are gone; None when that depends on a variable."""
    raw = word if isinstance(word, str) or word is None else word.text
    return None if raw is None or _VARIABLE.search(raw) else expand(raw, {}, instruction.grammar.escape.decode())


def _expose(instruction: Instruction) -> Iterator[Problem]:
    for word in instruction.words:
        text = static(instruction, word)
        for port in (text or "").split():
            wrong = port_fault(port)
            if wrong:
                yield Problem(word.span, f"{wrong} in {port!r}", "a port or a range, such as 8080/tcp or 8000-8010")


def port_fault(text: str) -> str | None:
    """What is wrong with `[[address:]host:]port[-port][/protocol]`, or None."""
    import ipaddress

    *addresses, host, container = ["", *text.split(":")] if text.count(":") < 2 else text.split(":")
    ports, _, protocol = container.partition("/")
    if not ports:
        return "no port"
    if protocol.lower() not in ("", "tcp", "udp", "sctp"):
        return f"unknown protocol {protocol!r}"
    address = ":".join(addresses)
    if address:
        try:
            ipaddress.ip_address(address[1:-1] if address.startswith("[") and address.endswith("]") else address)
        except ValueError:
            return f"invalid address {address!r}"
    inner = _port_range(ports)
    if inner is None:
        return f"invalid port {ports!r}"
    if host:
        outer = _port_range(host)
        if outer is None:
            return f"invalid port {host!r}"
        if inner[0] != inner[1] and outer[1] - outer[0] != inner[1] - inner[0]:
            return "ranges of different lengths"
    return None


def _port_range(text: str) -> tuple[int, int] | None:
    first, dash, last = text.partition("-")
    if not dash:
        last = first
    if not (_PORT.match(first) and _PORT.match(last)):
        return None
    low, high = int(first), int(last)
    return (low, high) if 0 <= low <= high <= 65535 else None


def _stop_signal(instruction: Instruction) -> Iterator[Problem]:
    for word in instruction.words:
        text = static(instruction, word)
        if text is None:
            continue
        name = text.upper().removeprefix("SIG")
        known = int(text) != 0 if _PORT.match(text) else name in SIGNALS or _REAL_TIME.match(name)
        if not known:
            yield Problem(word.span, f"unknown signal {text!r}", "a signal such as SIGTERM, or its number")


def _volume(instruction: Instruction) -> Iterator[Problem]:
    for word in instruction.words:
        text = static(instruction, word)
        if text is not None and (not text or not (word.text or "").strip()):
            yield Problem(word.span, "VOLUME has an empty path", "a path")


def _from(instruction: Instruction) -> Iterator[Problem]:
    platform = instruction.flag("platform")
    text = static(instruction, platform.value) if platform else None
    if platform and text is not None:
        wrong = platform_fault(text)
        if wrong:
            yield Problem(platform.value_span or platform.span, wrong, "for example linux/amd64")
    words = instruction.words
    image = static(instruction, words[0]) if words else None
    if image is None:
        return
    if not image:
        yield Problem(words[0].span, "FROM has an empty image name", "an image")
    elif image != "scratch" and not any(_stage_name(other) == image for other in _stages_before(instruction)):
        yield from _image(words[0].span, image)


def platform_fault(text: str) -> str | None:
    """What is wrong with `os[(version)][/architecture[/variant]]`, or None. After containerd's `platforms`."""
    parts = text.split("/")
    if "*" in text:
        return f"the platform {text!r} has a wildcard"
    if len(parts) > 3 or not _PLATFORM.match(parts[0]) or not all(_PLATFORM_PART.match(part) for part in parts[1:]):
        return f"invalid platform {text!r}"
    if len(parts) == 1:
        name = parts[0].partition("(")[0].lower()
        if name not in SYSTEMS and name not in ARCHITECTURES:
            return f"unknown operating system or architecture {text!r}"
    return None


def _image(where: Span, name: str) -> Iterator[Problem]:
    from jettison.errors import UsageError
    from jettison.oci.reference import parse_name

    wrong = "that is an image's id" if re.fullmatch(r"[0-9a-f]{64}", name) else None
    try:
        parse_name(name)
    except UsageError as error:
        wrong = error.hint or "no image has such a name"
    if wrong:
        yield Problem(where, f"invalid image name {name!r}: {wrong}", "[registry/]repository[:tag][@digest]")


def _copy(instruction: Instruction) -> Iterator[Problem]:
    values = {flag.name: (flag, static(instruction, flag.value)) for flag in instruction.flags}
    for name, check in (("chmod", _chmod), ("chown", _chown), ("checksum", _checksum)):
        flag, value = values.get(name, (None, None))
        if flag is not None:
            yield from check(instruction, flag, value)
    if instruction.kind == "COPY":
        for word in instruction.words[:-1]:
            text = static(instruction, word) or ""
            if text.startswith(("http://", "https://")) or _GIT_SOURCE.match(text):
                yield Problem(word.span, f"COPY cannot fetch {text!r}", "a path; ADD fetches")


def _chmod(instruction: Instruction, flag: Flag, value: str | None) -> Iterator[Problem]:
    if not value:
        return
    octal = re.fullmatch(r"\+?[0-7]+", value)
    if (int(value, 8) > 0o7777) if octal else not _MODE.match(value):
        yield Problem(flag.value_span or flag.span, f"invalid mode {value!r}", "octal up to 7777, or as u=rwX,go=rX")


def _chown(instruction: Instruction, flag: Flag, value: str | None) -> Iterator[Problem]:
    link = instruction.flag("link")
    if value and link is not None and (link.value or "true").lower() == "true":
        user, _, group = value.partition(":")
        if not re.fullmatch(r"root|[+-]?\d+", user) or not re.fullmatch(r"root|[+-]?\d+|", group):
            yield Problem(flag.value_span or flag.span, f"--link cannot look {value!r} up", "numbers, as 1000:1000")


def _checksum(instruction: Instruction, flag: Flag, value: str | None) -> Iterator[Problem]:
    where = flag.value_span or flag.span
    sources = instruction.words[:-1]
    if not value:
        return
    if len(sources) != 1:
        yield Problem(where, "--checksum with several sources", "one URL")
        return
    source = static(instruction, sources[0])
    if source is None or _GIT_SOURCE.match(source):
        return
    if not source.startswith(("http://", "https://")):
        yield Problem(where, f"--checksum for {source!r}, which is not fetched", "an http, https or git source")
        return
    algorithm, _, digits = value.partition(":")
    length = _DIGEST_LENGTHS.get(algorithm)
    if not _DIGEST.match(value) or length is None or not re.fullmatch(f"[a-f0-9]{{{length}}}", digits):
        yield Problem(where, f"invalid checksum {value!r}", "sha256: and 64 hexadecimal digits")


def _run(instruction: Instruction) -> Iterator[Problem]:
    for flag in instruction.flags:
        where, value = flag.value_span or flag.span, flag.value or ""
        if flag.name == "network" and value not in NETWORKS:
            yield Problem(where, f"unknown network {value!r}", ", ".join(NETWORKS))
        elif flag.name == "security" and value not in SECURITY:
            yield Problem(where, f"unknown security mode {value!r}", ", ".join(SECURITY))
        elif flag.name == "mount" and flag.value is not None:
            wrong = mount_fault(instruction, flag.value)
            if wrong:
                yield Problem(where, *wrong)


def mount_fault(instruction: Instruction, value: str) -> tuple[str, str] | None:
    """What is wrong with a `--mount`, and what was expected; None when nothing is, or variables decide."""
    from jettison.dockerfile.words import csv_fields

    fields = csv_fields(value)
    if not fields:
        return "a mount that is no comma-separated list", "type=cache,target=/path"
    wrong = fault(value, instruction.grammar.escape.decode())
    if wrong:
        return wrong[0], SUBSTITUTION
    given: dict[str, str | None] = {}
    kind: str | None = "bind"
    for field in fields:
        key, equals, text = field.partition("=")
        key = key.lower()
        plain = static(instruction, text) if equals else ""
        if key == "from" and "$" in text[:-1]:
            return "from takes no variables", "a name; FROM $image AS name gives one"
        if not equals and key not in ("readonly", "ro", "readwrite", "rw", "required"):
            return f"{field!r} has no value", "key=value"
        told = _mount_field(kind, key, plain, bool(equals))
        if told:
            return told
        if key == "type":
            kind = plain.lower() if plain is not None else None
        given[{"src": "source", "dst": "target", "destination": "target"}.get(key, key)] = plain
    return _mount_whole(kind, given) if kind is not None and None not in given.values() else None


def _mount_field(kind: str | None, key: str, value: str | None, valued: bool) -> tuple[str, str] | None:
    """What is wrong with one field of a mount; `kind` is the type so far, None when a variable decides."""
    if key not in MOUNT_KEYS:
        import difflib

        near = difflib.get_close_matches(key, MOUNT_KEYS, 1)
        return f"a mount has no key {key!r}", f"{near[0]}?" if near else ", ".join(sorted(MOUNT_KEYS))
    if key in ("required", "size") and kind is not None and kind not in _FOR[key]:
        return f"a {kind} mount has no {key}", f"{key} with {' or '.join(_FOR[key])}"
    if value is None:
        return None
    if key == "type" and value.lower() not in MOUNTS:
        return f"unknown type of mount {value!r}", ", ".join(MOUNTS)
    if key == "sharing" and value.lower() not in SHARING:
        return f"unknown sharing {value!r}", ", ".join(SHARING)
    if key in ("readonly", "ro", "readwrite", "rw", "required") and valued and value not in TRUTH:
        return f"{key}={value} is no boolean", "true or false"
    if key in ("uid", "gid") and not (re.fullmatch(r"\d+", value) and int(value) < 1 << 32):
        return f"{key}={value} is no number", "a number"
    if key == "mode" and not (re.fullmatch(r"[0-7]+", value) and int(value, 8) < 1 << 32):
        return f"mode={value} is not octal", "for example 0755"
    if key == "size" and not _SIZE.match(value):
        return f"size={value} is no size", "for example 64m"
    return None


_FOR: Final = {"required": ("secret", "ssh"), "size": ("tmpfs",)}


def _mount_whole(kind: str, given: dict[str, str | None]) -> tuple[str, str] | None:
    """What is wrong with fields of a mount together."""
    if kind in ("bind", "tmpfs"):
        for key in ("mode", "uid", "gid"):
            if key in given:
                return f"a {kind} mount has no {key}", f"{key} with cache, secret or ssh"
    if given.get("sharing") and kind != "cache":
        return f"a {kind} mount has no sharing", "sharing with cache"
    if kind == "ssh" and given.get("source"):
        return "an ssh mount has no source", "id=..."
    if kind == "secret":
        if given.get("from"):
            return "a secret mount has no from", "id=..., or source=..."
        if not any(given.get(key) for key in ("source", "target", "id")):
            return "a secret mount says neither which secret nor where", "id=..., or target=..."
        if given.get("source") and given.get("id"):
            return "a secret mount has both a source and an id", "one of them"
    elif kind != "ssh" and re.fullmatch(r"/[/.]*", given.get("target") or ""):
        return "a mount on the root directory", "target=/path"
    return None


def _stage_name(instruction: Instruction) -> str | None:
    words = instruction.words
    return (words[2].text or "").lower() if len(words) == 3 else None


def _stages_before(instruction: Instruction) -> Iterator[Instruction]:
    for other in instruction.file.instructions:
        if other is instruction:
            return
        if other.kind == "FROM":
            yield other


def check_sources(file: Dockerfile) -> Iterator[Problem]:
    """What is wrong with the stages and images that a file copies from and mounts: such stages must come before."""
    names = [_stage_name(instruction) for instruction in file.instructions if instruction.kind == "FROM"]
    places = {name: index for index, name in enumerate(names) if name}
    data = file.data
    own = -1
    for instruction in file.instructions:
        kind = instruction.kind
        if kind == "FROM":
            own += 1
        elif own < 0 or kind not in _HINT or data.find(_HINT[kind], instruction.start, instruction.head_end) < 0:
            continue
        elif kind == "RUN":
            for flag in instruction.flags:
                name = flag.options().get("from") if flag.name == "mount" else None
                if name and not _VARIABLE.search(name):
                    yield from _source(flag.value_span or flag.span, name, places.get(name.lower()), own)
        elif (found := instruction.flag("from")) and found.value:
            yield from _copy_from(instruction, found, places, len(names), own)


_HINT: Final = {"COPY": b"--from", "RUN": b"--mount"}


def _copy_from(
    instruction: Instruction, flag: Flag, places: dict[str, int], stages: int, own: int
) -> Iterator[Problem]:
    where, name = flag.value_span or flag.span, flag.value or ""
    wrong = fault(name, instruction.grammar.escape.decode())
    if wrong or expand(name, _Unset(), instruction.grammar.escape.decode()) != name:
        yield Problem(where, "--from takes no variables", "a name; FROM $image AS name gives one")
    elif not re.fullmatch(r"[+-]?\d+", name):
        yield from _source(where, name, places.get(name.lower()), own)
    elif 0 <= int(name) < stages:
        yield from _source(where, name, int(name), own)
    else:
        yield Problem(where, f"there is no stage {name}", "an earlier stage")


def _source(where: Span, name: str, index: int | None, own: int) -> Iterator[Problem]:
    if index is None:
        if name != "scratch":
            yield from _image(where, name)
    elif index >= own:
        yield Problem(where, f"the stage {name!r} does not come before this one", "an earlier stage, or an image")


class _Unset(dict[str, str | None]):
    """No variable is set."""

    def get(self, key: object, default: object = None) -> str:
        """Nothing."""
        return ""


_CHECKS: Final[dict[str, Callable[[Instruction], Iterator[Problem]]]] = {
    "ADD": _copy, "COPY": _copy, "EXPOSE": _expose, "FROM": _from, "RUN": _run, "STOPSIGNAL": _stop_signal,
    "VOLUME": _volume,
}  # fmt: skip
