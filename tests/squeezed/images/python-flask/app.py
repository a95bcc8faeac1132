"""Answers with what it makes of a path, through a compiled extension and a template."""

import flask
import msgpack

app = flask.Flask(__name__)


@app.get("/<name>")
def greet(name: str) -> str:
    packed = msgpack.unpackb(msgpack.packb({"name": name}))
    return flask.render_template_string("Ahoy, {{ name }}!", **packed)
