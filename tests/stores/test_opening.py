"""What a person names without a transport."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from jettison import stores
from jettison.errors import InputError, NotFound, RemoteError, Unauthorized, UsageError
from jettison.stores import opening

from .making import simple

if TYPE_CHECKING:
    from pathlib import Path

    from jettison.image.indexer import Indexer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Engines and registry as they answer: an image or an error each; `asked["order"]` lists who was asked for what."""
    answers: dict[str, Any] = {"order": []}

    def store_for(transport: str) -> Any:
        def open_image(reference: Any, platform: Any, indexer: Any) -> Any:
            answers["order"].append(str(reference))
            if isinstance(answers[transport], Exception):
                raise answers[transport]
            return answers[transport]

        return SimpleNamespace(open_image=open_image, list_images=lambda r: open_image(r, None, None))

    monkeypatch.setattr(opening, "store_for", store_for)
    return answers


def test_a_name_asks_engines_then_the_registry(asked: dict[str, Any], indexer: Indexer) -> None:
    image = simple()
    asked.update({"docker-daemon": NotFound("no engine"), "podman": RemoteError("no socket"), "docker": image})
    assert stores.open_image("alpine", indexer=indexer) is image
    assert asked["order"] == ["docker-daemon:alpine", "podman:alpine", "docker://docker.io/library/alpine:latest"]
    asked["podman"] = image
    asked["order"].clear()
    assert stores.open_image("team/app:1.2", indexer=indexer) is image
    assert asked["order"] == ["docker-daemon:team/app:1.2", "podman:team/app:1.2"]


@pytest.mark.parametrize("kind", [NotFound, RemoteError, Unauthorized, InputError])
def test_all_answers_are_told(kind: type[InputError], asked: dict[str, Any], indexer: Indexer) -> None:
    asked.update({"docker-daemon": NotFound("engine says no"), "podman": NotFound("so does podman")})
    asked["docker"] = kind("registry too", hint="do this")
    with pytest.raises(InputError) as caught:
        stores.open_image("alpine:3.22", indexer=indexer)
    assert type(caught.value) is kind
    assert all(text in str(caught.value) for text in ("engine says no", "so does podman", "registry too"))
    assert caught.value.hint == "do this"


@pytest.mark.parametrize("text", ["./a", "../a", "/a/b", "app.tar", "app.tar.gz", "x/app.TGZ", "~/x", "a.tar:name:1"])
def test_missing_paths_ask_nobody(text: str, asked: dict[str, Any], indexer: Indexer) -> None:
    with pytest.raises(NotFound, match="does not exist"):
        stores.open_image(text, indexer=indexer)
    assert asked["order"] == []


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_what_is_no_reference(text: str, indexer: Indexer) -> None:
    with pytest.raises(UsageError):
        stores.open_image(text, indexer=indexer)


def test_a_word_is_a_name_even_where_a_file_has_it(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indexer: Indexer
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alpine").mkdir()
    asked.update(dict.fromkeys(("docker-daemon", "podman", "docker"), NotFound("no")))
    with pytest.raises(NotFound) as caught:
        stores.open_image("alpine", indexer=indexer)
    assert "./alpine" in (caught.value.hint or "")


@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 5000, b"\x1f\x8b", b"\x1f\x8bgarbage" * 100, b"\0" * 2048])
def test_files_that_are_no_archives(content: bytes, tmp_path: Path, indexer: Indexer) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    for prefix in ("", "docker-archive:", "oci-archive:"):
        with pytest.raises(InputError, match=r"file\.bin"):
            stores.open_image(f"{prefix}{path}", indexer=indexer)


def test_unknown_transport(indexer: Indexer) -> None:
    from jettison.oci.reference import Reference

    with pytest.raises(UsageError, match="unknown transport 'opening'"):
        stores.open_image(Reference("opening", "x"), indexer=indexer)


def test_third_parties_bring_transports(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], indexer: Indexer
) -> None:
    import importlib.metadata

    brought = importlib.metadata.EntryPoint("attic", "attic:store", "jettison.stores")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: importlib.metadata.EntryPoints([brought]))
    image = simple()
    asked["attic"] = image
    assert stores.open_image("attic:box/7", indexer=indexer) is image
    assert asked["order"] == ["attic:box/7"]
