"""OCI layouts: which image is chosen, how deep it may lie, what is attached to it, and what is refused."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from jettison import stores
from jettison.errors import DigestMismatch, ImageError, InputError, JettisonError, NotFound, UsageError
from jettison.image.check import check
from jettison.image.compose import compose, describe, encode
from jettison.oci import media_types
from jettison.oci.descriptor import REFERENCE_NAME, Descriptor
from jettison.oci.digest import Digest
from jettison.oci.manifest import Manifest
from jettison.oci.platform import Platform
from jettison.stores.layout import path_of

from .making import blobs, blobs_of, entry_of, file, index_of, layer, simple, write_layout, write_tar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jettison.image.image import Image

AMD64, ARM64, ARMV7 = (
    Platform(os="linux", architecture=architecture, variant=variant)
    for architecture, variant in (("amd64", None), ("arm64", "v8"), ("arm", "v7"))
)


def named(name: str) -> dict[str, dict[str, str]]:
    return {"annotations": {REFERENCE_NAME: name}}


def index_descriptor(index: bytes, **more: Any) -> Descriptor:
    return Descriptor(media_type=media_types.OCI_INDEX, digest=str(Digest.of(index)), size=len(index), **more)


@pytest.fixture(params=["oci", "oci-archive"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Writes files as a layout, a directory or an archive, and returns how to name it."""

    def write(files: Mapping[str, bytes]) -> str:
        if request.param == "oci":
            return f"oci:{write_layout(tmp_path / 'layout', files)}"
        return f"oci-archive:{write_tar(tmp_path / 'layout.tar', *[file(*item) for item in files.items()])}"

    return write


def platforms(*wanted: Platform) -> dict[Platform, Image]:
    return {platform: simple(str(platform), platform=platform) for platform in wanted}


def test_tag_name_number_or_digest_chooses(place: Any) -> None:
    one, two = simple("one"), simple("two")
    whole = {"annotations": {"io.containerd.image.name": "docker.io/library/two:latest", REFERENCE_NAME: "latest"}}
    index = index_of(entry_of(one, **named("one")), entry_of(two, **whole))
    where = place({**blobs_of(one), **blobs_of(two), "index.json": index})
    for selector, image in (
        (":one", one),
        (":latest", two),
        (":two", two),
        (":docker.io/library/two:latest", two),
        ("@0", one),
        ("@1", two),
        (f"@{one.digest}", one),
    ):
        assert stores.open_image(where + selector).digest == image.digest
    with pytest.raises(UsageError, match="2 images"):
        stores.open_image(where)
    for missing in (":three", "@2", f"@{Digest.of(b'no')}"):
        with pytest.raises(NotFound):
            stores.open_image(where + missing)


def test_platform_is_chosen_through_nested_indexes(place: Any) -> None:
    images = platforms(AMD64, ARM64, ARMV7)
    inner = index_of(*[entry_of(image, platform=platform) for platform, image in images.items()])
    middle = index_of(index_descriptor(inner))
    index = index_of(index_descriptor(middle, **named("latest")))
    where = place(
        {
            **{k: v for image in images.values() for k, v in blobs_of(image).items()},
            **blobs(inner, middle),
            "index.json": index,
        }
    )
    for text, image in (("arm64", images[ARM64]), ("linux/arm/v7", images[ARMV7]), ("amd64", images[AMD64])):
        from jettison.oci.platform import parse

        opened = stores.open_image(where, parse(text))
        assert opened.digest == image.digest
        assert opened.names == ("latest",)
    with pytest.raises(NotFound, match=r"no image for linux/s390x; there are: linux/amd64, linux/arm64/v8, linux/arm"):
        stores.open_image(where, Platform(os="linux", architecture="s390x"))
    assert len([*stores.list_images(where)]) == 3


def test_platforms_that_only_configurations_tell(place: Any) -> None:
    images = platforms(AMD64, ARM64)
    files = {k: v for image in images.values() for k, v in blobs_of(image).items()}
    where = place({**files, "index.json": index_of(*[entry_of(image) for image in images.values()])})
    assert stores.open_image(where, ARM64).digest == images[ARM64].digest


def test_wrong_platform_of_the_only_image_is_refused(place: Any) -> None:
    image = simple(platform=ARM64)
    where = place({**blobs_of(image), "index.json": index_of(entry_of(image))})
    assert stores.open_image(where).digest == image.digest
    with pytest.raises(NotFound, match="no image for linux/amd64"):
        stores.open_image(where, AMD64)


def attested(image: Image, *statements: bytes) -> tuple[Descriptor, dict[str, bytes]]:
    """An attestation manifest about an image, as BuildKit writes it."""
    config = b"{}"
    manifest = encode(
        Manifest(
            media_type=media_types.OCI_MANIFEST,
            config=describe(config, media_types.OCI_CONFIG),
            layers=[describe(statement, "application/vnd.in-toto+json") for statement in statements],
        )
    )
    about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": str(image.digest)}
    described = describe(manifest, media_types.OCI_MANIFEST)
    unknown = Platform(os="unknown", architecture="unknown")
    return (
        Descriptor(described.media_type, described.digest, described.size, annotations=about, platform=unknown),
        blobs(config, manifest, *statements),
    )


def test_attestations_are_attached_and_no_images(place: Any) -> None:
    images = platforms(AMD64, ARM64)
    statement = json.dumps({"_type": "https://in-toto.io/Statement/v0.1", "predicate": {}}).encode()
    entries, files = [], {}
    for platform, image in images.items():
        about, more = attested(image, statement + str(platform).encode())
        entries += [entry_of(image, platform=platform), about]
        files.update(more | blobs_of(image))
    inner = index_of(*entries)
    where = place({**files, **blobs(inner), "index.json": index_of(index_descriptor(inner))})
    assert stores.open_image(where, ARM64).attestations == (statement + b"linux/arm64/v8",)
    assert len([*stores.list_images(where)]) == 2


def test_attestations_that_were_left_out_are_no_error(place: Any) -> None:
    image = simple()
    about, _ = attested(image, b"{}")
    where = place({**blobs_of(image), "index.json": index_of(entry_of(image, platform=AMD64), about)})
    assert stores.open_image(where).attestations == ()


def test_docker_archive_takes_manifest_and_attestations_of_the_layout_beside(tmp_path: Path) -> None:
    from .making import saved

    image = simple()
    about, more = attested(image, b'{"a":1}')
    inner = index_of(entry_of(image, platform=AMD64), about)
    files = {
        **blobs_of(image),
        **more,
        **blobs(inner),
        "index.json": index_of(index_descriptor(inner)),
        "manifest.json": saved((path_of(image.id), [path_of(image.layers[0].diff_id)], ["x:1"])),
    }
    opened = stores.open_image(str(write_tar(tmp_path / "saved.tar", *[file(*item) for item in files.items()])))
    assert (opened.digest, opened.attestations, opened.names) == (image.digest, (b'{"a":1}',), ("x:1",))


def changed(image: Image, **fields: Any) -> dict[str, bytes]:
    """A layout of the image with other values in its manifest."""
    document = {**json.loads(image.manifest_bytes or b""), **fields}
    data = json.dumps(document).encode()
    return {
        **blobs_of(image),
        **blobs(data),
        "index.json": index_of(describe(data, media_types.OCI_MANIFEST)),
    }


def layer_as(image: Image, **fields: Any) -> dict[str, bytes]:
    described = json.loads(image.manifest_bytes or b"")["layers"][0]
    return changed(image, layers=[{**described, **fields}])


CASES: dict[str, tuple[Any, type[JettisonError], str]] = {
    "a layer's size lies": (lambda i: layer_as(i, size=7), DigestMismatch, "the manifest says 7"),
    "no layer blob": (lambda i: layer_as(i, digest=f"sha256:{'1' * 64}"), NotFound, "layer 0 of 1 is missing"),
    "a digest that is a path": (lambda i: layer_as(i, digest="sha256:../../../etc/passwd"), ImageError, "not a digest"),
    "an unknown algorithm": (lambda i: layer_as(i, digest=f"md5:{'1' * 32}"), ImageError, "not a digest"),
    "a negative size": (lambda i: layer_as(i, size=-5), ImageError, "no valid size"),
    "an encrypted layer": (
        lambda i: layer_as(i, mediaType=media_types.OCI_LAYER_GZIP + "+encrypted"),
        ImageError,
        "layer 0 is encrypted",
    ),
    "a layer that is no tar": (
        lambda i: layer_as(i, mediaType="application/vnd.dev.cosign.simplesigning.v1+json"),
        ImageError,
        "which is no tar layer",
    ),
    "more layers than diff_ids": (
        lambda i: changed(i, layers=json.loads(i.manifest_bytes)["layers"] * 2),
        ImageError,
        "the manifest has 2 layers, the configuration 1",
    ),
    "an artefact": (
        lambda i: changed(i, config={**json.loads(i.manifest_bytes)["config"], "mediaType": "application/x.helm"}),
        ImageError,
        "an artefact of type application/x.helm",
    ),
    "schema 1": (
        lambda i: changed(i, schemaVersion=1, config=None, fsLayers=[], history=[]),
        ImageError,
        "manifest of schema 1",
    ),
    "no configuration": (
        lambda i: changed(i, config=json.loads(encode_descriptor(describe(b"none", media_types.OCI_CONFIG)))),
        NotFound,
        "blobs/sha256/.* is missing",
    ),
}


def encode_descriptor(descriptor: Descriptor) -> bytes:
    import msgspec

    return msgspec.json.encode(descriptor)


@pytest.mark.parametrize("case", list(CASES))
def test_what_is_wrong_is_said(case: str, place: Any) -> None:
    files, kind, message = CASES[case]
    with pytest.raises(kind, match=message) as caught:
        stores.open_image(place(files(simple())))
    assert "layout" in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"architecture": 7}'])
def test_a_configuration_that_is_none(data: bytes, place: Any) -> None:
    image = simple()
    config = json.loads(encode_descriptor(describe(data, media_types.OCI_CONFIG)))
    with pytest.raises(ImageError, match="image configuration"):
        stores.open_image(place(changed(image, config=config) | blobs(data)))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"manifests":7}', b'{"manifests":[{"digest":"x"}]}'])
def test_an_index_that_is_none(data: bytes, place: Any) -> None:
    with pytest.raises(ImageError):
        stores.open_image(place({"index.json": data}))


def test_documents_that_were_changed(place: Any) -> None:
    image = simple()
    files = {**blobs_of(image), "index.json": index_of(entry_of(image))}
    for digest, what in ((image.id, "image configuration"), (image.digest, "manifest")):
        damaged = {**files, path_of(Digest(str(digest))): files[path_of(Digest(str(digest)))].replace(b"}", b" }", 1)}
        with pytest.raises(DigestMismatch, match=what):
            stores.open_image(place(damaged))


def test_indexes_without_end_are_refused(place: Any) -> None:
    image = simple()
    files = blobs_of(image)
    index = index_of(entry_of(image))
    for _ in range(20):
        files.update(blobs(index))
        index = index_of(index_descriptor(index), index_descriptor(index))
    where = place({**files, "index.json": index})
    with pytest.raises(ImageError, match="nested deeper"):
        stores.open_image(where)
    with pytest.raises(ImageError, match="nested deeper"):
        [*stores.list_images(where)]


def test_links_out_of_a_layout_are_refused(tmp_path: Path) -> None:
    image = simple()
    folder = write_layout(tmp_path / "layout", {**blobs_of(image), "index.json": index_of(entry_of(image))})
    blob = folder / path_of(image.layers[0].diff_id)
    outside = tmp_path / "outside"
    blob.rename(outside)
    blob.symlink_to(outside)
    with pytest.raises(ImageError, match="link that leads out of the layout"):
        stores.open_image(f"oci:{folder}")
    blob.unlink()
    inside = folder / "kept"
    outside.rename(inside)
    blob.symlink_to("../../kept")
    assert check(stores.open_image(f"oci:{folder}")).ok
    inside.unlink()
    blob.unlink()
    os.mkfifo(blob)
    with pytest.raises(ImageError, match="not a regular file"):
        stores.open_image(f"oci:{folder}")


def test_artefacts_beside_an_image_do_not_disturb(place: Any) -> None:
    image = simple()
    signature = encode(
        Manifest(
            media_type=media_types.OCI_MANIFEST,
            config=describe(b"{}", media_types.OCI_EMPTY),
            layers=[describe(b"{}", "application/vnd.dev.sigstore.bundle.v0.3+json")],
            artifact_type="application/vnd.dev.sigstore.bundle.v0.3+json",
        )
    )
    index = index_of(entry_of(image), describe(signature, media_types.OCI_MANIFEST))
    where = place({**blobs_of(image), **blobs(signature, b"{}"), "index.json": index})
    assert stores.open_image(where).digest == image.digest


def test_an_empty_layout(place: Any) -> None:
    with pytest.raises(NotFound, match="no image"):
        stores.open_image(place({"index.json": index_of()}))


def test_errors_of_missing_places(tmp_path: Path) -> None:
    for transport in ("oci", "oci-archive", "docker-archive", "dir"):
        with pytest.raises(NotFound, match="does not exist"):
            stores.open_image(f"{transport}:{tmp_path}/nothing")
    (tmp_path / "file").write_bytes(b"no layout")
    with pytest.raises(NotFound, match="not a directory"):
        stores.open_image(f"oci:{tmp_path}/file")
    with pytest.raises(InputError, match="is a directory"):
        stores.open_image(f"oci-archive:{tmp_path}")


def test_a_layer_of_another_algorithm_is_verified(place: Any) -> None:
    import hashlib

    image = compose([layer(file("f", b"512"))])
    tarred = b"".join(image.layers[0].source.chunks())
    digest = f"sha512:{hashlib.sha512(tarred).hexdigest()}"
    files = layer_as(image, digest=digest)
    assert check(stores.open_image(place({**files, path_of(Digest(digest)): tarred}))).ok
    report = check(stores.open_image(place({**files, path_of(Digest(digest)): tarred.replace(b"512", b"513")})))
    assert any("sha512" in problem for problem in report.problems)
