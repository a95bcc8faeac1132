"""Requests out of an .http file, as the REST clients of VS Code and JetBrains read them.

    @user = jan
    ### a name, or none
    POST /things?by={{user}} HTTP/1.1
    Content-Type: application/json

    {"name": "one"}
    ###
    GET http://localhost:8080/things

`###` parts requests, lines that begin with `#` or `//` are comments, `@name = value` defines a variable for the rest.
The method may be left out (GET); of an absolute URL the path counts, and the port where the run has it. A body of
`< FILE` is read from there, beside the .http file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jettison.errors import InputError
from jettison.trace.exercise.web import Request, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.trace.exercise import Result
    from jettison.trace.running import Run

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
_LINE = re.compile(r"(?:(?P<method>[A-Z]+)\s+)?(?P<url>\S.*?)(?:\s+HTTP/[\d.]+)?\s*")
_VARIABLE = re.compile(r"@([\w.-]+)\s*=\s*(.*)")
_USE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class HttpFile:
    """The requests of one file, in order."""

    path: str

    @property
    def source(self) -> str:
        """The file."""
        return f"http-file {os.path.basename(self.path)}"

    def run(self, run: Run) -> Iterator[Result]:
        """An answer a request. Raises `InputError` for a file that cannot be read."""
        try:
            text = Path(self.path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
            raise InputError(f"cannot be read: {reason}", where=self.path) from None
        ports = run.target.ports
        for request in parse(text, self.path):
            yield send(run, request if request.port in ports else Request(*_portless(request)))


def _portless(request: Request) -> tuple[str, str, dict[str, str], bytes | None]:
    return request.method, request.path, dict(request.headers), request.body


def parse(text: str, where: str) -> list[Request]:
    """The requests in an .http file's text. Raises `InputError` naming the line."""
    requests, variables, block = [], dict[str, str](), list[tuple[int, str]]()
    for number, line in enumerate([*text.splitlines(), "###"], 1):
        if line.startswith("###"):
            request = _request(block, variables, where)
            requests += [request] if request is not None else []
            block = []
        else:
            block.append((number, line))
    if not requests:
        raise InputError("there is no request in it", where=where)
    return requests


def _request(block: list[tuple[int, str]], variables: dict[str, str], where: str) -> Request | None:
    lines = iter(block)
    head = None
    for number, line in lines:
        definition = _VARIABLE.fullmatch(line.strip())
        if definition:
            variables[definition[1]] = _filled(definition[2].strip(), variables, where, number)
        elif line.strip() and not line.lstrip().startswith(("#", "//")):
            head = number, _filled(line.strip(), variables, where, number)
            break
    if head is None:
        return None
    found = _LINE.fullmatch(head[1])
    method = (found and found["method"]) or "GET"
    if found is None or method not in _METHODS:
        raise InputError(f"line {head[0]}: {head[1]!r} is no request", where=where, hint="write it as GET /path")
    headers: dict[str, str] = {}
    url = found["url"]
    for number, line in lines:
        text = _filled(line.strip(), variables, where, number)
        if not text:
            break
        if text.startswith(("?", "&")) and not headers:
            url += text
            continue
        if text.startswith(("#", "//")):
            continue
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise InputError(f"line {number}: {text!r} is no header", where=where, hint="write it as Name: value")
        headers[name.strip()] = value.strip()
    body = [_filled(line, variables, where, number) for number, line in lines]
    return _assembled(method, url, headers, body, where, head[0])


def _assembled(method: str, url: str, headers: dict[str, str], body: list[str], where: str, number: int) -> Request:
    try:
        parts = urlsplit(url)
        port = parts.port if parts.scheme else None
    except ValueError:
        raise InputError(f"line {number}: {url!r} is no address", where=where) from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    while body and not body[-1].strip():
        body.pop()
    data = "\n".join(body).encode() if body else None
    if len(body) == 1 and body[0].startswith("< "):
        file = os.path.join(os.path.dirname(where), body[0][2:].strip())
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise InputError(f"the body {file} cannot be read: {error.strerror}", where=where) from None
    return Request(method, path if path.startswith("/") else f"/{path}", headers, data, port)


def _filled(text: str, variables: dict[str, str], where: str, number: int) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise InputError(f"line {number}: there is no variable {match[1]!r}", where=where)
        return variables[match[1]]

    return _USE.sub(value, text)
