"""Serves the catalogue of ships, one line of JSON each."""

import http.server
import json
import os
import pathlib

CATALOGUE = pathlib.Path(__file__).with_name("catalogue.json")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ships = json.loads(CATALOGUE.read_text())
        body = json.dumps(ships[int(self.path.strip("/") or 0) % len(ships)]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
