"""Workers of Celery: `celery -A celery_app worker -c 3`, and with `-P threads`."""

import atexit
import os

from celery import Celery
from celery.signals import worker_init
from watchkeeper import Heartbeat, Runtime, Target

runtime = Runtime(
    store=os.environ.get("WATCH_STORE", "watch.db"),
    targets=[Target(id="orders", every="1h", heartbeat=Heartbeat())],
)
app = Celery(
    "celery_app", broker=os.environ.get("BROKER", "amqp://"), backend=os.environ.get("BACKEND", "rpc://")
)


@worker_init.connect
def watch(**_):
    runtime.start()  # the processes of a pool are forked afterwards, and stand by
    atexit.register(runtime.stop)


@app.task
def order():
    runtime.heartbeat("orders")
    return os.getpid(), runtime.role
