"""What exercises read: .http files, OpenAPI documents, pages. The runs are in test_runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jettison.errors import InputError, UsageError
from jettison.trace.exercise import Result
from jettison.trace.exercise.command import Exec
from jettison.trace.exercise.crawl import links
from jettison.trace.exercise.http_file import parse
from jettison.trace.exercise.openapi import parse as parse_document
from jettison.trace.exercise.openapi import requests
from jettison.trace.exercise.web import Request

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = """\
@host = http://localhost:8080
@user=jan
# a comment
GET {{host}}/things HTTP/1.1

### one more
// not read
POST /things
  ?by={{user}}
  &x=1
Content-Type: application/json
Authorization: Bearer a:b

{"name":
 "{{user}}"}


###
/plain
###
PUT /file

< body.bin
###
"""


def test_http_files(tmp_path: Path) -> None:
    (tmp_path / "body.bin").write_bytes(b"\0\1")
    first, second, third, fourth = parse(REQUESTS, str(tmp_path / "x.http"))
    assert first == Request("GET", "/things", {}, None, 8080)
    assert (str(second), second.port) == ("POST /things?by=jan&x=1", None)
    assert second.headers == {"Content-Type": "application/json", "Authorization": "Bearer a:b"}
    assert second.body == b'{"name":\n "jan"}'
    assert third == Request("GET", "/plain")
    assert fourth == Request("PUT", "/file", {}, b"\0\1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no request"),
        ("# only this\n", "no request"),
        ("FETCH /x\n", "line 1: 'FETCH /x'"),
        ("GET /{{who}}\n", "line 1: there is no variable 'who'"),
        ("GET /x\nno header\n", "line 2: 'no header' is no header"),
        ("GET http://[/x\n", "line 1"),
        ("GET /x\n\n< absent\n", "absent cannot be read"),
    ],
)
def test_http_files_that_are_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse(text, "requests.http")


DOCUMENT = """
openapi: 3.0.0
servers: [{url: "https://example.org/v1/"}]
paths:
  /things:
    parameters: [{$ref: "#/components/parameters/Page"}]
    get:
      parameters:
        - {name: kind, in: query, schema: {type: string, enum: [big, small]}}
        - {name: free, in: query, schema: {type: string}}
        - {name: X-Way, in: header, example: "yes"}
    post: {}
  /things/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
  /users/{name}:
    get:
      parameters: [{name: name, in: path, required: true, schema: {type: string}}]
  /days/{day}:
    get:
      parameters: [{name: day, in: path, schema: {type: string, example: "a b/c"}}]
components:
  parameters:
    Page: {name: page, in: query, schema: {type: integer, default: 2}}
"""


def test_openapi_documents() -> None:
    found = list(requests(parse_document(DOCUMENT.encode(), "api.yaml")))
    assert [str(one) for one in found if isinstance(one, Request)] == [
        "GET /v1/things?page=2&kind=big",
        "GET /v1/things/1",
        "GET /v1/days/a%20b%2Fc",
    ]
    assert isinstance(found[0], Request) and found[0].headers == {"X-Way": "yes"}
    (passed,) = [one for one in found if isinstance(one, Result)]
    assert (passed.request, passed.error) == ("GET /v1/users/{name}", "passed over: 'name' has no example")
    swagger = b'{"swagger": "2.0", "basePath": "/api", "paths": {"/a": {"get": {}}, "/b": null}}'
    assert [str(one) for one in requests(parse_document(swagger, "s"))] == ["GET /api/a"]


@pytest.mark.parametrize("data", [b"", b"[1]", b"\xff", b"{a: b", b'{"openapi": "3.0.0"}', b"openapi: 3\npaths: 4"])
def test_openapi_documents_that_are_wrong(data: bytes) -> None:
    with pytest.raises(InputError, match="api"):
        parse_document(data, "api")


def test_links_stay_on_the_origin() -> None:
    body = b"""<A HREF=b?q=1#part>x</a><a href="//elsewhere/x"><a href="mailto:x"><img src='/c d'>
    <a href="http://localhost/e"><a href="https://example.org/"><a href="http://[bad"><a href=""><script src="../f">"""
    page = Result("http", "GET /dir/", 200, (("content-type", "text/html"),), body)
    assert list(links(page, "/dir/")) == ["/dir/b?q=1", "/c%20d", "/e", "/f"]
    moved = Result("http", "GET /", 302, (("location", "/there"), ("content-type", "text/plain")), b"<a href=/x>")
    assert list(links(moved, "/")) == ["/there"]


def test_commands_are_split_as_by_a_shell() -> None:
    assert Exec.parse("ls -l 'a b'").words == ("ls", "-l", "a b")
    for text in ("", "'open"):
        with pytest.raises(UsageError):
            Exec.parse(text)
