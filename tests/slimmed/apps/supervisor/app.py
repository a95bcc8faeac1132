import getpass

from flask import Flask
from redis import Redis

app = Flask(__name__)
store = Redis(port=18192)


@app.get("/")
def home():
    return "ok"


@app.get("/set/<key>/<value>")
def put(key, value):
    store.set(key, value)
    return store.get(key)


@app.get("/whoami")
def whoami():
    return getpass.getuser()


app.run("0.0.0.0", 18112)
