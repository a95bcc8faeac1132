"""Files whose names say that they hold secrets, in any layer: a deletion in a later layer does not take them back.

By path only: contents are the scanner's business. What an OS package owns (test keys, templates) is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jettison.image.entry import FILE
from jettison.waste import is_sane

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.waste import View

_SECRET = re.compile(
    rb"(?:.*/)?(?:"
    rb"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|ssh_host_[a-z0-9]+_key|\.ssh/[^/]+\.pem|[^/]+\.(?:p12|pfx|jks|keystore|kdbx|ppk)"
    rb"|[^/]*(?:private|secret)[^/]*\.(?:pem|key)|(?:server|client|tls|privkey|ssl)[^/]*\.key|privkey[^/]*\.pem"
    rb"|ssl/private/[^/]+\.(?:key|pem)|\.gnupg/(?:private-keys-v1\.d/[^/]+\.key|secring\.gpg)"
    rb"|\.netrc|_netrc|\.git-credentials|\.pypirc|\.npmrc|\.pgpass|\.my\.cnf|\.mylogin\.cnf|\.htpasswd"
    rb"|\.vault-token|\.s3cfg|\.boto|\.passwd-s3fs|\.dockercfg|\.docker/config\.json|\.config/containers/auth\.json"
    rb"|\.env(?:\.(?!example$|sample$|template$|dist$|defaults?$|tpl$|test$|schema$)[^/]+)?"
    rb"|\.aws/credentials|\.kube/config|\.config/gcloud/[^/]*credentials[^/]*|\.azure/[^/]*[tT]oken[^/]*"
    rb"|\.config/gh/hosts\.yml|\.cargo/credentials(?:\.toml)?|\.gem/credentials|\.composer/auth\.json"
    rb"|\.m2/settings-security\.xml|\.terraform\.d/credentials\.tfrc\.json|[^/]*\.tfstate(?:\.backup)?"
    rb"|config/master\.key|config/credentials/[^/]+\.key|credentials\.json|service[_-]?account[^/]*\.json"
    rb"|client_secrets?[^/]*\.json|secrets?\.(?:ya?ml|json|toml)"
    rb")"
)
_PERHAPS = re.compile(
    rb"\..+|_netrc|id_.+|ssh_host_.+_key|config|credentials.*|.*_credentials|.*[tT]oken.*|.+\.(?:p12|pfx|jks|keystore|kdbx"
    rb"|ppk|pem|key|gpg|cnf|tfstate|backup)|(?:config|auth|hosts|master|settings-security|.*credentials.*|service.*"
    rb"|client_secret.*|secrets?)\.(?:json|ya?ml|toml|xml)"
)
"""What the last component of such a path looks like: a quick look spares most files a thorough one."""
_NEVER = re.compile(
    rb"usr/(?:share|lib|lib64|libexec|include|src|local/go|local/rustup)/|(?:root|home/[^/]+)/\.rustup/|proc/|sys/"
    rb"|etc/ssl/private/ssl-cert-snakeoil\.key"
    rb"|(?:.*/)?(?:(?:site|dist)-packages|node_modules|gems/[^/]+|vendor|pkg/mod|testdata|tests?|spec|examples?|fixtures)/"
)
"""Places where such names are samples, templates and test keys of what is installed there."""


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
            if entry.kind != FILE or not entry.size or not _PERHAPS.fullmatch(entry.path.rpartition(b"/")[2]):
                continue
            if not is_sane(entry.path) or not _SECRET.fullmatch(entry.path) or _NEVER.match(entry.path):
                continue
            if view.inventory.owner(entry.path) is None:
                yield Exposure(entry.path, layer, hidden_by.get((layer, number)))
