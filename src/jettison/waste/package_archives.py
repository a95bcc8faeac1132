"""What package managers download or derive and keep: archives, apt's binary caches, backups of their databases."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "package-archives",
        "downloaded packages",
        rank=11,
        remedy="clean up in the same RUN (apt-get clean; dnf clean all; pacman -Scc)",
        fix="one-run",
        counts=True,
        directory=rb"var/cache/(?:apt|pacman/pkg|eopkg|urpmi|xbps|distfiles|binpkgs|PackageKit)/",
        named=rb"(?!lock$).+",
        # A local repository, as vendors of drivers ship them: /var/cuda-repo-debian12-12-4-local/*.deb.
        also=((rb"var/[^/]*-local[^/]*/", rb".+\.(?:deb|rpm)|(?:Packages|Release|InRelease)(?:\.gz|\.gpg)?"),),
    ),
    Kind(
        "database-backups",
        "backups of package databases",
        rank=12,
        remedy="remove them in the same RUN (rm -f /var/lib/dpkg/*-old /var/cache/debconf/*-old)",
        fix="one-run",
        counts=True,
        directory=rb"var/(?:lib/dpkg|cache/debconf)/$",
        named=rb".+-old",
    ),
)
