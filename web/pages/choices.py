"""The choices of a reader that no session keeps: the theme; and the files that every page has."""

from starlette.responses import Response

from ..origin import is_foreign
from ..problems import Refusal
from ..table import ApiCall, ApiRoute, Unlocked
from .forms import PageForm, led_to, read_form
from .frame import THEME, THEMES
from .layout import set_choice
from .static_files import file_response, icon_response


class ThemeForm(PageForm, frozen=True):
    """The form of the theme."""

    theme: str = ""


async def theme(call: ApiCall) -> Response:
    """Notes the theme in a cookie, and leads back. Raises: Refusal of another one, and of a form of another site."""
    form = await read_form(call, ThemeForm)
    if form.theme not in THEMES:
        raise Refusal(400, f"theme: there are {' and '.join(THEMES)}")
    if is_foreign(call.visit.headers):
        raise Refusal(403, "a page of another site sent this form")
    response = led_to(call, form.next)
    set_choice(response, THEME, form.theme)
    return response


async def static_file(call: ApiCall) -> Response:
    """Returns a file, of exactly the name and digest that pages have."""
    return file_response(call.path["digest"], call.path["name"])


async def icon(_call: ApiCall) -> Response:
    return icon_response()


P = Unlocked.PAGE
CHOICES: tuple[ApiRoute, ...] = (
    ApiRoute("POST", "/theme", P, "Chooses dark or light.", theme),
    ApiRoute("GET", "/static/{digest}/{name}", P, "A file of the pages.", static_file),
    ApiRoute("GET", "/favicon.ico", P, "The icon.", icon),
)
