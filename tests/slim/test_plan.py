"""Plans and what is written for them: reasons, wishes, databases, digests, and bad input."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from small import image, indexer, layer, planned, staying, trace

from jettison import slim
from jettison.cli.main import main
from jettison.errors import ImageError, NotFound, UsageError
from jettison.image.check import check
from jettison.image.compose import compose
from jettison.image.random import random_image
from jettison.image.tree import stack
from jettison.lighten import Recipe
from jettison.proof.same_tree import same_tree
from jettison.rewrite.cargo import restore
from jettison.rewrite.spool import Spool
from jettison.stores import open_image, write_image
from jettison.trace import Trace, save

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.image import Image

STATUS = b"".join(
    b"Package: %s\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n" % name
    for name in (b"a", b"b", b"c")
)
DEBIAN = {
    "usr/bin/a": b"a",
    "usr/share/a/data": b"d",
    "usr/share/doc/a/manual": b"m",
    "usr/share/doc/a/copyright": b"c",
    "etc/a.conf": b"conf",
    "usr/bin/b": b"b",
    "usr/bin/c": b"c",
    "var/lib/dpkg/status": STATUS,
    "var/lib/dpkg/info/a.list": b"/.\n/usr/bin/a\n/usr/share/a/data\n/usr/share/doc/a/manual\n"
    b"/usr/share/doc/a/copyright\n/etc/a.conf\n",
    "var/lib/dpkg/info/a.md5sums": b"1  usr/bin/a\n2  usr/share/a/data\n3  usr/share/doc/a/manual\n",
    "var/lib/dpkg/info/b.list": b"/.\n/usr/bin/b\n",
    "var/lib/dpkg/info/c.list": b"/.\n/usr/bin/c\n",
    "var/lib/dpkg/info/c.postinst": b"x",
}


def test_a_used_package_stays_whole_and_the_database_tells_the_truth() -> None:
    plan = planned(image(DEBIAN), trace("/usr/bin/a", stat=["/usr/bin/b"]))
    assert staying(plan) == {
        "usr/bin/a", "usr/share/a/data", "usr/share/doc/a/copyright", "etc/a.conf", "usr/bin/b",
        "var/lib/dpkg/status", "var/lib/dpkg/info/a.list", "var/lib/dpkg/info/a.md5sums", "var/lib/dpkg/info/b.list",
    }  # fmt: skip
    assert [package.name for package in plan.packages] == ["a", "b"]
    assert plan.dropping.edits[b"var/lib/dpkg/status"].count(b"Package: ") == 2
    assert b"manual" not in plan.dropping.edits[b"var/lib/dpkg/info/a.list"]
    assert plan.dropping.edits[b"var/lib/dpkg/info/a.md5sums"] == b"1  usr/bin/a\n2  usr/share/a/data\n"


def test_files_alone_stay_at_the_level_of_files() -> None:
    plan = planned(image(DEBIAN), trace("/usr/bin/a"), level="file")
    assert {"usr/bin/a", "etc/a.conf"} <= staying(plan)
    assert not {"usr/share/a/data", "usr/bin/b", "usr/bin/c"} & staying(plan)
    assert any("licence" in note for note in plan.notes)


def test_wishes() -> None:
    ran = trace("/usr/bin/a")
    assert "usr/bin/c" in staying(planned(image(DEBIAN), ran, keep=["usr/bin/c"]))
    assert "usr/share/a/data" not in staying(planned(image(DEBIAN), ran, drop=["usr/share/a"]))
    assert "usr/share/a/data" in staying(planned(image(DEBIAN), ran, keep=["**/data"], drop=["usr/share/a"]))
    with pytest.raises(NotFound, match="nothing-there"):
        planned(image(DEBIAN), ran, keep=["nothing-there"])


def test_every_path_says_why() -> None:
    plan = planned(image(DEBIAN), trace("/usr/bin/a"), drop=["etc/a.conf"])
    assert "stays: traced: read" in plan.explain("/usr/bin/a")
    assert "part of a 1 (kept in case)\n  because of /usr/bin/a: traced: read" in plan.explain("usr/share/a/data")
    assert "documentation" in plan.explain("/usr/share/doc/a/manual")
    assert "no file of c 1 was touched" in plan.explain("/usr/bin/c")
    assert "--drop matches it" in plan.explain("/etc/a.conf")
    with pytest.raises(NotFound):
        plan.explain("/nowhere")
    for path in plan.tree.nodes:
        if path:
            assert plan.explain(path.decode())


def test_a_trace_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no paths"):
        planned(image(DEBIAN), Trace(paths={}))


def applied(of: Image, ran: Trace, spool: Spool, **wishes: object) -> slim.Slimmed:
    known = indexer()
    return slim.apply(slim.plan(of, ran, indexer=known, **wishes), spool, Recipe(keep_cargo=True), indexer=known)


def test_the_same_trace_gives_the_same_digest() -> None:
    names = ["/usr/bin/a", "/etc/a.conf", "/usr/bin/b"]
    with Spool() as spool:
        first = applied(image(DEBIAN), trace(*names), spool)
        second = applied(image(DEBIAN), trace(*reversed(names)), spool)
        assert first.image.digest == second.image.digest
        assert first.image.config.container == image(DEBIAN).config.container


def test_the_command_s_program_cannot_be_dropped() -> None:
    of = image(DEBIAN, Cmd=["/usr/bin/a"])
    with Spool() as spool, pytest.raises(ImageError, match="/usr/bin/a is gone"):
        applied(of, trace("/usr/bin/b"), spool, drop=["usr/bin/a"])


@pytest.mark.parametrize("level", slim.LEVELS)
@pytest.mark.parametrize("seed", range(12))
def test_any_image_is_given_back_by_its_cargo(seed: int, level: slim.Level) -> None:
    of = random_image(seed)
    known = indexer()
    tree = stack(known.image(of))
    dice = random.Random(seed)
    paths = [path for path in tree.nodes if path]
    chosen = dice.sample(paths, min(len(paths), 5))
    ran = Trace(paths={"/" + path.decode("utf-8", "surrogateescape"): frozenset({"read"}) for path in chosen})
    with Spool() as spool:
        try:
            done = applied(of, ran, spool, level=level)
        except ImageError as error:
            assert "broken" in str(error) or "leads to" in str(error)
            return
        check(done.image).demand()
        after = stack(known.image(done.image))
        for path, node in after.nodes.items():
            assert node.content.mode == tree.nodes[path].content.mode
        if done.cargo is not None:
            back = restore(done.image, done.cargo, known)
            assert same_tree(tree, stack(known.image(back))).holds


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "in.tar"
    of = compose([layer(DEBIAN), layer({"app/x": b"x"})], created_by=["ADD r", "COPY x"], names=("app:1",))
    write_image(of, f"docker-archive:{path}:app:1")
    save(trace("/usr/bin/a"), tmp_path / "t.json")
    return path


def test_the_command(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["slim", str(archive), "--trace-file", str(tmp_path / "t.json")]
    assert main([*words, "-o", f"oci:{tmp_path}/out:1", "--cargo", f"oci:{tmp_path}/cargo:1", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [package["name"] for package in told["packages"]["gone"]] == ["b", "c"]
    assert told["figures"]["before"]["files"] > told["figures"]["after"]["files"]
    assert told["invariants"]["broken"] == []
    assert told["behaviour"] is None
    check(open_image(f"oci:{tmp_path}/out:1")).demand()
    again = ["restore", f"oci:{tmp_path}/out:1", "--cargo", f"oci:{tmp_path}/cargo:1", "-o", f"oci:{tmp_path}/back:1"]
    assert main(again) == 0
    known = indexer()
    before, after = (stack(known.image(open_image(name))) for name in (str(archive), f"oci:{tmp_path}/back:1"))
    assert same_tree(before, after).holds
    capsys.readouterr()
    assert main([*words, "--dry-run"]) == 0
    assert "scanners will list 1 packages" in capsys.readouterr().out
    assert main([*words, "--explain", "/usr/bin/c"]) == 0
    assert "no file of c 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 2),
        (["--dry-run", "--keep", "nowhere"], 4),
        (["--dry-run", "--trace-file", "missing.json"], 4),
        (["--dry-run", "--trace-file", "in.tar"], 4),
        (["--explain", "/nowhere"], 4),
        (["-o", "docker-archive:out.tar", "--drop", "app/x", "--drop", "usr/bin/a"], 0),
    ],
)
def test_bad_input_is_told_and_writes_nothing(
    archive: Path, words: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(archive.parent)
    before = sorted(path.name for path in archive.parent.iterdir())
    assert main(["slim", "in.tar", "--trace-file", "t.json", *words]) == status
    if status:
        assert sorted(path.name for path in archive.parent.iterdir()) == before
        assert capsys.readouterr().err.startswith("jettison: error: ")
