"""The GETs of an OpenAPI 3 or Swagger 2 document, with the values that it gives itself.

A parameter takes its example, its default, the first of its enum, or the least value that its schema allows. An
operation whose path has a parameter without any of these is passed over, which its result says: nothing is guessed.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from jettison.errors import InputError
from jettison.trace.exercise import Result
from jettison.trace.exercise.web import Request, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.trace.running import Run


@dataclass(frozen=True, slots=True)
class OpenApi:
    """The document at `path` (JSON or YAML), or, where that begins with `/` and is no file here, asked of the run."""

    path: str
    port: int | None = None

    @property
    def source(self) -> str:
        """The document."""
        return f"openapi {os.path.basename(self.path)}"

    def run(self, run: Run) -> Iterator[Result]:
        """An answer an operation. Raises `InputError` for a document that cannot be read."""
        try:
            data = Path(self.path).read_bytes()
        except OSError as error:
            if not self.path.startswith("/"):
                raise InputError(f"cannot be read: {error.strerror}", where=self.path) from None
            answer = send(run, Request("GET", self.path, port=self.port))
            yield answer
            data = answer.body if answer.status == 200 else b""
        for request in requests(parse(data, self.path), self.port):
            yield send(run, request) if isinstance(request, Request) else request


def parse(data: bytes, where: str) -> dict[str, Any]:
    """The document in `data`. Raises `InputError`."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        import yaml

        try:
            document = yaml.safe_load(data)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            text = " ".join(str(error).split())
            raise InputError(f"is neither JSON nor YAML: {text}", where=where) from None
    if not isinstance(document, dict) or not ({"openapi", "swagger"} & document.keys()):
        raise InputError("is no OpenAPI document: it has neither `openapi` nor `swagger`", where=where)
    if not isinstance(document.get("paths"), dict):
        raise InputError("has no paths", where=where)
    return document


def requests(document: dict[str, Any], port: int | None = None) -> Iterator[Request | Result]:
    """A request an operation, in the document's order; a result with the reason for one that is passed over."""
    base = _base(document)
    for path, item in document["paths"].items():
        shared = _followed(document, item)
        operation = _followed(document, shared.get("get")) if isinstance(shared.get("get"), dict) else None
        if operation is None or not str(path).startswith("/"):
            continue
        filled, query, headers, without = base + str(path), [], {}, None
        for parameter in _parameters(document, shared, operation):
            name, place = str(parameter.get("name", "")), parameter.get("in")
            value = _value(document, parameter)
            if place == "path":
                without = without or (name if value is None else None)
                filled = filled.replace(f"{{{name}}}", quote(_text(value), safe=""))
            elif value is not None and place == "query":
                query.append((name, _text(value)))
            elif value is not None and place == "header":
                headers[name] = _text(value)
            elif parameter.get("required") and place in ("query", "header"):
                without = without or name
        if without is not None:
            yield Result("openapi", f"GET {base}{path}", None, error=f"passed over: {without!r} has no example")
            continue
        yield Request("GET", filled + (f"?{urlencode(query)}" if query else ""), headers, port=port)


def _base(document: dict[str, Any]) -> str:
    """The path before all paths."""
    if "swagger" in document:
        return str(document.get("basePath") or "").rstrip("/")
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    try:
        return "" if "{" in str(first.get("url", "")) else urlsplit(str(first.get("url") or "")).path.rstrip("/")
    except ValueError:
        return ""


def _parameters(document: dict[str, Any], *owners: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An operation's parameters after its path's; the same name and place counts once, the last wins."""
    found = {}
    for owner in owners:
        listed = owner.get("parameters")
        for parameter in listed if isinstance(listed, list) else ():
            followed = _followed(document, parameter)
            found[followed.get("name"), followed.get("in")] = followed
    yield from found.values()


def _value(document: dict[str, Any], parameter: dict[str, Any]) -> Any:
    schema = _followed(document, parameter.get("schema")) or parameter
    examples = parameter.get("examples")
    if isinstance(examples, dict) and examples:
        examples = [_followed(document, next(iter(examples.values()))).get("value")]
    for owner in (parameter, schema):
        for key in ("example", "x-example", "default"):
            if owner.get(key) is not None:
                return owner[key]
    for values in (examples, schema.get("examples"), schema.get("enum")):
        if isinstance(values, list) and values and values[0] is not None:
            return values[0]
    if schema.get("type") in ("integer", "number"):
        return schema.get("minimum", 1)
    return False if schema.get("type") == "boolean" else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _followed(document: dict[str, Any], value: Any) -> dict[str, Any]:
    """The object, `$ref`s within the document followed; an empty one for anything else."""
    for _ in range(20):
        if not isinstance(value, dict):
            return {}
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return value
        value = document
        for part in reference.removeprefix("#/").split("/") if reference.startswith("#/") else ():
            value = value.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
        if value is document:
            return {}
    return {}
