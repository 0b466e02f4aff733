"""Workers of uvicorn on one store: `uvicorn fastapi_app:app --workers 4`. The one that is killed is replaced."""

import os
from contextlib import asynccontextmanager

from fastapi import FastAPI
from watchkeeper import Heartbeat, Runtime, Target

runtime = Runtime(
    store=os.environ.get("WATCH_STORE", "watch.db"),
    targets=[Target(id="orders", every="1h", heartbeat=Heartbeat())],
)


@runtime.check("queue", every="1s")
async def queue() -> int:
    return 3


@asynccontextmanager
async def lifespan(_app):
    async with runtime:
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/watch", runtime.asgi(lambda _scope: ("anna", "operator")))


@app.post("/orders")
def order():
    runtime.heartbeat("orders")
    return {"pid": os.getpid(), "role": runtime.role}


@app.get("/")
async def look():
    status = await runtime.aio.status()
    return {"pid": os.getpid(), "role": runtime.role, "orders": status["orders"].status.value}
