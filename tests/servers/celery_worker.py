"""The example for Celery with a broker and results in files, which need no server.

With CELERY_STARTS=children the processes of the pool start the runtime, and the main process does not.
"""

import os
import signal

from celery.signals import worker_init, worker_process_init
from celery_app import app, runtime, watch
from watchkeeper.domain import limits

# On a busy machine a worker stands still for longer than the usual lease, and another one takes over.
limits.TENURE_LEASE_NS *= 10

if os.environ.get("CELERY_STARTS") == "children":
    worker_init.disconnect(watch)
    worker_process_init.connect(watch)
folder = os.environ["CELERY_FOLDER"]
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": f"{folder}/control",
        "polling_interval": 0.05,
    },
    result_backend=f"file://{folder}/results",
    worker_proc_alive_timeout=60,  # on a busy machine a process of the pool takes longer than the usual four seconds, and is killed
    worker_lost_wait=1,
)


@app.task
def fall(process):
    """Dies in the middle of its work where it is in this process; one that comes late kills no other."""
    if os.getpid() == process:
        os.kill(process, signal.SIGKILL)
    return os.getpid(), runtime.role
