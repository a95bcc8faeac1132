"""The pages that are made from the code are current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_made_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "make-docs", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
