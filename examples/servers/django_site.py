"""A site of Django: `python django_site.py runserver`, `check`, and by ASGI `uvicorn django_asgi:application --workers 2`."""

import atexit
import os
import sys
from threading import Thread

from django.apps import AppConfig
from django.core.management import execute_from_command_line
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from watchkeeper import Heartbeat, Runtime, Target

SECRET_KEY, DEBUG, ALLOWED_HOSTS = "an example", True, ["*"]
ROOT_URLCONF, INSTALLED_APPS = "django_site", ["django_site.Watching"]
runtime = Runtime(
    store=os.environ.get("WATCH_STORE", "watch.db"),
    targets=[Target(id="orders", every="1h", heartbeat=Heartbeat())],
)


class Watching(AppConfig):
    name = "django_site"

    def ready(self):
        # uvicorn loads a site on its event loop, on which nothing may block.
        starting = Thread(target=runtime.start)
        starting.start()
        starting.join()
        atexit.register(runtime.stop)


@csrf_exempt
def order(_request):
    runtime.heartbeat("orders")
    return JsonResponse({"pid": os.getpid(), "role": runtime.role})


def look(_request):
    return JsonResponse(
        {"pid": os.getpid(), "role": runtime.role, "orders": runtime.status()["orders"].status.value}
    )


urlpatterns = [path("", look), path("orders", order)]
if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_site"
    execute_from_command_line(sys.argv)
