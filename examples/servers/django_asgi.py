"""The ASGI application of `django_site.py`: `uvicorn django_asgi:application --workers 2`."""

import os

from django.core.asgi import get_asgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "django_site"
application = get_asgi_application()
