"""What binaries say of themselves: ELF against readelf, Go against `go version -m`, Rust's audited crates; and fuzz."""

from __future__ import annotations

import json
import random
import re
import shutil
import struct
import subprocess
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jettison.packages import elf, go, rust
from packages.layering import installed, take

LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")


def view(path: Path | str) -> memoryview:
    return memoryview(Path(path).read_bytes())


def some_elf_files(number: int) -> list[Path]:
    folders = [LIBRARIES, Path("/usr/bin"), Path("/usr/lib/aarch64-linux-gnu")]
    files = [p for folder in folders if folder.is_dir() for p in sorted(folder.iterdir()) if p.is_file()]
    random.Random(1).shuffle(files)
    found = []
    for path in files:
        with path.open("rb") as file:
            if file.read(4) == elf.MAGIC:
                found.append(path)
        if len(found) == number:
            break
    return found


@pytest.mark.skipif(not shutil.which("readelf"), reason="binutils is not installed")
def test_elf_against_readelf() -> None:
    files = some_elf_files(60)
    assert files
    for path in files:
        text = subprocess.run(["readelf", "-WdSln", path], capture_output=True, text=True, check=False).stdout
        section = r"\] (?:%s)\s+\S+\s+\S+ \S+ (\S+)"
        expected = {
            "needed": tuple(name.encode() for name in re.findall(r"NEEDED.*\[(.*)\]", text)),
            "soname": "".join(re.findall(r"SONAME.*\[(.*)\]", text)).encode(),
            "runpath": "".join(re.findall(r"\(RUNPATH.*\[(.*)\]", text)).encode(),
            "interpreter": "".join(re.findall(r"interpreter: (.*)\]", text)).encode(),
            "build_id": "".join(re.findall(r"Build ID: (\w+)", text)[:1]),
            "debug": sum(int(size, 16) for size in re.findall(section % r"\.z?debug_\S+", text)),
            "symbols": sum(int(size, 16) for size in re.findall(section % r"\.symtab|\.strtab", text)),
            "debuglink": ".gnu_debuglink" in text,
        }
        found = elf.parse(view(path))
        assert found is not None
        ours = {name: getattr(found, name) for name in expected} | {"build_id": found.build_id.hex()}
        assert ours == expected, path


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same small program, compiled in several ways."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "a.c").write_text("int shared(void) { return 1; }\nint main(void) { return shared() - 1; }\n")
    ways = {
        "debug": ["-g"],
        "stripped": ["-s"],
        "not-pie": ["-no-pie"],
        "static": ["-static"],
        "static-pie": ["-static-pie"],
        "object.o": ["-c", "-g"],
        "library.so": ["-shared", "-fPIC", "-Wl,-soname,libx.so.1"],
        "rpath": ["-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib"],
        "compressed": ["-g", "-gz=zlib"],
        "no-id": ["-Wl,--build-id=none"],
    }
    for name, flags in ways.items():
        made = subprocess.run(["gcc", "a.c", *flags, "-o", name], cwd=folder, capture_output=True, check=False)
        if made.returncode:
            pytest.skip(made.stderr.decode()[-200:])
    return folder


def test_elf_as_compiled(compiled: Path) -> None:
    found = {path.name: elf.parse(view(path)) for path in compiled.iterdir() if path.suffix != ".c"}
    facts = {name: e for name, e in found.items() if e is not None}
    assert facts.keys() == found.keys()
    assert facts["debug"].debug > 0
    assert facts["debug"].strippable == facts["debug"].debug + facts["debug"].symbols > 0
    assert facts["stripped"].strippable == 0
    assert facts["compressed"].debug > 0
    assert {name for name, e in facts.items() if e.static} == {"static", "static-pie"}
    assert {name for name, e in facts.items() if e.pie} >= {"debug", "stripped", "static-pie", "rpath"}
    assert facts["object.o"].kind == elf.RELOCATABLE
    assert facts["object.o"].strippable == 0
    assert facts["not-pie"].kind == elf.EXECUTABLE
    assert facts["library.so"].soname == b"libx.so.1"
    assert facts["rpath"].rpath == b"$ORIGIN/lib"
    assert facts["debug"].interpreter.startswith(b"/lib")
    assert facts["debug"].needed == (b"libc.so.6",)
    assert len(facts["debug"].build_id) == 20
    assert facts["no-id"].build_id == b""
    assert not any(e.go or e.debuglink for e in facts.values())


def test_elf_in_the_inventory(compiled: Path) -> None:
    tree, found = take(compiled)
    node, other = tree.get(b"static"), tree.get(b"a.c")
    assert node is not None and other is not None
    program = found.elf_of(node)
    assert program is not None and program.static
    assert found.elf_of(other) is None


def mutations(data: bytes, rounds: int, seed: str) -> list[bytes]:
    chance = random.Random(seed)
    made = []
    for _ in range(rounds):
        broken = bytearray(data)
        for _ in range(chance.choice((1, 3, 10, 50))):
            at = chance.randrange(chance.choice((64, 1000, len(broken))))
            if chance.random() < 0.4:
                at = len(broken) - 1 - chance.randrange(min(len(broken), 2500))
            broken[at] = chance.choice((0, 1, 127, 255, chance.randrange(256)))
            if chance.random() < 0.2:
                broken[at : at + 8] = chance.choice((b"\xff" * 8, bytes(8), b"\xff" * 7 + b"\x7f"))
        if chance.random() < 0.3:
            del broken[chance.randrange(len(broken)) :]
        made.append(bytes(broken))
    return made


def test_broken_binaries_raise_nothing(compiled: Path) -> None:
    started = time.process_time()
    for name in ("debug", "stripped", "object.o"):
        for broken in mutations((compiled / name).read_bytes(), 2000, name):
            for probe in (*elf.PROBES, *go.PROBES, *rust.PROBES):
                probe.read(memoryview(broken))
    assert time.process_time() - started < 60


@given(st.binary(max_size=200), st.sampled_from([b"\1\1", b"\1\2", b"\2\1", b"\2\2", b"\0\0"]))
def test_any_bytes_after_the_magic(data: bytes, form: bytes) -> None:
    for probe in (*elf.PROBES, *go.PROBES, *rust.PROBES):
        probe.read(memoryview(elf.MAGIC + form + data))


def test_a_hostile_file_costs_milliseconds() -> None:
    """All tables as long as their counts can say, each one over the whole file."""
    size = 1 << 20
    data = bytearray(
        struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 64, 0, 64, 56, 65535, 64, 0, 1)
    )
    segment = struct.pack("<IIQQQQQQ", 2, 4, 64, 0, 0, size, size, 8)
    data += segment * (size // len(segment))
    started = time.process_time()
    assert elf.parse(memoryview(data)) is not None
    assert time.process_time() - started < 1


@pytest.fixture(scope="module")
def go_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with one dependency, which lies beside it."""
    if not shutil.which("go"):
        pytest.skip("Go is not installed")
    folder = tmp_path_factory.mktemp("go")
    (folder / "lib").mkdir()
    (folder / "lib/go.mod").write_text("module example.org/lib\ngo 1.18\n")
    (folder / "lib/lib.go").write_text('package lib\nfunc Hi() string { return "hi" }\n')
    (folder / "go.mod").write_text(
        "module example.org/app\ngo 1.18\nrequire example.org/lib v1.2.3\nreplace example.org/lib v1.2.3 => ./lib\n"
    )
    (folder / "main.go").write_text('package main\nimport "example.org/lib"\nfunc main() { println(lib.Hi()) }\n')
    environment = {
        "GOFLAGS": "-mod=mod -buildvcs=false",
        "GOPROXY": "off",
        "HOME": str(folder),
        "PATH": "/usr/local/go/bin:/usr/bin:/bin",
    }
    environment |= {"GOCACHE": str(folder / "cache"), "CGO_ENABLED": "0"}
    for name, flags in {"app": "", "stripped": "-s -w"}.items():
        command = [shutil.which("go") or "go", "build", f"-ldflags={flags}", "-o", f"out/usr/bin/{name}", "."]
        made = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        if made.returncode:
            pytest.skip(f"Go cannot build here: {made.stderr.decode()[-200:]}")
    bare = bytearray((folder / "out/usr/bin/stripped").read_bytes())
    struct.pack_into("<Q", bare, 40, 0)
    struct.pack_into("<HHH", bare, 58, 64, 0, 0)
    (folder / "out/usr/bin/without-sections").write_bytes(bare)
    return folder / "out"


@pytest.mark.parametrize("name", ["app", "stripped", "without-sections"])
def test_go_against_go(go_binary: Path, name: str) -> None:
    path = go_binary / "usr/bin" / name
    fact = go.build_information(view(path))
    assert fact is not None
    answer = subprocess.run(["go", "version", "-m", path], capture_output=True, text=True, check=False)
    if name != "without-sections":
        lines = answer.stdout.splitlines()
        assert fact.decode().splitlines() == [lines[0].split(": ")[1], *(line[1:] for line in lines[1:])]
    assert [name for name, _ in go.modules(fact)] == ["example.org/app", "example.org/lib", "stdlib"]
    facts = elf.parse(view(path))
    assert facts is not None and facts.static


def test_go_packages(go_binary: Path) -> None:
    _, found = take(go_binary)
    main = [p for p in found.packages if p.name == "example.org/app"]
    assert [p.files for p in main] == [(b"usr/bin/app",), (b"usr/bin/stripped",), (b"usr/bin/without-sections",)]
    assert found.owner(b"usr/bin/app") is main[0]
    assert main[0].size == (go_binary / "usr/bin/app").stat().st_size
    assert {p.version for p in found.packages if p.name == "example.org/lib"} == {"v1.2.3"}


def test_go_replacements() -> None:
    lines = ["go1.27.2", "path\tx/cmd", "mod\tx\tv1\t", "dep\ta\tv1\th1:a", "=>\tb\tv2\th1:b"]
    lines += ["dep\tc\tv3", "=>\t../c\t(devel)\t", "build\t-x=y", ""]
    assert go.modules("\n".join(lines).encode()) == [("x", "v1"), ("b", "v2"), ("c", "v3"), ("stdlib", "go1.27.2")]
    assert go.modules(b"go1.19.8\npath\tx/cmd\n") == [("x/cmd", ""), ("stdlib", "go1.19.8")]


def with_sections(sections: dict[str, bytes], *, bits: int = 64, order: str = "<") -> bytes:
    """An ELF file of nothing but these sections, and their names."""
    names = b"\0"
    rows, body = [(0, 0, 0, 0, 0, 0)], b""
    head = 64 if bits == 64 else 52
    for name, data in [*sections.items(), (".shstrtab", b"")]:
        data = data or names + name.encode() + b"\0"
        rows.append((len(names), 1, 0, 0, head + len(body), len(data)))
        names += name.encode() + b"\0"
        body += data
    shape = order + ("IIQQQQIIQQ" if bits == 64 else "10I")
    table = b"".join(struct.pack(shape, *row, 0, 0, 1, 0) for row in rows)
    fields = (2, 62, 1, 0, 0, head + len(body), 0, head, 0, 0, struct.calcsize(shape), len(rows), len(rows) - 1)
    start = b"\x7fELF" + bytes((bits // 32, 1 if order == "<" else 2, 1)) + bytes(9)
    return start + struct.pack(order + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"), *fields) + body + table


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_rust(bits: int, order: str) -> None:
    crates = [
        {"name": "app", "version": "0.1.0", "source": "local", "dependencies": [1], "root": True},
        {"name": "serde", "version": "1.0.219", "source": "crates.io"},
        {"name": "cc", "version": "1.2.0", "source": "crates.io", "kind": "build"},
    ]
    section = zlib.compress(json.dumps({"packages": crates}).encode())
    data = with_sections({".dep-v0": section, ".debug_info": b"12345"}, bits=bits, order=order)
    found = installed({"usr/bin/app": data})
    assert {(p.kind, p.name, p.version, p.files) for p in found.values()} == {
        ("cargo", "app", "0.1.0", (b"usr/bin/app",)),
        ("cargo", "serde", "1.0.219", ()),
    }
    facts = elf.parse(memoryview(data))
    assert facts is not None and (facts.bits, facts.debug) == (bits, 5)


@pytest.mark.parametrize("section", [b"\0", zlib.compress(b"{"), zlib.compress(b'{"packages": [{}]}'), b"x\x9c" * 9])
def test_rust_nonsense(section: bytes) -> None:
    assert installed({"usr/bin/app": with_sections({".dep-v0": section})}) == {}
