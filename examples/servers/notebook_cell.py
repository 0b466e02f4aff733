"""A cell of a notebook that is run again: the new runtime stands by until the former one is stopped."""

import asyncio
import os

from watchkeeper import Heartbeat, Runtime, Target

CELL = """
runtime = Runtime(store=store, targets=[Target(id="import", every="1h", heartbeat=Heartbeat())])
await runtime.aio.start()
runtime.heartbeat("import")
print(runtime.role, (await runtime.aio.status())["import"].status.value)
"""


async def notebook():
    store, kernel = os.environ.get("WATCH_STORE", "watch.db"), []
    for _ in range(2):
        names = {"Runtime": Runtime, "Target": Target, "Heartbeat": Heartbeat, "store": store}
        code = compile(CELL, "cell", "exec", flags=__import__("ast").PyCF_ALLOW_TOP_LEVEL_AWAIT)
        await eval(code, names)
        kernel.append(names["runtime"])
    for runtime in kernel:
        await runtime.aio.stop()


asyncio.run(notebook())
