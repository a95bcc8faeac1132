"""What Python code asks for: the modules that it imports, at once or late, and the programs that it runs.

Read off the source; nothing is run. Names that are put together at run time stay unknown.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field
from typing import NamedTuple


class Import(NamedTuple):
    """`from MODULE import NAMES`; `level` counts the leading dots, `names` is empty for `import MODULE`."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass(slots=True)
class Asked:
    """What a source asks for. `shell` says that it hands code to a shell, `programs` are words that it runs."""

    imports: list[Import] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)
_LINE = re.compile(rb"^\s*(?:from\s+([\w.]+)\s+import|import\s+([\w.]+))", re.MULTILINE)
_IMPORTERS = frozenset({"import_module", "__import__"})
_SHELL_CALLS = frozenset({"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"})
_RUN_CALLS = frozenset(
    {"Popen", "run", "call", "check_call", "check_output", "which", "create_subprocess_exec"}
    | {"execv", "execve", "execvp", "execvpe", "execl", "execlp", "spawnv", "spawnvp"}
)


def asked(source: bytes, *, deep: bool) -> Asked:
    """What `source` asks for when it is loaded; with `deep`, also what its functions ask for when they are called."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except _ERRORS:
        return Asked([Import((a or b).decode("ascii", "ignore")) for a, b in _LINE.findall(source)])
    found = Asked()
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Import):
            found.imports += [Import(alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.imports.append(Import(node.module or "", names, node.level))
        elif isinstance(node, ast.Call):
            _call(node, found)
        stack.extend(_children(node, deep))
    return found


def _children(node: ast.AST, deep: bool) -> list[ast.AST]:
    if isinstance(node, ast.If) and _is_for_types(node.test):
        return list(node.orelse)
    if not deep and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return []
    return list(ast.iter_child_nodes(node))


def _is_for_types(test: ast.expr) -> bool:
    return (test.id if isinstance(test, ast.Name) else getattr(test, "attr", "")) == "TYPE_CHECKING"


def _call(node: ast.Call, found: Asked) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    first = node.args[0] if node.args else None
    if first is None:
        return
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    if name in _IMPORTERS and text is not None:
        found.imports.append(Import(text))
    elif name in _SHELL_CALLS or (name in _RUN_CALLS and any(word.arg == "shell" for word in node.keywords)):
        found.code.append(text or "")
    elif name in _RUN_CALLS and text is not None:
        found.programs.append(text)
    elif name in _RUN_CALLS and isinstance(first, (ast.List, ast.Tuple)) and first.elts:
        head = first.elts[0]
        if isinstance(head, ast.Constant) and isinstance(head.value, str):
            found.programs.append(head.value)
