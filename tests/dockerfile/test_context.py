"""`.dockerignore` as moby reads it, and what a build would send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison.dockerfile.context import BuildContext, ignored, read_patterns

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("patterns", "path", "expected"), [
    ("node_modules", "node_modules/a/b", True),
    ("node_modules", "x/node_modules", False),
    ("**/node_modules", "x/y/node_modules/a", True),
    ("**/node_modules", "node_modules", True),
    ("*.md\n!README.md", "README.md", False),
    ("*.md\n!README.md\nREADME*", "README.md", True),
    ("*\n!src/**", "src/a/b", False),
    ("*\n!src/**", "lib/a", True),
    ("/a/", "a/x", True),
    ("# comment\n\n a ", "a", True),
    ("a?c", "abc", True),
    ("a*", "a/b", True),
    ("a/*", "a/b/c", True),
    ("docs/**/*.txt", "docs/a/b/c.txt", True),
    ("[ab].txt", "b.txt", True),
])  # fmt: skip
def test_patterns(patterns: str, path: str, expected: bool) -> None:
    assert ignored(path, read_patterns(patterns)) is expected


def test_sent(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "big").write_bytes(b"x" * 1000)
    (tmp_path / "a.py").write_bytes(b"x" * 10)
    (tmp_path / ".dockerignore").write_text(".git\n")
    sent = BuildContext(str(tmp_path)).sent
    assert sent.files == {"a.py": 10, ".dockerignore": 5}
    assert sent.size == 15
