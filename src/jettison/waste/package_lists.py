"""Package managers' lists: downloaded again by the next update, stale as soon as the image is built."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "package-lists",
        "package lists",
        rank=10,
        remedy="remove them in the same RUN (rm -rf /var/lib/apt/lists/*; apk add --no-cache; dnf clean all)",
        fix="one-run",
        counts=True,
        directory=rb"var/lib/apt/lists/|var/cache/apk/|etc/apk/cache/|var/cache/(?:dnf|yum|libdnf5|tdnf|zypp)/"
        rb"|var/lib/dnf/repos/|var/lib/pacman/sync/|var/db/repos/gentoo/|var/db/xbps/https?_|(?:var|usr/lib)/opkg-lists/"
        rb"|var/lib/opkg/lists/",
        named=rb"(?!lock$).+",
    ),
)
