"""Makes `images_on_demand` importable by its name; and UPX, for those tests that pack."""

import os
import sys
from pathlib import Path

import pytest

from engine import upx as engine_upx
from engine.machine import Unavailable

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def upx(monkeypatch: pytest.MonkeyPatch) -> str:
    """The `upx` command, which stands in PATH during the test."""
    try:
        folder = engine_upx.folder()
    except Unavailable as error:
        if os.environ.get("JETTISON_TEST_REQUIRE"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return str(folder / "upx")
