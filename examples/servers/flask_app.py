"""A WSGI application: `gunicorn -w 3 flask_app:app`, also with `--preload`, and `flask --app flask_app run --debug`."""

import atexit
import os

from flask import Flask
from watchkeeper import Heartbeat, Runtime, Target

runtime = Runtime(
    store=os.environ.get("WATCH_STORE", "watch.db"),
    targets=[Target(id="orders", every="1h", heartbeat=Heartbeat())],
)


@runtime.check("queue", every="1s")
def queue() -> int:
    return 3


# With --preload this is the process from which the workers are forked: it watches, and each of them stands by.
runtime.start()
atexit.register(runtime.stop)  # the last reports are recorded, and the next worker takes over at once
app = Flask(__name__)


@app.post("/orders")
def order():
    runtime.heartbeat("orders")
    return {"pid": os.getpid(), "role": runtime.role}


@app.get("/")
def look():
    orders = runtime.status()["orders"]
    return {"pid": os.getpid(), "role": runtime.role, "orders": orders.status.value}
