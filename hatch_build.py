"""Builds the sensor (src/jettison/trace/sensor) for its architectures into the wheel; a clone builds its own when used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/jettison/trace/sensor")
MACHINES = ("x86_64", "aarch64")
FLAGS = ("-Os", "-static", "-s", "-std=gnu11")


class SensorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles with Zig's C compiler, which carries a static C library for every architecture."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put `sensor-MACHINE` beside the source. Fails where Zig does."""
        if version == "editable":
            return
        folder = Path(self.directory) / "sensor"
        folder.mkdir(parents=True, exist_ok=True)
        for machine in MACHINES:
            target = folder / f"sensor-{machine}"
            compiler = [sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-musl"]
            source = Path(self.root) / SOURCE / "sensor.c"
            subprocess.run([*compiler, *FLAGS, "-o", str(target), str(source)], check=True)
            build_data["force_include"][str(target)] = f"jettison/trace/sensor/{target.name}"

    def dependencies(self) -> list[str]:
        """What building takes; not asked for an editable installation's own sake, which builds nothing."""
        return ["ziglang>=0.13"]
