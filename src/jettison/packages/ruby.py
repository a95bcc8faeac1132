"""Ruby: installed gems, from their specifications.

Source of the format: RubyGems' `Gem::Specification#to_ruby` and `Gem::BasicSpecification` (where a gem's parts lie).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jettison.image.probe import Probe
from jettison.packages.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jettison.packages.reader import Reader

_FIELD = re.compile(rb"^\s*s\.(name|version|platform)\s*=\s*(?:Gem::Version\.new\()?[\"']([^\"']+)[\"']", re.M)
_DEPENDENCY = re.compile(rb"s\.add_(?:runtime_)?dependency\(?\s*(?:%q<([^>]+)>|[\"']([^\"']+)[\"'])")


def _read(data: memoryview) -> bytes | None:
    """Name, version, platform and what is needed at run time, a line each, of a specification in Ruby."""
    text = bytes(data)
    fields = dict(reversed(_FIELD.findall(text)))
    if b"name" not in fields or b"version" not in fields:
        return None
    needed = dict.fromkeys(a or b for a, b in _DEPENDENCY.findall(text))
    return b"\n".join([fields[b"name"], fields[b"version"], fields.get(b"platform", b""), *needed])


PROBES = (Probe("ruby", rb"/specifications/(?:default/)?[^/]+\.gemspec\Z", read=_read, limit=4 << 20),)


def packages(reader: Reader) -> Iterable[Package]:
    """One package for each specification that a gem directory holds."""
    for node, fact in reader.every("ruby"):
        name, version, _, *needed = fact.decode("utf-8", "replace").split("\n")
        owned = reader.owned(_files(reader, node.entry.path))
        first = reader.since(node, "ruby")
        yield Package(
            kind="gem",
            name=name,
            version=version,
            evidence=node.entry.path,
            source=name,
            source_version=version,
            files=owned.paths,
            size=owned.size,
            first_layer=first,
            last_layer=max(node.layer, owned.last_layer),
            depends=tuple((other,) for other in needed),
        )


def _files(reader: Reader, specification: bytes) -> Iterator[bytes]:
    """The specification, the gem's directory, its built extensions and documentation, and the archive it came in."""
    yield specification
    directory, _, file = specification.rpartition(b"/")
    directory = directory.removesuffix(b"/default")
    home, full_name = directory.rpartition(b"/")[0], file.removesuffix(b".gemspec")
    yield home + b"/cache/" + full_name + b".gem"
    places = [home + b"/gems/", home + b"/doc/"]
    extensions = reader.tree.get(home + b"/extensions")
    for platform in (extensions.children or {}).values() if extensions else ():
        places += [version.entry.path + b"/" for version in (platform.children or {}).values()]
    for place in places:
        found = reader.tree.get(place + full_name)
        if found is not None:
            yield from reader.below(found)
