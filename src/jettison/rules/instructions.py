"""What the builder's own checks say of instructions: casing, continuations, variables, forms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.edit import delete, replace
from jettison.dockerfile.patterns import lazy
from jettison.finding import Safety, Severity, Span
from jettison.rules.engine.rule import FileRule, InstructionRule, StageRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.dockerfile.instruction import Instruction
    from jettison.dockerfile.stages import Stage
    from jettison.dockerfile.tree import Dockerfile
    from jettison.finding import Finding
    from jettison.rules.engine.context import Context


class KeywordCasing(FileRule):
    """Keywords are cased differently in one file.

    What it does: reports instructions written in another case than most of the file's.

    Why is this bad: it reads badly.

    Fix safety: safe; keywords do not depend on case. The `as` of a FROM follows its FROM.

    Sources: BuildKit ConsistentInstructionCasing.
    """

    code = "INS001"
    name = "keyword-casing"
    aliases = ("ConsistentInstructionCasing",)
    severity = Severity.STYLE
    safety = Safety.SAFE
    bad = (
        "FROM debian:12\nRUN true\nrun false\n",
        "FROM debian:12 AS a\nRUN true\nfrom a as b\n",
        "from debian:12\nrun true\nONBUILD run true\n",
    )
    good = (
        "FROM debian:12\nRUN true\nRUN false\n",
        "FROM debian:12 AS a\nRUN true\nFROM a AS b\n",
        "from debian:12\nrun true\nonbuild run true\n",
    )

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """Each keyword in the minority's case."""
        if file.problems:
            return  # a template, or no Dockerfile at all
        words = [(i, _keyword(i)) for i in file.instructions]
        to_lower = mostly_lower(file)
        for instruction, word in words:
            wanted = word.lower() if to_lower else word.upper()
            if word != wanted and b"\n" not in word:
                edits = [replace(instruction.keyword_span, wanted)]
                if instruction.kind == "FROM" and len(instruction.words) > 2:
                    middle = instruction.words[1]
                    if file.source.text(middle.span).lower() == b"as":
                        edits.append(replace(middle.span, b"as" if to_lower else b"AS"))
                message = f"most keywords here are {'lower' if to_lower else 'upper'} case"
                yield context.found(self, instruction.keyword_span, message, fix="write it alike", edits=edits)


def mostly_lower(file: Dockerfile) -> bool:
    """True when more than half of a file's keywords are lower case."""
    lower = sum(_keyword(instruction).islower() for instruction in file.instructions)
    return lower * 2 > len(file.instructions)


def _keyword(instruction: Instruction) -> bytes:
    start, end = instruction.keyword
    return instruction.file.data[start:end]


class MaintainerDeprecated(InstructionRule):
    """MAINTAINER is deprecated.

    What it does: reports MAINTAINER.

    Why is this bad: BuildKit warns about it; a label says the same and can be read by tools.

    Use instead: `LABEL org.opencontainers.image.authors="..."`.

    Fix safety: unsafe: the image gets a label, and its `Author` field is no longer set.

    Sources: hadolint DL4000, BuildKit MaintainerDeprecated, Trivy DS-0022, Checkov CKV_DOCKER_6.
    """

    code = "INS002"
    name = "maintainer-deprecated"
    aliases = ("DL4000", "MaintainerDeprecated", "DS-0022", "CKV_DOCKER_6")
    safety = Safety.UNSAFE
    kinds = ("MAINTAINER",)
    bad = (
        "FROM debian:12\nMAINTAINER Jo <jo@example.org>\n",
        'FROM debian:12\nMAINTAINER "Jo"\n',
        "from debian:12\nmaintainer Jo\n",
    )
    good = (
        'FROM debian:12\nLABEL org.opencontainers.image.authors="Jo <jo@example.org>"\n',
        'FROM debian:12\nLABEL org.opencontainers.image.authors="Jo"\n',
        'from debian:12\nlabel org.opencontainers.image.authors="Jo"\n',
    )

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The keyword; the fix keeps the value."""
        value = instruction.rest
        if len(value) > 1 and value[:1] == value[-1:] == b'"':
            value = value[1:-1]
        keyword, body = instruction.keyword_span, instruction.body_span
        edit = None
        if instruction.outer is None and value and not re.search(rb'["\\$]', value) and body.end - body.start < 2000:
            plain = instruction.file.source.text(Span(keyword.end, body.end)).strip() in (value, b'"' + value + b'"')
            word = b"label" if mostly_lower(instruction.file) else b"LABEL"
            text = word + b' org.opencontainers.image.authors="' + value + b'"'
            edit = replace(body, text) if plain else None
        yield context.found(self, keyword, "a label says who maintains it", fix="write a label instead", edits=[edit])


class LegacyKeyValue(InstructionRule):
    """ENV or LABEL is written without `=`.

    What it does: reports `ENV name value` and `LABEL name value`.

    Why is this bad: the old form takes all the rest of the line as one value; BuildKit warns about it.

    Fix safety: safe where name and value are plain words on one line, so that both forms say the same; else shown.

    Sources: BuildKit LegacyKeyValueFormat.
    """

    code = "INS003"
    name = "legacy-key-value"
    aliases = ("LegacyKeyValueFormat",)
    severity = Severity.STYLE
    safety = Safety.SAFE
    kinds = ("ENV", "LABEL")
    bad = ("FROM debian:12\nENV LANG C.UTF-8\n", "FROM debian:12\nENV TITLE two words\n")
    good = ("FROM debian:12\nENV LANG=C.UTF-8\n", 'FROM debian:12\nENV TITLE="two words"\n')

    def check(self, instruction: Instruction, context: Context) -> Iterator[Finding]:
        """The pair; an edit of the blank between name and value, and quotes where the value has blanks."""
        for pair in instruction.pairs:
            if not pair.legacy or pair.value is None:
                continue
            data = instruction.file.data
            name, value = pair.name.span, pair.value.span
            text = data[value.start : value.end]
            edit = None
            plain = not data[name.end : value.start].strip(b" \t") and text == pair.value.raw.strip()
            if plain and _PLAIN.fullmatch(text):
                quote = b'"' if re.search(rb"[ \t]", text) else b""
                edit = replace(Span(name.start, value.end), data[name.start : name.end] + b"=" + quote + text + quote)
            message = f"write {instruction.kind} {pair.name}=…"
            yield context.found(self, pair, message, fix="put = between name and value", edits=[edit])


_PLAIN: Final = lazy(rb"[\w./:@,+%*~^\[\]{}$-][\w./:@,+%*~^\[\]{}$ \t-]*")


class EmptyContinuation(FileRule):
    """An empty line stands in a continued instruction.

    What it does: reports blank lines between the continued lines of one instruction.

    Why is this bad: BuildKit warns that this will be an error one day.

    Fix safety: safe; the builder drops these lines.

    Sources: BuildKit NoEmptyContinuation.
    """

    code = "INS004"
    name = "empty-continuation"
    aliases = ("NoEmptyContinuation",)
    safety = Safety.SAFE
    bad = "FROM debian:12\nRUN echo a \\\n\n  && echo b\n"
    good = "FROM debian:12\nRUN echo a \\\n  && echo b\n"

    def check(self, file: Dockerfile, context: Context) -> Iterator[Finding]:
        """One finding an instruction, at its first blank line."""
        data = file.data
        for instruction in file.instructions:
            if data.find(b"\n", instruction.start, instruction.head_end) + 1 == instruction.head_end:
                continue  # one line, as most are
            blank = list(_blank_lines(instruction))
            if blank:
                edits = [delete(span) for span in blank]
                at = Span(blank[0].start, blank[0].start)
                yield context.found(
                    self, at, "the builder will refuse this one day", fix="remove the empty lines", edits=edits
                )


def _blank_lines(instruction: Instruction) -> Iterator[Span]:
    data = instruction.file.data
    position = data.find(b"\n", instruction.start, instruction.head_end) + 1
    while 0 < position < instruction.head_end:
        end = data.find(b"\n", position, instruction.head_end) + 1
        if end <= 0:
            return
        if not data[position:end].strip():
            yield Span(position, end)
        position = end


class VariableUndefined(StageRule):
    """An instruction uses a variable that nothing defines.

    What it does: reports `$name` in instructions that the builder expands (not RUN, CMD, ENTRYPOINT), when the stage,
    those it builds on and ARGs define no such variable and the base image can hardly do so (PATH and the like are
    quiet). Only reported where the base is a stage of this file or `scratch`, or a defined name is nearly the same:
    what a base image defines cannot be seen from here.

    Why is this bad: it expands to nothing.

    Fix safety: report only.

    Sources: BuildKit UndefinedVar.
    """

    code = "INS005"
    name = "variable-undefined"
    aliases = ("UndefinedVar",)
    mentions = (b"$",)
    bad = "FROM scratch\nARG TARGET=/app\nCOPY . $TRAGET\n"
    good = "FROM scratch\nARG TARGET=/app\nCOPY . $TARGET\n"

    _KINDS: Final = ("COPY", "ADD", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR")

    def check(self, stage: Stage, context: Context) -> Iterator[Finding]:
        """The word with the variable."""
        import difflib

        empty_base = stage.root.base == "scratch"
        for instruction in stage.instructions:
            if instruction.kind not in self._KINDS or b"$" not in instruction.data:
                continue
            known = set(stage.file.variables(instruction))
            for word in instruction.words:
                for match in _USED.finditer(word.raw.decode("utf-8", "replace")):
                    name = match["name"] or match["bare"]
                    if match["operator"] or name in known or name in _GIVEN or name in context.settings.build_args:
                        continue
                    own = {str(pair.name) for pair in instruction.pairs} if instruction.kind == "ENV" else set()
                    near = difflib.get_close_matches(name, known - own, 1, 0.8)
                    if name not in own and (near or empty_base):
                        note = f"did you mean {near[0]}?" if near else None
                        yield context.found(self, word, f"nothing defines {name}", note=note)


_USED: Final = lazy(r"(?<!\\)\$(?:\{(?P<name>\w+)(?P<operator>:?[-+?]|[#%/])?[^}]*\}|(?P<bare>[A-Za-z_]\w*))")
_GIVEN: Final = frozenset(
    ["PATH", "HOME", "USER", "HOSTNAME", "PWD", "SHELL", "TERM", "http_proxy", "https_proxy", "no_proxy"]
) | {
    f"{side}{what}"
    for side in ("TARGET", "BUILD")
    for what in ("PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT", "STAGE")
}
