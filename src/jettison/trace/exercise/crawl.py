"""Following the links of HTML pages, on the same origin, breadth first and bounded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from jettison.trace.exercise.web import Request, send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jettison.trace.exercise import Result
    from jettison.trace.running import Run

_LINKS = {"a": "href", "area": "href", "link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
_ORIGIN = "http://localhost"


@dataclass(frozen=True, slots=True)
class Crawl:
    """From `start` on, at most `pages` requests and `depth` links deep. Only GETs are sent."""

    start: str = "/"
    pages: int = 100
    depth: int = 3
    port: int | None = None

    @property
    def source(self) -> str:
        """Where it starts, and the bounds."""
        return f"crawl {self.start} ({self.pages} pages, {self.depth} deep)"

    def run(self, run: Run) -> Iterator[Result]:
        """An answer a page. Raises `UsageError` where there is no port."""
        todo, met = deque([(self.start, 0)]), {self.start}
        sent = 0
        while todo and sent < self.pages:
            path, depth = todo.popleft()
            result = send(run, Request("GET", path, port=self.port))
            sent += 1
            yield result
            if depth < self.depth:
                for link in links(result, path):
                    if link not in met:
                        met.add(link)
                        todo.append((link, depth + 1))


def links(result: Result, path: str) -> Iterator[str]:
    """Where a page leads on its own origin: paths with their queries, in order."""
    headers = dict(result.headers)
    found = [headers["location"]] if "location" in headers else []
    if "html" in headers.get("content-type", "html"):
        reader = _Reader()
        reader.feed(result.body.decode("utf-8", "replace"))
        found += reader.found
    for link in found:
        try:
            parts = urlsplit(urljoin(_ORIGIN + path, link.strip()))
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1"):
            where = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
            yield where + (f"?{quote(parts.query, safe='=&%/:?@!$()*+,;~-._')}" if parts.query else "")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = _LINKS.get(tag)
        self.found += [value for name, value in attrs if name == wanted and value]
