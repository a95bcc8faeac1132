"""Referrers where a registry does not keep them: an index under the tag `sha256-HEX` of what is referred to.

Source: OCI distribution specification 1.1, "Pushing Manifests with Subject" and "Referrers Tag Schema".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from jettison.errors import NotFound, RemoteError
from jettison.oci import manifest as manifests
from jettison.oci import media_types
from jettison.oci.decode import decode
from jettison.oci.descriptor import Descriptor
from jettison.oci.digest import Digest
from jettison.registry.upload import PUSH

if TYPE_CHECKING:
    from jettison.registry.repository import Repository

_ATTEMPTS = 5


def enlist(repository: Repository, subject: Descriptor, media_type: str, data: bytes) -> None:
    """List a manifest among the referrers of its subject, under the tag that stands in for the referrers API.

    Nothing guards the tag against two who list something at once, so it is read again afterwards. Raises `InputError`.
    """
    tag = referrers_tag(subject.checked_digest())
    entry = described(media_type, data)
    for _ in range(_ATTEMPTS):
        fields, listed = _index(repository, tag)
        if any(msgspec.json.decode(row, type=Descriptor).digest == entry.digest for row in listed):
            return
        _put(repository, tag, fields, [*listed, msgspec.Raw(msgspec.json.encode(entry))])
    raise RemoteError(
        "the list of referrers changes as fast as it is written", where=f"{repository.where}:{tag}", hint="try again"
    )


def referrers_tag(digest: Digest) -> str:
    """The tag that holds the referrers of a manifest in a registry without the referrers API."""
    return f"{digest.algorithm}-{digest.hex}"


def described(media_type: str, data: bytes) -> Descriptor:
    """What a list of referrers says of a manifest: its kind of artefact, and its annotations."""
    manifest = manifests.parse(data)
    return Descriptor(
        media_type=media_type,
        digest=str(Digest.of(data)),
        size=len(data),
        artifact_type=manifest.artifact_type or manifest.config.media_type,
        annotations=manifest.annotations,
    )


def _index(repository: Repository, tag: str) -> tuple[dict[str, msgspec.Raw], list[msgspec.Raw]]:
    """The index under the tag, and its entries, as they stand there."""
    try:
        document = repository.own_manifest(tag)
    except NotFound:
        return {}, []
    if not document.is_index:
        raise RemoteError("the tag that lists referrers holds no index", where=f"{repository.where}:{tag}")
    fields = decode(document.data, dict[str, msgspec.Raw], what="list of referrers", where=repository.where)
    entries = bytes(fields.get("manifests", b"[]"))
    return fields, decode(entries, list[msgspec.Raw], what="list of referrers", where=repository.where)


def _put(repository: Repository, tag: str, fields: dict[str, msgspec.Raw], entries: list[msgspec.Raw]) -> None:
    document = {**fields, "schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": entries}
    client = repository.clients[-1]
    client.call(
        "PUT",
        client.url(f"manifests/{tag}"),
        what="list of referrers",
        expect=(200, 201, 202),
        headers={"Content-Type": media_types.OCI_INDEX},
        body=msgspec.json.encode(document),
        actions=PUSH,
    ).close()
