"""Shell code as tree-sitter's bash grammar sees it, flattened into a script's table of commands."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from jettison.dockerfile.patterns import lazy
from jettison.dockerfile.shell import Assignment, Command, Inside, Redirection, Script, Statement
from jettison.dockerfile.words import Word
from jettison.finding import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node, Parser

MAX_DEPTH: Final = 100
"""Nesting of shell constructs beyond which a script counts as not understood."""
_PLAIN = lazy(rb"[A-Za-z0-9_./:=+,@%^~*?\[\]-]+\Z")
_ESCAPE = lazy(rb"\\(\n|.)", re.DOTALL)
_STRING_ESCAPE = lazy(rb'\\(["\\$`\n])')
_EXPANDS = lazy(rb"(?<!\\)(?:\\\\)*[$`]")
_OPERATORS: Final = frozenset(("&&", "||", ";", "|", "|&", "&", ";;", "\n"))
_WORDS: Final = frozenset(
    [
        "word",
        "string",
        "raw_string",
        "ansi_c_string",
        "translated_string",
        "concatenation",
        "simple_expansion",
        "expansion",
        "number",
        "command_substitution",
        "process_substitution",
        "brace_expression",
        "arithmetic_expansion",
        "regex",
        "extglob_pattern",
    ]
)
_COMPOUND: Final = frozenset(
    [
        "subshell",
        "compound_statement",
        "if_statement",
        "for_statement",
        "c_style_for_statement",
        "while_statement",
        "case_statement",
    ]
)


@cache
def _inside(flags: int) -> Inside:
    return Inside(flags)


@cache
def _parser() -> Parser:
    import tree_sitter

    return tree_sitter.Parser(tree_sitter.Language(_grammar()))


def _grammar() -> object:
    """The bash grammar, without the package around it: that reads resources, at a tenth of the time of a small run."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    package = PathFinder.find_spec("tree_sitter_bash")
    folders = package.submodule_search_locations if package else None
    binding = PathFinder.find_spec("tree_sitter_bash._binding", folders) if folders else None
    if binding is None or binding.loader is None:
        import tree_sitter_bash

        return tree_sitter_bash.language()
    module = module_from_spec(binding)
    binding.loader.exec_module(module)
    return module.language()


def fill(script: Script) -> None:
    """Parse the text of a script once and fill its table."""
    root = _parser().parse(script.text).root_node
    _Table(script, root.has_error).fill(root)


class _Table:
    """Walks tree-sitter's tree once, in the order of the text, and fills a script's table."""

    def __init__(self, script: Script, broken: bool) -> None:
        self.script = script
        self.logical = script.logical
        self.text = script.logical.text
        self.joiner = ""
        self.broken = broken
        self.depth = 0
        # The last command at each level of substitution: joiners belong to commands of their own level.
        self.levels: list[Command | None] = [None]

    def fill(self, root: Node) -> None:
        """Statements of the top level, one after the other."""
        script = self.script
        for child in root.children:
            kind = child.type
            if kind in _OPERATORS:
                self.operator(kind, child)
                if script.statements and not script.statements[-1].terminator:
                    script.statements[-1].terminator = kind
            elif child.is_named and kind != "comment":
                if script.statements and not script.statements[-1].terminator:
                    script.statements[-1].terminator = "\n"
                script.statements.append(Statement(child.start_byte, child.end_byte, kind, ""))
                self.visit(child, 0)
            else:
                self.visit(child, 0)
        if self.broken:
            script.errors = max(1, script.errors)

    def operator(self, kind: str, node: Node | None = None) -> None:
        """Remember the joiner for the next command and give it to the one before."""
        self.joiner = kind
        if node is not None and kind != "\n":
            self.script.operators.append((node.start_byte, node.end_byte))
        last = self.levels[-1]
        if last is not None and not last.after:
            last.after = kind

    def visit(self, node: Node, inside: int) -> None:
        """Take in one node and what it holds."""
        kind = node.type
        if kind == "command":
            self.command(node, inside)
        elif kind in _OPERATORS:
            self.operator(kind, node)
        elif kind == "comment":
            self.script.comments.append(self.logical.span(node.start_byte, node.end_byte))
        elif kind == "ERROR" or node.is_missing:
            self.script.errors += 1
            self.children(node, inside)
        else:
            method = _VISITS.get(kind)
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self.script.errors += 1
            elif method is not None:
                method(self, node, inside)
            elif node.child_count:
                self.children(node, inside)
            self.depth -= 1

    def children(self, node: Node, inside: int) -> None:
        """Take in all children under the same surroundings."""
        for child in node.children:
            self.visit(child, inside)

    # ------------------------------------------------------------------ commands

    def start(self, node: Node, inside: int) -> Command:
        """A new row of the table."""
        script = self.script
        at = node.start_byte
        last = self.levels[-1]
        if not self.joiner and last is not None and self.text.find(b"\n", last.end, at) >= 0:
            self.operator("\n")
        command = Command(script, at, _inside(inside), self.joiner)
        command.statement = len(script.statements) - 1
        command.end = node.end_byte
        self.joiner = ""
        self.levels[-1] = command
        script.commands.append(command)
        return command

    def command(self, node: Node, inside: int) -> None:
        """A simple command: assignments, name, arguments, redirections."""
        command = self.start(node, inside)
        end = node.start_byte
        for child in node.children:
            kind = child.type
            if kind == "command_name":
                first, end = child.start_byte, child.end_byte
                raw = self.text[first:end]
                if _PLAIN.match(raw):
                    command.words.append(Word(self.logical, first, end, raw, raw.decode()))
                else:
                    command.words.append(self.word(child.children[0] if child.child_count else child, inside))
            elif kind in _WORDS:
                command.words.append(self.word(child, inside))
                end = child.end_byte
            elif kind == "variable_assignment":
                self.assign(child, command, inside)
                end = child.end_byte
            elif kind.endswith("_redirect"):
                self.redirect(child, command, inside)
            elif kind == "comment" or kind == "ERROR":
                self.visit(child, inside)
            elif not child.is_named and kind not in _OPERATORS:
                command.words.append(self.word(child, inside))
                end = child.end_byte
            else:
                self.visit(child, inside)
        if command.redirections:
            command.end = end
        self.options(command)

    def simple(self, node: Node, inside: int) -> None:
        """`export A=1`, `unset A`, `[ -f x ]`: words by their tokens."""
        command = self.start(node, inside)
        if node.type == "test_command":
            for part in re.finditer(rb"\S+", self.text[node.start_byte : node.end_byte]):
                first = node.start_byte + part.start()
                word = Word(self.logical, first, first + len(part[0]), part[0], _literal(part[0]))
                command.words.append(word)
            self.substitutions(node, inside)
            return
        for child in node.children:
            if child.type == "variable_assignment":
                self.assign(child, command, inside)
                self.plain_word(child, command)
            elif child.is_named and child.type not in _WORDS and child.type != "variable_name":
                self.visit(child, inside)
            else:
                command.words.append(self.word(child, inside))

    def plain_word(self, node: Node, command: Command) -> None:
        """A node as a word that is static only when it is plain."""
        raw = self.text[node.start_byte : node.end_byte]
        command.words.append(Word(self.logical, node.start_byte, node.end_byte, raw, _literal(raw)))

    def bare(self, node: Node, inside: int) -> None:
        """An assignment without a command."""
        command = self.start(node, inside)
        for child in node.children if node.type == "variable_assignments" else [node]:
            if child.type == "variable_assignment":
                self.assign(child, command, inside)

    def assign(self, node: Node, command: Command, inside: int) -> None:
        """One `NAME=value`."""
        children = node.children
        name = self.text[children[0].start_byte : children[0].end_byte].decode("utf-8", "replace") if children else ""
        value = self.word(children[-1], inside) if len(children) > 2 else None
        span = self.logical.span(node.start_byte, node.end_byte)
        command.assignments.append(Assignment(name, value, span))

    def options(self, command: Command) -> None:
        """Follow `set -e` and `set -o pipefail`."""
        if not command.words or command.words[0].text != "set":
            return
        if command.inside & (Inside.SUBSHELL | Inside.FUNCTION | Inside.SUBSTITUTION | Inside.PIPELINE):
            return
        script = self.script
        named = ""
        for word in command.words[1:]:
            text = word.text or ""
            if named and text in ("errexit", "pipefail"):
                setattr(script, text, named == "-")
            named = text[0] if text[:1] in ("-", "+") and text.endswith("o") else ""
            if text[:1] in ("-", "+") and "e" in text[1:]:
                script.errexit = text[0] == "-"

    # ------------------------------------------------------------------ what holds commands

    def list(self, node: Node, inside: int) -> None:
        """`a && b || c`: what stands right of `||` is an alternative."""
        alternative = False
        for child in node.children:
            if child.type == "||":
                alternative = True
            self.visit(child, inside | Inside.ALTERNATIVE if alternative else inside)

    def question(self, node: Node, inside: int) -> None:
        """`if`, `elif`, `while`, `until`: the question runs, the body may."""
        body = Inside.LOOP if node.type == "while_statement" else Inside.CONDITION
        asked = inside | Inside.QUESTION | (body if node.type != "if_statement" else 0)
        for child in node.children:
            if child.type in ("then", "do_group"):
                asked = inside | body
            self.visit(child, asked)

    def redirected(self, node: Node, inside: int) -> None:
        """A statement with redirections: they go to its last command, unless it is a group."""
        group = False
        for child in node.children:
            if child.type.endswith("_redirect"):
                self.redirect(child, None if group else self.levels[-1], inside)
            else:
                group = child.type in _COMPOUND
                self.visit(child, inside)

    def redirect(self, node: Node, command: Command | None, inside: int) -> None:
        """One redirection; a heredoc's first line may go on with other commands."""
        descriptor, operator, target = "", "", None
        for child in node.children:
            kind = child.type
            if kind == "file_descriptor":
                descriptor = self.text[child.start_byte : child.end_byte].decode()
            elif kind in _WORDS and not operator.startswith("<<-") and operator != "<<":
                target = self.word(child, inside)
            elif kind in _WORDS and command is not None:
                command.words.append(self.word(child, inside))
            elif kind.endswith("_redirect"):
                self.redirect(child, command, inside)
            elif not child.is_named and not operator:
                operator = kind
            elif kind not in ("heredoc_start", "heredoc_end", "heredoc_content"):
                self.visit(child, inside)
        if command is not None:
            end = target.span.end if target else self.logical.span(node.start_byte, node.end_byte).end
            start = self.logical.offset(node.start_byte)
            command.redirections.append(Redirection(descriptor, operator, target, Span(start, end)))

    # ------------------------------------------------------------------ words

    def word(self, node: Node, inside: int) -> Word:
        """A word; what is substituted inside it goes into the table too."""
        start, end = node.start_byte, node.end_byte
        raw = self.text[start:end]
        if _PLAIN.match(raw):
            return Word(self.logical, start, end, raw, raw.decode())
        if b"$(" in raw or b"`" in raw or b"<(" in raw or b">(" in raw:
            joiner, self.joiner = self.joiner, ""
            self.substitutions(node, inside)
            self.joiner = joiner
        static = self.static(node, raw)
        text = static.decode("utf-8", "surrogateescape") if static is not None else None
        return Word(self.logical, start, end, raw, text)

    def substitutions(self, node: Node, inside: int) -> None:
        """Find `$(...)` and the like below a word."""
        if node.type in ("command_substitution", "process_substitution"):
            self.levels.append(None)
            self.visit(node, inside)
            self.levels.pop()
            return
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.script.errors += 1
        else:
            for child in node.children:
                if child.child_count:
                    self.substitutions(child, inside)
        self.depth -= 1

    def static(self, node: Node, raw: bytes) -> bytes | None:
        """The text of a word without quotes and escapes, or None when it is not static."""
        kind = node.type
        if kind in ("word", "number", "extglob_pattern"):
            return None if _EXPANDS.search(raw) else _ESCAPE.sub(_unescape, raw)
        if kind == "raw_string":
            return raw[1:-1]
        if kind == "string":
            if _EXPANDS.search(raw):
                return None
            return _STRING_ESCAPE.sub(lambda match: match[1].replace(b"\n", b""), raw[1:-1])
        if kind == "concatenation":
            parts = []
            for child in node.children:
                part = self.static(child, self.text[child.start_byte : child.end_byte])
                if part is None:
                    return None
                parts.append(part)
            return b"".join(parts)
        if kind == "ansi_c_string":
            return None if b"\\" in raw else raw[2:-1]
        return _literal_bytes(raw) if not node.is_named or kind == "variable_name" else None


def _unescape(match: re.Match[bytes]) -> bytes:
    return b"" if match[1] == b"\n" else match[1]


def _literal_bytes(raw: bytes) -> bytes | None:
    return raw if not re.search(rb"[$`'\"\\]", raw) else None


def _literal(raw: bytes) -> str | None:
    """The text of a word without quotes around it, None when anything in it is expanded."""
    if raw[:1] in (b"'", b'"') and raw[-1:] == raw[:1] and len(raw) > 1:
        raw = raw[1:-1]
    plain = _literal_bytes(raw)
    return plain.decode("utf-8", "surrogateescape") if plain is not None else None


def _flagged(flag: Inside) -> Callable[[_Table, Node, int], None]:
    def visit(table: _Table, node: Node, inside: int) -> None:
        table.children(node, inside | flag)

    return visit


_VISITS: Final[dict[str, Callable[[_Table, Node, int], None]]] = {
    "list": _Table.list,
    "redirected_statement": _Table.redirected,
    "variable_assignment": _Table.bare,
    "variable_assignments": _Table.bare,
    "declaration_command": _Table.simple,
    "unset_command": _Table.simple,
    "test_command": _Table.simple,
    "if_statement": _Table.question,
    "elif_clause": _Table.question,
    "while_statement": _Table.question,
    "else_clause": _flagged(Inside.CONDITION),
    "case_item": _flagged(Inside.CONDITION),
    "for_statement": _flagged(Inside.LOOP),
    "c_style_for_statement": _flagged(Inside.LOOP),
    "subshell": _flagged(Inside.SUBSHELL),
    "function_definition": _flagged(Inside.FUNCTION),
    "command_substitution": _flagged(Inside.SUBSTITUTION),
    "process_substitution": _flagged(Inside.SUBSTITUTION),
    "pipeline": _flagged(Inside.PIPELINE),
    "negated_command": _flagged(Inside.NEGATED),
}
