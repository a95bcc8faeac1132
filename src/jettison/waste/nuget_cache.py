"""NuGet's packages and caches: `dotnet publish` copies what a program needs."""

from __future__ import annotations

from jettison.waste import Kind

KINDS = (
    Kind(
        "nuget-cache",
        "NuGet packages and caches",
        rank=13,
        remedy="dotnet publish in a stage of its own and copy the result, or mount a cache for /root/.nuget",
        fix="one-run",
        counts=True,
        directory=rb"(?:.*/)?(?:\.nuget/packages|\.local/share/NuGet/(?:v3-cache|http-cache|plugins-cache))/"
        rb"|tmp/NuGetScratch/",
        used_by=r"\bdotnet\s+(?:run|watch|test|build|msbuild|vstest|fsi)\b|\.nuget/",
    ),
)
