"""Build real Dockerfiles before and after `jettison lint --fix`, and compare the images.

    python tests/builds/build_corpus.py tests/builds/safe.txt --corpus dockerfiles.tar.gz
    python tests/builds/build_corpus.py tests/builds/unsafe.txt --corpus dockerfiles.tar.gz --unsafe

A line of a list names a member of the corpus, then the stand-in for each base image it asks for, as `wanted=stand-in`.
The engine is that of the integration tests, or the one that DOCKER_HOST names. Stand-ins (`tests/engine/bases.py`) get
what the official images tell apt (`docker-clean`), and lose their borrowed names when all is built. A Dockerfile is
built alone: files that it copies are empty, but those of `FILES` are the least that builds something.

Results go to a .json file beside the list, and from those of both lists docs/builds.md is written.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from engine import bases  # noqa: E402
from engine import docker as engines  # noqa: E402

PAGE = HERE.parents[1] / "docs" / "builds.md"

CLEAN = r"""FROM {base}
RUN mkdir -p /etc/apt/apt.conf.d && printf '%s\n' \
 'DPkg::Post-Invoke {{ "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; }};' \
 'APT::Update::Post-Invoke {{ "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; }};' \
 'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' > /etc/apt/apt.conf.d/docker-clean
"""  # noqa: E501

SAYS = {
    "APT002": ("var/lib/apt/lists", "var/cache/apt"),
    "APT006": ("var/lib/apt/lists", "var/cache/apt"),
    "APT009": ("var/cache/apt",),
    "LAY002": ("var/lib/apt/lists", "var/cache/apt", "var/cache/debconf", "tmp", "root/.cache", "root/.npm"),
    "NPM003": ("root/.npm", "tmp", "root/.cache"),
    "NPM004": ("usr/local/share/.cache", "root/.cache", "tmp"),
    "PIP002": ("root/.cache",),
    "PYT001": ("root/.cache",),
    "PYT002": ("root/.cache",),
}
"""What a rule's fix says it removes."""

CONFIG = {
    "CMD001": ("Cmd", "Entrypoint"),
    "INS002": ("Author", "Labels"),
}
"""What a rule's fix says it changes in the image's configuration; `OnBuild` is text that any fix may edit."""

NOISE = ("var/log/", "var/cache/ldconfig/aux-cache", "etc/machine-id")
"""What differs from build to build by its nature; the rest of the noise is learnt by building the original again."""

PACKAGES = re.compile(
    r"var/lib/dpkg/|var/lib/apt/extended_states|etc/ld\.so\.cache|var/cache/(fontconfig|debconf|man)/|etc/alternatives/"
    r"|var/lib/systemd/deb-systemd|etc/(passwd|group|shadow|gshadow|subuid|subgid|shells)-?$|etc/ssl/certs/|etc/rc.\.d/"
    r"|var/lib/(ucf|pam|python|emacsen|dictionaries|shells|xml-core|sgml|polkit)|etc/systemd/|etc/(pam\.d|environment)"
    r"|usr/share/(mime|icons|glib-2\.0|info|applications)/|usr/lib/.*/(gdk-pixbuf|gio)|etc/(xml|sgml|fonts)/"
)
"""What the scripts of packages write: registers of what is installed."""

LOCK = {
    "isarray": ("2.0.5", "xHjhDr3cNBK0BzdUJSPXZntQUx/mwMS5Rw4A7lPJ90XGAO6ISP/ePDNuo0vhqOZU+UD5JoodwCAAoZQd3FeAKw=="),
    "ms": ("2.1.3", "6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="),
}
PACKAGE = {
    "name": "stand-in",
    "version": "1.0.0",
    "scripts": {"build": "true", "test": "true"},
    "dependencies": {"ms": "^2.1.3"},
    "devDependencies": {"isarray": "^2.0.5"},
}
FILES = {
    ".dockerignore": "Dockerfile\n.dockerignore\n",
    "requirements.txt": "six\n",
    "package.json": json.dumps(PACKAGE) + "\n",
    "go.mod": "module stand-in\n\ngo 1.22\n",
    "main.go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("stand-in") }\n',
}
"""What a folder holds besides the Dockerfile, so that installers and compilers have something to do."""

MANIFESTS = ("requirements.txt", "package.json", "package-lock.json", "go.mod")

ASKED = {
    "package-lock.json": json.dumps(
        {
            "name": "stand-in",
            "version": "1.0.0",
            "lockfileVersion": 3,
            "packages": {"": PACKAGE}
            | {
                f"node_modules/{name}": {"version": version, "integrity": f"sha512-{digest}", "dev": name == "isarray"}
                for name, (version, digest) in LOCK.items()
            },
        }
    )
}
"""What it holds where the Dockerfile names it."""


class NotBuilt(Exception):
    """An engine did not build it; the message is the end of what it said."""


@dataclass
class Tree:
    """The files of an image, and those that dpkg's register gives to packages."""

    entries: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)


SESSION = engines.Session()


@functools.cache
def engine() -> tuple[list[str], dict[str, str]]:
    """Docker's command line, and the environment in which it speaks to the engine."""
    client = engines.client(SESSION.enter())
    return [*client.command], {**os.environ, **client.env, "DOCKER_BUILDKIT": "1"}


def docker(*arguments: str, text: str | None = None, timeout: float | None = None) -> str:
    """Run docker; return what it prints."""
    program, env = engine()
    try:
        done = subprocess.run(
            [*program, *arguments], input=text, capture_output=True, text=True, timeout=timeout, env=env
        )
    except subprocess.TimeoutExpired as error:
        raise NotBuilt("takes too long") from error
    if done.returncode:
        raise NotBuilt(done.stderr[-600:])
    return done.stdout


def build(folder: Path, tag: str, timeout: float, *options: str) -> int:
    """Build a folder's Dockerfile; return the image's bytes."""
    docker("build", "-q", "--network", "host", "-t", tag, *options, str(folder), timeout=timeout)
    return size(tag)


def size(tag: str) -> int:
    """The bytes of an image, uncompressed."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", tag))


def read(tag: str) -> Tree:
    """The tree of an image, as a container would see it."""
    container = docker("create", tag, "true").strip()
    try:
        program, env = engine()
        with subprocess.Popen([*program, "export", container], stdout=subprocess.PIPE, env=env) as process:
            assert process.stdout
            return scan(process.stdout)
    finally:
        docker("rm", container)


def settings(tag: str) -> dict[str, Any]:
    """What an image's configuration says about running it."""
    image = json.loads(docker("image", "inspect", tag))[0]
    config = {key: value for key, value in image["Config"].items() if key not in ("Image", "Hostname", "ArgsEscaped")}
    return {**config, "Author": image.get("Author")}


def scan(stream: IO[bytes]) -> Tree:
    """Read a tree from a tar stream."""
    tree = Tree()
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            name = member.name.removeprefix("./").rstrip("/")
            content = member.linkname
            size = member.size
            if member.isreg():
                data = tar.extractfile(member).read()  # type: ignore[union-attr]
                if name.endswith(".pyc"):
                    data = data[16:]  # behind the time of the source
                content = hashlib.sha256(data).hexdigest()
                if name.startswith("var/lib/dpkg/info/") and name.endswith(".list"):
                    register(tree, Path(name).stem.split(":")[0], data.decode())
            tree.entries[name] = (member.type.decode(), size, content, member.mode, member.uid, member.gid)
    return tree


def register(tree: Tree, package: str, paths: str) -> None:
    """Note what belongs to a package; merged /usr makes /bin and /usr/bin one."""
    tree.packages.add(package)
    for path in paths.splitlines():
        name = path.lstrip("/")
        if re.match(r"(bin|sbin|lib\w*)/", name):
            name = f"usr/{name}"
        tree.owners.setdefault(name, set()).add(package)


def differences(before: Tree, after: Tree) -> dict[str, str]:
    """The paths that are gone, new or changed. Hard links may be stored either way round."""
    found = {}
    for name in before.entries.keys() | after.entries.keys():
        old, new = before.entries.get(name), after.entries.get(name)
        if old == new or name.startswith(NOISE):
            continue
        if old and new and old[0] == new[0] == "5" and old[3:] == new[3:]:
            continue
        found[name] = "gone" if new is None else "new" if old is None else "changed"
    return found


def said(name: str, codes: list[str]) -> bool:
    """Whether a fix says that it removes this path, or a folder that held nothing else."""
    prefixes = [prefix for code in codes for prefix in SAYS.get(code, ())]
    return any(name == prefix or name.startswith(f"{prefix}/") or prefix.startswith(f"{name}/") for prefix in prefixes)


def explain(name: str, kind: str, before: Tree, after: Tree, dropped: set[str], codes: list[str]) -> str:
    """What an unsafe fix says of a difference: the rule, or `packages` for those that are no longer installed."""
    if "GO002" in codes and kind == "changed" and before.entries[name][1] > after.entries[name][1]:
        return "GO002"
    if "NPM006" in codes and "node_modules" in name and kind != "new":
        return "NPM006"
    return "packages" if dropped and unpackaged(name, kind, before, dropped) else ""


def unpackaged(name: str, kind: str, before: Tree, dropped: set[str]) -> bool:
    """Whether a difference comes from packages that are gone: theirs, made beside theirs, or a register."""
    if PACKAGES.match(name):
        return True
    if kind == "new":
        return False
    if before.entries[name][0] == "2" and before.entries[name][2].startswith("/etc/alternatives/"):
        return True
    path = name
    while path:
        owners = before.owners.get(path)
        if owners:
            return owners <= dropped
        path = path.rpartition("/")[0]
    return False


def prepare(text: bytes, folder: Path) -> None:
    """Write a Dockerfile, read by the engine's own frontend, and stand-ins for the files it copies."""
    folder.mkdir()
    text = re.sub(rb"(?im)\A((?:#.*\n)*?)#[ \t]*syntax[ \t]*=.*", rb"\1#", text)
    (folder / "Dockerfile").write_bytes(text)
    joined = re.sub(rb"\\[ \t]*\r?\n", b" ", text).decode("utf-8", "replace")
    for line in re.findall(r"(?im)^[ \t]*(?:COPY|ADD)[ \t]+(.*)$", joined):
        if "--from" in line:
            continue
        words = re.sub(r'[\[\]",]', " ", re.sub(r"--\S+", "", line)).split()
        for word in words[:-1]:
            source = os.path.normpath(word.lstrip("/"))
            if "://" in word or source in (".", "") or source.startswith("..") or "$" in word:
                continue
            path = folder / source.replace("*", "any").replace("?", "a")
            if word.endswith("/"):
                path.mkdir(parents=True, exist_ok=True)
            elif not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text({**FILES, **ASKED}.get(path.name, "{}\n" if path.suffix == ".json" else ""))
    for name, content in FILES.items():
        (folder / name).write_text(content)


def mend(folder: Path, unsafe: bool) -> list[str]:
    """Apply the fixes; return the codes of the rules whose fixes were applied."""
    command = [sys.executable, "-m", "jettison", "lint", "-q", "--fix", "--fail-on", "never", "--format", "json"]
    done = subprocess.run(
        [*command, *(["--unsafe-fixes"] if unsafe else []), "Dockerfile"], cwd=folder, capture_output=True, text=True
    )
    report = json.loads(done.stdout)
    return sorted({item["code"] for file in report["files"] for item in file["mended"]})


def examine(member: str, text: bytes, bases: dict[str, str], unsafe: bool, timeout: float) -> dict[str, Any]:
    """Build one Dockerfile before and after its fixes, and compare."""
    tag = "jettison-builds/" + hashlib.sha256(f"{member} {unsafe}".encode()).hexdigest()[:16]
    result: dict[str, Any] = {"member": member, "bases": bases}
    try:
        with tempfile.TemporaryDirectory(prefix="jettison-builds-") as name:
            original, mended = Path(name, "before"), Path(name, "after")
            prepare(text, original)
            prepare(text, mended)
            result["codes"] = codes = mend(mended, unsafe)
            try:
                result["before"] = build(original, f"{tag}:before", timeout)
            except NotBuilt as error:
                return {**result, "state": "does not build here", "why": str(error)}
            try:
                result["after"] = build(mended, f"{tag}:after", timeout * 2)
            except NotBuilt as error:
                return {**result, "state": "BROKEN", "why": str(error)}
            return {**result, **compare(original, tag, codes, unsafe, timeout)}
    except NotBuilt as error:
        return {**result, "state": "not compared", "why": str(error)}
    finally:
        for which in ("before", "after", "again"):
            with contextlib.suppress(NotBuilt):
                docker("rmi", "-f", f"{tag}:{which}")


def compare(original: Path, tag: str, codes: list[str], unsafe: bool, timeout: float) -> dict[str, Any]:
    """What sets two built images apart, and how it is to be judged: `state` is ok, GROWN or UNEXPLAINED."""
    before, after = read(f"{tag}:before"), read(f"{tag}:after")
    found = differences(before, after)
    removed = {path for path, kind in found.items() if kind == "gone" and said(path, codes)}
    rest = {path: kind for path, kind in found.items() if path not in removed}
    dropped = before.packages - after.packages
    why: dict[str, str] = {}
    if unsafe:
        why = {path: explain(path, kind, before, after, dropped, codes) for path, kind in rest.items()}
        rest = {path: kind for path, kind in rest.items() if not why[path]}
    told, untold = configuration(tag, codes)
    rest |= untold
    noise: dict[str, str] = {}
    if rest:
        build(original, f"{tag}:again", timeout * 2, "--no-cache")
        noise = differences(before, read(f"{tag}:again"))
    unexplained = {path: kind for path, kind in sorted(rest.items()) if path not in noise}
    log = logs(after) - logs(before)
    twice = manifests(after) if "ORD001" in codes else 0
    grown = size(f"{tag}:after") - size(f"{tag}:before") > max(0, log) + twice
    wrong = bool(unexplained) or (bool(dropped) and not unsafe)
    return {
        "config": told,
        "explained": dict(sorted(Counter(reason for reason in why.values() if reason).items())),
        "logs": log,
        "noise": sorted(set(rest) & set(noise))[:50],
        "packages": sorted(dropped),
        "removed": len(removed),
        "removed_bytes": sum(before.entries[path][1] for path in removed),
        "state": "UNEXPLAINED" if wrong else "GROWN" if grown else "ok",
        "twice": twice,
        "unexplained": dict([*unexplained.items()][:50]),
    }


def configuration(tag: str, codes: list[str]) -> tuple[list[str], dict[str, str]]:
    """What the fixes changed in the image's configuration as they say, and what else changed there."""
    told = {"OnBuild", *(key for code in codes for key in CONFIG.get(code, ()))}
    old, new = settings(f"{tag}:before"), settings(f"{tag}:after")
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [key for key in changed if key in told], {
        f"configuration: {key}": "changed" for key in changed if key not in told
    }


def logs(tree: Tree) -> int:
    """The bytes of logs, noise as it is: apt notes there the command that installed, with its options, and the time."""
    return sum(entry[1] for name, entry in tree.entries.items() if name.startswith("var/log/"))


def manifests(tree: Tree) -> int:
    """The bytes of the files that name dependencies: ORD001 copies them first, and once more with the rest."""
    return sum(entry[1] for name, entry in tree.entries.items() if name.rpartition("/")[2] in MANIFESTS)


def borrow(names: dict[str, str]) -> list[str]:
    """Give the stand-ins the names that Dockerfiles ask for; return those that were not taken."""
    given = []
    images: dict[str, str] = {}
    for wanted, base in sorted(names.items()):
        if not docker("image", "ls", "--quiet", wanted).strip():
            if base not in images:
                bases.ensure(engines.client(engine()[1]["DOCKER_HOST"]), base)
                images[base] = docker("build", "-q", "--network", "host", "-", text=CLEAN.format(base=base)).strip()
            docker("tag", images[base], wanted)
            given.append(wanted)
    return given


def read_list(path: Path) -> dict[str, dict[str, str]]:
    """Members, and the stand-ins for their bases."""
    members = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            member, *pairs = line.split()
            members[member] = dict(pair.split("=", 1) for pair in pairs)
    return members


def megabytes(size: int) -> str:
    """Bytes as MB, the way docker counts them."""
    return f"{size / 1e6:,.1f}".replace("-0.0", "0.0")


def table(results: list[dict[str, Any]], unsafe: bool) -> list[str]:
    """A Markdown table of what was built, with totals."""
    built = [item for item in results if "before" in item]
    after = [item for item in built if "after" in item]
    before_sum, after_sum = (sum(item[key] for item in after) for key in ("before", "after"))
    share = 100 * (before_sum - after_sum) / before_sum if before_sum else 0
    states = {state: sum(item["state"] == state for item in built) for state in sorted({i["state"] for i in built})}
    unexplained = sum(len(item.get("unexplained", ())) for item in built)
    lines = [
        f"Built before: **{len(built)}**; built after: **{len(after)}**; "
        f"grown: **{sum(item['state'] == 'GROWN' for item in after)}**; "
        f"differences that no fix announces: **{unexplained}** files.",
        f"Together {megabytes(before_sum)} MB before, {megabytes(after_sum)} MB after: "
        f"**{megabytes(before_sum - after_sum)} MB** less ({share:.1f} %), base images included.",
        f"Outcomes: {', '.join(f'{state} {count}' for state, count in states.items())}.",
        *earlier(built),
        "",
        "| member of the corpus | stand-in | rules | before MB | after MB | less MB | what differs |",
        "|---|---|---|--:|--:|--:|---|",
    ]
    for item in sorted(built, key=lambda item: item["member"]):
        size = megabytes(item["after"]) if "after" in item else "–"
        less = megabytes(item["before"] - item["after"]) if "after" in item else "–"
        base = ", ".join(sorted(set(item["bases"].values())))
        lines.append(
            f"| `{item['member']}` | {base} | {' '.join(item['codes'])} | {megabytes(item['before'])} | {size} "
            f"| {less} | {difference(item, unsafe)} |"
        )
    return lines


WORDS = {
    "GO002": "{} programs without symbols",
    "NPM006": "{} files of development dependencies",
}


def earlier(built: list[dict[str, Any]]) -> list[str]:
    """A sentence about results that `--resume` kept from before this script compared configurations."""
    count = sum("config" not in item for item in built)
    return [f"{count} of them were built before configurations were compared, and show files only."] if count else []


def difference(item: dict[str, Any], unsafe: bool) -> str:
    """In words: what sets the two images apart."""
    if item["state"] not in ("ok", "GROWN", "UNEXPLAINED"):
        return str(item["state"])
    parts = []
    if item["removed"]:
        parts.append(f"{item['removed']} files of lists and caches")
    if item["packages"]:
        names = item["packages"]
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        count = f"{len(names)} recommended package{'s' if len(names) > 1 else ''}"
        parts.append(f"{count} with what they brought: {', '.join(names[:6])}{more}")
    parts += [WORDS[code].format(count) for code, count in item.get("explained", {}).items() if code in WORDS]
    if item.get("config"):
        parts.append(", ".join(f"`{key}`" for key in item["config"]) + " of the configuration")
    if item["unexplained"]:
        parts.append("UNEXPLAINED: " + ", ".join(f"`/{path}` {kind}" for path, kind in item["unexplained"].items()))
    more = item["after"] - item["before"]
    if item["state"] == "GROWN":
        parts.append(f"GROWN by {more} bytes")
    elif more > 0 and item.get("twice"):
        parts.append(f"{more} bytes: the files that name dependencies are in two layers")
    elif more > 0:
        parts.append(f"{more} bytes of log: apt notes its own command line there")
    return "; ".join(parts) or "nothing"


def page() -> None:
    """Write docs/builds.md from the results of both lists."""
    lines = [
        "# Built, not believed",
        "",
        "<!-- Written by tests/builds/build_corpus.py; change that instead. -->",
        "",
        "Real Dockerfiles, built with Docker's engine (BuildKit) before and after Jettison's fixes, and compared",
        "file by file.",
        "",
        "- **Which.** Of the corpus of 8,027 public Dockerfiles, some that a fix in a `RUN` changes and that build",
        "  here from registries of packages alone (Debian, PyPI, npm, Go) and without their build context: what they",
        "  copy is empty, but `requirements.txt` and `package.json` ask for a package, and `main.go` says one line.",
        "  Those with few packages were tried first. Files that do not build here before the fixes are not counted.",
        "- **Base images are stand-ins** made from Debian's packages under the names that are asked for: an",
        "  `ubuntu:16.04` is Debian bookworm here. They configure apt as the official images do.",
        "- **Compared** are path, type, size, content, mode and owner of every file, and the image's configuration.",
        "  What differs by nature (`/var/log`, `ldconfig`'s cache, times in `.pyc`) does not count; when anything else",
        "  differs, the original is built again without cache, and what differs between those two is noise as well.",
        "- **Allowed** is only the removal of what the applied rules name: package lists and caches.",
        "- **Sizes** are the engine's, uncompressed, base images included; 1 MB is 1,000,000 bytes.",
        "- **Grown** is an image whose files take more bytes than before, logs aside: apt writes the command line it",
        "  was called with into `/var/log/apt/history.log`, so that `--no-install-recommends`, where nothing was",
        "  recommended, makes that log 24 bytes longer.",
        "- **Not one run.** The rows come from several runs of the script on a busy machine, kept with `--resume`.",
        "",
    ]
    for name, title, unsafe in (
        ("safe.json", "`jettison lint --fix`", False),
        ("unsafe.json", "`jettison lint --fix --unsafe-fixes`", True),
    ):
        file = HERE / name
        if file.exists():
            lines += [f"## {title}", "", *table(json.loads(file.read_text()), unsafe), ""]
            if unsafe:
                lines += [
                    "A difference counts as explained when an applied rule says so: APT004 leaves recommended packages",
                    "out (a file belongs to a package that is gone, was made in its folders, or is a register that",
                    "packages' scripts write: dpkg's, alternatives, `ld.so.cache`, users, caches of fonts), GO002 the",
                    "symbols of Go programs, NPM006 development dependencies; INS002 makes MAINTAINER a label, CMD001",
                    "gives CMD its exec form. ORD001, LAY001 and NPM002 change nothing in the files; ORD001 stores",
                    "those that name dependencies in two layers, a few bytes.",
                    "",
                ]
    PAGE.write_text("\n".join(lines))


def main() -> int:
    """Build what a list names; 1 when something broke, grew or differs without explanation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--unsafe", action="store_true", help="apply unsafe fixes too")
    parser.add_argument("--resume", action="store_true", help="keep the results that are there")
    parser.add_argument("--jobs", type=int, default=2, help="builds at a time")
    parser.add_argument("--timeout", type=float, default=240, help="seconds for a build of the original")
    options = parser.parse_args()
    members = read_list(options.list)
    texts = {}
    with tarfile.open(options.corpus) as tar:
        for info in tar:
            name = info.name.removeprefix("./")
            if name in members:
                texts[name] = tar.extractfile(info).read()  # type: ignore[union-attr]
    given = borrow({wanted: base for bases in members.values() for wanted, base in bases.items()})
    output = options.list.with_suffix(".json")
    results: list[dict[str, Any]] = []
    if options.resume and output.exists():
        results = [item for item in json.loads(output.read_text()) if item["member"] in members]
    done = {item["member"] for item in results}

    def one(member: str) -> None:
        result = examine(member, texts[member], members[member], options.unsafe, options.timeout)
        results.append(result)
        print(result["state"], member, result.get("before", ""), result.get("after", ""), flush=True)
        ordered = sorted(results, key=lambda item: item["member"])
        output.write_text(json.dumps(ordered, indent=1, sort_keys=True) + "\n")

    try:
        with ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(one, [member for member in members if member not in done]))
    finally:
        for wanted in given:
            with contextlib.suppress(NotBuilt):
                docker("rmi", wanted)
        SESSION.leave()
    page()
    return int(any(item["state"] != "ok" for item in results))


if __name__ == "__main__":
    sys.exit(main())
