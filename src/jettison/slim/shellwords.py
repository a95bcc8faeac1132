"""The programs that a piece of shell code names: the first words of its commands, and what wrappers start."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Parser

_WRAPPERS = frozenset(
    {"command", "chroot", "dumb-init", "env", "eval", "exec", "find", "gosu", "ionice", "nice", "nohup", "runuser"}
    | {"setpriv", "setsid", "sh", "stdbuf", "su", "su-exec", "sudo", "time", "timeout", "tini", "trap", "xargs"}
)
"""Commands among whose arguments another program may stand."""
_MAX_CODE = 1 << 20


@cache
def _parser() -> Parser:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def programs(code: bytes) -> list[str]:
    """The words of `code` that may be programs, as they are written; what variables hold is not known."""
    if len(code) > _MAX_CODE:
        return []
    found: dict[str, None] = {}
    for node in _commands(_parser().parse(code).root_node):
        head = next((child for child in node.children if child.type == "command_name"), None)
        first = _static(head, code) if head is not None else None
        if first is None:
            continue
        rest = (_static(child, code) for child in node.children if child.type != "command_name")
        words = [first, *(text for text in rest if text is not None)]
        base = words[0].rpartition("/")[2]
        found.update(dict.fromkeys(words if base in _WRAPPERS else words[:1]))
    return list(found)


def _commands(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "command":
            yield node
        stack.extend(reversed(node.children))


def _static(node: Node, code: bytes) -> str | None:
    """The word that a node is, quotes taken off; None for an assignment, a redirection and what is expanded."""
    if node.type == "command_name" and node.children:
        node = node.children[0]
    if node.type not in ("word", "string", "raw_string", "concatenation"):
        return None
    text = code[node.start_byte : node.end_byte].decode("utf-8", "replace")
    if node.type in ("string", "raw_string"):
        text = text[1:-1]
    return text if text and not set(text) & set("$`*?\n") else None
