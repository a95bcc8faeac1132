"""Squeezing, case by case; and the documents that go with the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from images_on_demand import file, image_of, indexer, other

from jettison.errors import ImageError
from jettison.image.check import check
from jettison.image.entry import DIRECTORY, HARDLINK
from jettison.image.image import assemble
from jettison.image.tree import stack
from jettison.lighten import Recipe, lighten, preview
from jettison.oci import media_types
from jettison.rewrite.draft import Draft
from jettison.rewrite.finish import Choice, finish
from jettison.rewrite.packing import Packing
from jettison.rewrite.spool import Spool
from jettison.rewrite.squeeze import squeeze

if TYPE_CHECKING:
    from jettison.image.image import Image

BIG = bytes(range(256)) * 400


def squeezed_paths(image: Image, base: int = 0) -> list[list[str]]:
    """The paths in each layer of the squeezed image."""
    draft = squeeze(Draft.of(image, indexer().image(image), base=base))
    return [[member.entry.path.decode() for member in layer.members] for layer in draft.layers]


@pytest.mark.parametrize(
    ("layers", "base", "left"),
    [
        pytest.param([[file("a", BIG)], [file(".wh.a"), file("b")]], 0, [["b"]], id="deleted later"),
        pytest.param([[file("a", BIG)], [file("a", BIG, mode=0o755)]], 0, [["a"]], id="copied for a chmod"),
        pytest.param([[file("a", b"1"), file("b")], [file("a", b"2")]], 0, [["b"], ["a"]], id="overwritten"),
        pytest.param([[file("a", b"1"), file("a", b"2")]], 0, [["a"]], id="twice in a layer"),
        pytest.param(
            [[other("d", DIRECTORY), file("d/x")], [file(".wh.d")], [other("d", DIRECTORY)]], 0, [["d"]], id="remade"
        ),
        pytest.param([[file("d/x")], [other("d", DIRECTORY), file("d/.wh..wh..opq")]], 0, [["d"]], id="opaque"),
        pytest.param([[file("a")], [file(".wh.a")]], 1, [["a"], [".wh.a"]], id="whiteout over a base stays"),
        pytest.param([[file("b")], [file("a")], [file(".wh.a")]], 1, [["b"]], id="whiteout over a layer goes"),
        pytest.param([[file("a")], [file(".wh.a")], [file(".wh.a")]], 1, [["a"], [".wh.a"]], id="removed twice"),
        pytest.param(
            [[other("d", DIRECTORY), file("d/x")], [file("d")], [other("d", DIRECTORY), file("d/y")]],
            1,
            [["d", "d/x"], [".wh.d"], ["d", "d/y"]],
            id="a file between two directories hides the lower one",
        ),
        pytest.param([[file("a")], []], 0, [["a"]], id="empty layer"),
        pytest.param([[file("d/x")], [file("d/.wh.x")]], 0, [["d"]], id="an implied directory stays"),
        pytest.param(
            [[file("a", BIG), other("b", HARDLINK, link=b"a")], [file(".wh.a")]],
            0,
            [["b"]],
            id="a link takes the content",
        ),
        pytest.param(
            [[file("a", BIG), other("b", HARDLINK, link=b"a", mode=0o600)], [file(".wh.a")]],
            0,
            [["a", "b"], [".wh.a"]],
            id="links that disagree stay as they are",
        ),
    ],
)
def test_what_stays(layers: list[Any], base: int, left: list[list[str]]) -> None:
    assert squeezed_paths(image_of(*layers), base) == left


def test_the_history_says_what_happened() -> None:
    image = image_of([file("a", BIG)], [file(".wh.a")], [file("b")])
    with Spool() as spool:
        done = lighten(image, Recipe(), spool, indexer())
        assert done.after is not None
        steps = done.after.config.steps
        assert [(step.created_by, step.empty_layer) for step in steps] == [
            *(("layer 0", True), ("layer 1", True), ("layer 2", None)),
            ("jettison squeeze", True),
        ]
        assert steps[-1].created == image.config.created
        assert [layer.fate for layer in done.layers] == ["gone", "gone", "kept"]


def test_an_image_without_anything_to_squeeze_is_given_back_as_it_is() -> None:
    image = image_of([file("a", BIG)], [file("b")], compression="gzip")
    with Spool() as spool:
        done = lighten(image, Recipe(), spool, indexer())
    assert done.after is image
    assert done.unchanged


def test_fields_that_nobody_touches_keep_their_bytes() -> None:
    image = image_of([file("a", BIG)], [file(".wh.a"), file("b")])
    odd = (
        b'{ "config": {"Healthcheck":{"Interval":3e10,"Test":["CMD","\\u003ctrue\\u003e"]}, "X-New":[1.0, 2]},'
        + image.config_bytes[1:].replace(b'"config":{},', b"").replace(b'"os":', b'"container":"0f","os":')
    )
    manifest = msgspec.json.decode(image.manifest_bytes or b"")
    from jettison.image.compose import describe

    manifest["config"] = msgspec.to_builtins(describe(odd, media_types.OCI_CONFIG))
    manifest["annotations"] = {"mine": "kept"}
    image = assemble("odd", msgspec.json.encode(manifest), odd, [layer.source for layer in image.layers])
    with Spool() as spool:
        done = lighten(image, Recipe(), spool, indexer())
        assert done.after is not None
        check(done.after).demand()
        expected = b'{"Healthcheck":{"Interval":3e10,"Test":["CMD","\\u003ctrue\\u003e"]}, "X-New":[1.0, 2]}'
        assert expected in done.after.config_bytes
        assert b'"container":"0f"' in done.after.config_bytes
        assert b'"annotations":{"mine":"kept"}' in (done.after.manifest_bytes or b"")


def docker_image() -> Image:
    image = image_of([file("a", BIG)], [file(".wh.a"), file("b")], compression="gzip")
    text = (image.manifest_bytes or b"").replace(
        media_types.OCI_MANIFEST.encode(), media_types.DOCKER_MANIFEST.encode()
    )
    text = text.replace(media_types.OCI_CONFIG.encode(), media_types.DOCKER_CONFIG.encode())
    text = text.replace(media_types.OCI_LAYER_GZIP.encode(), media_types.DOCKER_LAYER_GZIP.encode())
    return assemble("docker", text, image.config_bytes, [layer.source for layer in image.layers])


@pytest.mark.parametrize(
    ("packing", "manifest", "layer"),
    [
        (None, media_types.DOCKER_MANIFEST, media_types.DOCKER_LAYER_GZIP),
        (Packing("zstd", 3), media_types.OCI_MANIFEST, media_types.OCI_LAYER_ZSTD),
        (Packing(None), media_types.OCI_MANIFEST, media_types.OCI_LAYER),
    ],
)
def test_media_types_go_together(packing: Packing | None, manifest: str, layer: str) -> None:
    image = docker_image()
    with Spool() as spool:
        after = finish(squeeze(Draft.of(image, indexer().image(image)), step="x"), spool, Choice(packing))
        check(after).demand()
        assert after.manifest is not None
        assert after.manifest.media_type == manifest
        assert [descriptor.media_type for descriptor in after.manifest.layers] == [layer]
        config = media_types.DOCKER_CONFIG if manifest == media_types.DOCKER_MANIFEST else media_types.OCI_CONFIG
        assert after.manifest.config.media_type == config


def test_an_untouched_layer_is_packed_anew_only_where_that_is_smaller() -> None:
    image = image_of([file("a", BIG)], [file("b", b"x")], compression="gzip")
    with Spool() as spool:
        after = finish(Draft.of(image, indexer().image(image)), spool, Choice(Packing("zstd", 19)))
        check(after).demand()
        sizes = [
            (new.stored_size or 0) <= (old.stored_size or 0)
            for new, old in zip(after.layers, image.layers, strict=True)
        ]
        assert all(sizes)
        assert [layer.diff_id for layer in after.layers] == [layer.diff_id for layer in image.layers]
        assert after.config_bytes == image.config_bytes


def test_a_layer_at_the_bottom_is_not_worth_another_digest_for_next_to_nothing() -> None:
    image = image_of([file("big", BIG * 10), file("a")], [file(".wh.a"), file("b")])
    with Spool() as spool:
        done = lighten(image, Recipe(), spool, indexer())
        assert [layer.fate for layer in done.layers] == ["kept", "kept"]
        done = lighten(image, Recipe(all_layers=True), spool, indexer())
        assert [layer.fate for layer in done.layers] == ["rewritten", "rewritten"]


def test_a_dry_run_tells_the_bytes_of_tar() -> None:
    image = image_of([file("a", BIG), file("c")], [file(".wh.a"), file("b")])
    indexes = indexer().image(image)
    told = preview(image, indexes, stack(indexes), Recipe())
    with Spool() as spool:
        done = lighten(image, Recipe(), spool, indexer())
    assert [layer.after and layer.after.raw for layer in told.layers] == [
        layer.after and layer.after.raw for layer in done.layers
    ]
    assert told.after is None


def test_a_link_that_leads_nowhere_is_named() -> None:
    image = image_of([file("a"), other("b", HARDLINK, link=b"nowhere")])
    with pytest.raises(ImageError, match="hard link 'b' leads to nothing"), Spool() as spool:
        lighten(image, Recipe(), spool, indexer())
