"""The example for Celery with a broker and results in files, which need no server."""

import os

from celery_app import app

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
)
