"""What follows from what a trace shows, concern by concern."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from small import image, planned, staying, trace

from jettison.slim.imports import Import, asked
from jettison.slim.shellwords import programs


def test_every_link_on_the_way_stays() -> None:
    of = image(
        {"usr/bin/real": b"x", "usr/bin/a": "b", "usr/bin/b": "/usr/bin/real", "bin": "usr/bin", "usr/bin/c": b"c"}
    )
    assert staying(planned(of, trace("/bin/a"), level="file")) == {"usr/bin/real", "usr/bin/a", "usr/bin/b", "bin"}


def test_what_only_ran_never_comes_in() -> None:
    of = image({"app/main": b"x", "etc/hosts": b""})
    found = staying(planned(of, trace("/app/main", "/tmp/made", "/etc/resolv.conf"), level="file"))
    assert found == {"app/main", "etc/hosts"}


@pytest.mark.parametrize("name", ["ls", "tar", "bash", "perl", "openssl"])
def test_a_program_s_libraries_are_those_that_ldd_finds(name: str) -> None:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed here")
    program = os.path.realpath(program)
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    needed = {os.path.realpath(path) for path in re.findall(r"(/\S+) \(0x", listed)}
    files: dict[str, bytes | str | None] = {}
    for directory in ("/lib", "/lib64", "/usr/lib64"):
        if os.path.islink(directory):
            files[directory[1:]] = os.readlink(directory)
    for folder in {os.path.dirname(path) for path in needed}:
        for path in Path(folder).iterdir():
            if ".so" in path.name and path.is_symlink():
                files[str(path)[1:]] = os.readlink(path)
    for path in {*needed, program}:
        files[path[1:]] = Path(path).read_bytes()
    files["usr/lib/other/libc.so.6"] = b"not ELF"
    plan = planned(image(files), trace(executed=[program]), level="file")
    kept = staying(plan)
    assert {path[1:] for path in needed} <= kept
    assert "usr/lib/other/libc.so.6" not in kept


def test_a_script_brings_its_interpreter_and_what_it_calls() -> None:
    of = image(
        {"usr/bin/env": b"e", "usr/bin/sh": b"s", "usr/bin/tool": b"t", "usr/bin/gosu": b"g", "usr/bin/none": b"n"},
        {"start": b'#!/usr/bin/env sh\n# none\nif x; then tool --a; fi\nexec gosu app "$@"\n'},
        history=["ADD root", "COPY start /start"],
        Cmd=["/start"],
    )
    assert staying(planned(of, trace(executed=["/start"]), level="file")) == {
        "start", "usr/bin/env", "usr/bin/sh", "usr/bin/tool", "usr/bin/gosu",
    }  # fmt: skip


def test_shell_code_names_programs() -> None:
    code = b'FOO=1 cmd a | other && "quoted one" x; $VAR y; exec nice -n 5 /bin/server; for f in *; do wc $f; done'
    assert programs(code) == ["cmd", "other", "quoted one", "exec", "nice", "-n", "/bin/server", "wc"]


PYTHON = {
    "usr/bin/python3": b"x",
    "usr/lib/python3.12/encodings/__init__.py": b"",
    "usr/lib/python3.12/shown.py": b"import never\n",
    "usr/lib/python3.12/never.py": b"",
    "usr/lib/python3.12/late.py": b"import second\ndef f():\n    import third\n",
    "usr/lib/python3.12/second.py": b"def f():\n    import never\n",
    "usr/lib/python3.12/third.py": b"",
    "usr/lib/python3.12/__pycache__/late.cpython-312.pyc": b"c",
    "usr/lib/python3.12/__pycache__/never.cpython-312.pyc": b"c",
    "usr/lib/python3.12/lib-dynload/_fast.cpython-312-x86_64-linux-gnu.so": b"so",
    "usr/lib/python3/dist-packages/plug/__init__.py": b"",
    "usr/lib/python3/dist-packages/plug/data.txt": b"",
    "usr/lib/python3/dist-packages/unused/__init__.py": b"",
}
MAIN = b"""
import shown
def handler():
    import late, _fast
    from plug import thing
    subprocess.run(["tool", "x"])
    os.system("cat /x | sort")
"""


def test_what_python_imports_late_stays() -> None:
    tools = {"usr/bin/tool": b"t", "bin/cat": b"c", "bin/sort": b"s", "bin/sh": b"s", "bin/other": b"o"}
    of = image(PYTHON | tools, {"app/main.py": MAIN}, history=["ADD root", "COPY main.py /app/"], WorkingDir="/app")
    ran = trace("/usr/lib/python3.12/encodings/__init__.py", "/usr/lib/python3.12/shown.py", "/app/main.py")
    found = staying(planned(of, ran, level="file"))
    home = "usr/lib/python3.12/"
    assert {home + name for name in ("late.py", "second.py", "third.py", "__pycache__/late.cpython-312.pyc")} <= found
    assert home + "lib-dynload/_fast.cpython-312-x86_64-linux-gnu.so" in found
    assert home + "never.py" not in found
    assert "usr/lib/python3/dist-packages/plug/data.txt" in found
    assert "usr/lib/python3/dist-packages/unused/__init__.py" not in found
    assert {"usr/bin/tool", "bin/cat", "bin/sort", "bin/sh"} <= found
    assert "bin/other" not in found


def test_bytecode_brings_its_source() -> None:
    ran = trace("/usr/lib/python3.12/__pycache__/never.cpython-312.pyc")
    assert "usr/lib/python3.12/never.py" in staying(planned(image(PYTHON), ran, level="file"))


def test_python_sources_say_what_they_ask_for() -> None:
    source = b"if TYPE_CHECKING:\n    import types\ndef f():\n    from .a import b, c\n    import_module('x.y')\n"
    assert asked(source, deep=False).imports == []
    assert set(asked(source, deep=True).imports) == {Import("a", ("b", "c"), 1), Import("x.y")}
    assert asked(b"print 'two'\nimport old\n", deep=True).imports == [Import("old")]
    assert asked(b"\0" * 9, deep=True).imports == []
    assert asked(b"(" * 5000, deep=True).imports == []


def test_the_application_stays_whole_and_the_base_does_not() -> None:
    of = image(
        {"usr/bin/unused": b"u", "opt/base": b"b"},
        {"usr/local/bin/tool": b"t", "srv/data/a": b"a"},
        {"usr/local/share/app/x": b"x", "usr/local/share/app/y": b"y"},
        history=["ADD root", "RUN make", "COPY share /usr/local/share/app"],
    )
    assert staying(planned(of, trace("/usr/local/share/app/x"))) == {
        "srv/data/a", "usr/local/share/app/x", "usr/local/share/app/y",
    }  # fmt: skip


def test_directories_keep_modes_and_owners() -> None:
    of = image(
        {
            "tmp": (None, {"mode": 0o1777}),
            "var/lib/app": (None, {"mode": 0o750, "uid": 7, "gid": 8}),
            "usr/share/a/b/shared": (None, {"mode": 0o2775}),
            "usr/share/a/b/plain": None,
            "usr/lib/python3/dist-packages/gone": None,
            "etc/x": b"x",
        }
    )
    plan = planned(of, trace("/etc/x"), level="file")
    assert b"usr/share/a/b/plain" in plan.gone
    assert b"usr/lib/python3/dist-packages/gone" in plan.gone
    assert not {b"tmp", b"var/lib/app", b"usr/share/a/b/shared"} & plan.gone


def test_node_packages_stay_whole_with_what_they_depend_on() -> None:
    of = image(
        {
            "app/node_modules/a/package.json": b'{"name": "a", "version": "1", "dependencies": {"b": "1"}}',
            "app/node_modules/a/index.js": b"",
            "app/node_modules/a/lib/late.js": b"",
            "app/node_modules/b/package.json": b'{"name": "b", "version": "1"}',
            "app/node_modules/b/index.js": b"",
            "app/node_modules/c/package.json": b'{"name": "c", "version": "1"}',
            "app/node_modules/c/index.js": b"",
        },
        {},
    )
    ran = trace("/app/node_modules/a/index.js")
    assert "app/node_modules/a/lib/late.js" in staying(planned(of, ran, level="file"))
    package = staying(planned(of, ran))
    assert "app/node_modules/b/index.js" in package
    assert "app/node_modules/c/index.js" not in package


def test_users_and_names_stay() -> None:
    of = image({"etc/passwd": b"root:x:0:0::/root:/bin/sh\n", "etc/group": b"", "etc/nsswitch.conf": b"", "a": b"a"})
    assert {"etc/passwd", "etc/group", "etc/nsswitch.conf"} <= staying(planned(of, trace("/a"), level="file"))


def test_what_a_node_application_depends_on_stays_whole() -> None:
    of = image(
        {"usr/bin/node": b"n"},
        {
            "app/package.json": b'{"dependencies": {"late": "1"}, "devDependencies": {"tool": "1"}}',
            "app/server.js": b"",
            "app/node_modules/late/package.json": b'{"name": "late", "version": "1.0.0"}',
            "app/node_modules/late/index.js": b"",
            "app/node_modules/tool/package.json": b'{"name": "tool", "version": "1.0.0"}',
            "app/node_modules/tool/index.js": b"",
        },
        history=["ADD root", "RUN npm install"],
    )
    kept = staying(planned(of, trace("/app/server.js"), level="package"))
    assert "app/node_modules/late/index.js" in kept
    assert "app/node_modules/tool/index.js" not in kept
