from flask import Flask, jsonify, render_template, request

app = Flask(__name__)


@app.get("/health")
def health():
    return "ok"


@app.get("/ship/<name>")
def ship(name):
    return render_template("ship.html", name=name)


@app.get("/yaml")
def yaml():
    import yaml

    return jsonify(yaml.safe_load(request.args.get("text", "a: [1, 2]")))


@app.get("/roots")
def roots():
    import requests.certs

    with open(requests.certs.where()) as file:
        return str(file.read().count("BEGIN CERTIFICATE"))


@app.get("/decimal")
def decimal():
    from decimal import Decimal

    return str(Decimal(1) / 3)


@app.get("/fail")
def fail():
    return str(1 / 0)
