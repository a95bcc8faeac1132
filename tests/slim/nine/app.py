"""Nine endpoints, each of which needs something that a trace of the others does not show."""

import http.server
import os
import subprocess


def listed(names):
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def lazy():
    import decimal
    import email.mime.text
    import xml.dom.minidom
    import zoneinfo

    assert email.mime.text and xml.dom.minidom and zoneinfo
    return str(decimal.Decimal(1) / 3)


def database():
    import sqlite3

    return listed(sqlite3.connect(":memory:").execute("select sqlite_version()").fetchone())


def zone():
    import zoneinfo

    return str(zoneinfo.ZoneInfo("Europe/Paris"))


def certificates():
    import ssl

    return str(len(ssl.create_default_context().get_ca_certs()))


def whoami():
    import grp
    import pwd

    return f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"


def shell():
    return subprocess.check_output("ls / | wc -l", shell=True).decode().strip()


def plugins():
    names = os.listdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "plugins"))
    return listed(sorted(name for name in names if name.endswith(".py")))


def cache():
    with open("/srv/cache/entry", "w") as file:
        file.write("x")
    return "wrote"


ANSWERS = {
    "/": lambda: "ok",
    "/db": database,
    "/lazy": lazy,
    "/tz": zone,
    "/tls": certificates,
    "/whoami": whoami,
    "/sh": shell,
    "/listdir": plugins,
    "/cache": cache,
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = ANSWERS.get(self.path)
        body = (answer() if answer else "no such page").encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
