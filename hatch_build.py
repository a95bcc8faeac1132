"""Builds the sensor (src/jettison/trace/sensor) into the wheel, for each architecture; clones build their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/jettison/trace/sensor")
MACHINES = ("x86_64", "aarch64")
FLAGS = ("-Os", "-static", "-s", "-std=gnu11")


class SensorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles with Zig's C compiler, which carries a static C library for every architecture."""

    folder: Path | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put `sensor-MACHINE` beside the source. Fails where Zig does."""
        if version == "editable":
            return
        folder = Path(tempfile.mkdtemp(prefix="jettison-sensor-"))
        self.folder = folder
        for machine in MACHINES:
            target = folder / f"sensor-{machine}"
            compiler = [sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-musl"]
            source = Path(self.root) / SOURCE / "sensor.c"
            subprocess.run([*compiler, *FLAGS, "-o", str(target), str(source)], check=True)
            build_data["force_include"][str(target)] = f"jettison/trace/sensor/{target.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was built on the way."""
        if self.folder is not None:
            shutil.rmtree(self.folder)

    def dependencies(self) -> list[str]:
        """What building takes; not asked for an editable installation's own sake, which builds nothing."""
        return ["ziglang>=0.13"]
