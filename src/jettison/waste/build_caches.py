"""Caches of compilers and of build tools that have no file of their own here."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "build-caches",
        "caches of build tools",
        rank=13,
        remedy="build in a stage of its own, or mount a cache (RUN --mount=type=cache,target=...)",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?(?:\.ccache|\.cache/(?:ccache|sccache|Mozilla\.sccache|bazel|bazelisk|zig|vcpkg|clangd|nix|helm)"
        rb"|\.conan2?/(?:p|data)|\.hex/packages|\.cabal/packages|\.opam/download-cache|\.cpan/(?:build|sources)"
        rb"|\.cpanm/(?:work|sources)|\.cocoapods/repos|\.konan/cache)/",
    ),
)
