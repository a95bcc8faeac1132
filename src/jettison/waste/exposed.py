"""Files whose names say that they hold secrets, in any layer: a deletion in a later layer does not take them back.

By path only: contents are the scanner's business. What an OS package owns (test keys, templates) is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.image.entry import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.waste import View

_SECRET = re.compile(
    rb"(?:.*/)?(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|_netrc|\.git-credentials|\.pypirc|\.npmrc|\.yarnrc\.yml|\.pgpass|\.my\.cnf"
    rb"|\.env(?:\.(?!example|sample|template|dist)[^/]+)?|\.htpasswd|\.vault-token|\.s3cfg|\.dockercfg|\.docker/config\.json"
    rb"|\.aws/credentials|\.kube/config|\.config/gcloud/[^/]*credentials[^/]*|\.azure/[^/]*[tT]oken[^/]*"
    rb"|[^/]*(?:private|secret)[^/]*\.(?:pem|key)|[^/]+\.(?:p12|pfx|jks|keystore|kdbx|ppk)|(?:terraform\.)?tfstate"
    rb"|credentials\.json|service[_-]account[^/]*\.json)"
)
_SYSTEM = re.compile(
    rb"usr/(?:share|lib|include)/|etc/ssl/|.*/(?:site-packages|dist-packages|node_modules|testdata|tests?)/"
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """One file that should not have been shipped: the layer that carries it, and the one that hides it, if any."""

    path: bytes
    layer: int
    hidden_by: int | None


def exposures(view: View) -> Iterator[Exposure]:
    """All such files, from the base up."""
    hidden_by = {(h.layer, h.number): h.by for h in view.tree.hidden}
    for layer, index in enumerate(view.indexes):
        for number, entry in enumerate(index.entries):
            if entry.kind != FILE or not entry.size or not _SECRET.fullmatch(entry.path) or _SYSTEM.match(entry.path):
                continue
            if view.inventory.owner(entry.path) is None:
                yield Exposure(entry.path, layer, hidden_by.get((layer, number)))
