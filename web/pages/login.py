"""Signing in and out: the form for a token, and links that are used once."""

import logging

from starlette.responses import RedirectResponse, Response

from .. import limits
from ..origin import Visit, is_foreign, is_of_this_machine, relative_target
from ..problems import Refusal
from ..sessions import cookie, cookie_name, cookie_of
from ..table import ApiCall, ApiRoute, Unlocked
from .errors import refused_page
from .forms import ActForm, PageForm, read_act, read_form
from .layout import ViewQuery, render

AUDIT = logging.getLogger("watchkeeper.web.audit")
NOT_AT_ALL = "no-store"
UNENCRYPTED = (
    "signing in needs HTTPS, because a token could be read on the way here: open this page by a proxy with TLS that"
    " web.trusted_proxies names, or on the machine itself by 127.0.0.1 or localhost"
)


NO_COOKIES = (
    "this browser keeps no cookies of this site, and without one it is not known again after signing in: allow cookies for"
    " this site, load the page again, and sign in"
)
ASKED = "wk-asked"
"""The cookie that a form for signing in leaves, to be found again with what is sent. It says nothing and opens nothing."""


class LinkForm(PageForm, frozen=True):
    """The button of a link."""

    asked: str = ""
    """Stands in the forms of pages, which have left the cookie; a program that sends a form has none."""


class LoginForm(LinkForm, frozen=True):
    """The form for a token."""

    token: str = ""


class LoginQuery(ViewQuery, frozen=True, kw_only=True):
    """The page to go to afterwards."""

    next: str = ""


async def login(call: ApiCall) -> Response:
    """Shows the form; to a browser that has signed in, its name and a way out."""
    _require_browser(call)
    found = call.authority.session_of(call.visit)
    if found is None:
        return await _form(call, call.query.next)
    kept = relative_target(call.query.next) or ""
    return _asking(await render(call, "signed_in.html", keep=NOT_AT_ALL, session=found[1], next=kept))


async def _form(call: ApiCall, target: str, refusal: Refusal | None = None) -> Response:
    said = None if refusal is None else refusal.document.detail
    kept = relative_target(target) or ""
    return _asking(await render(call, "login.html", refusal=refusal, keep=NOT_AT_ALL, said=said, next=kept))


def _asking(response: Response) -> Response:
    """Returns a page with a form for signing in, which leaves its cookie."""
    response.headers.append("set-cookie", f"{ASKED}=1; Path=/; HttpOnly; SameSite=Lax")
    return response


def _require_cookies(call: ApiCall, form: LinkForm) -> None:
    """Raises: Refusal of a form whose page has left a cookie that the browser does not have: it would be led back in silence."""
    if form.asked and cookie_of(call.visit.headers.all(b"cookie"), ASKED) is None:
        raise Refusal(403, NO_COOKIES)


async def sign_in(call: ApiCall) -> Response:
    """Opens a session for a token, and leads to the page that was asked for first."""
    _require_browser(call)
    form = await read_form(call, LoginForm)
    try:
        _require_cookies(call, form)
        id_ = call.authority.sign_in(call.visit, form.token)
    except Refusal as refusal:
        return await _form(call, form.next, refusal)
    return _signed_in(call, id_, form.next)


async def link(call: ApiCall) -> Response:
    """Shows what a link opens. Programs that look into mail follow links: only the button uses it."""
    _require_browser(call)
    found = call.operations.links.find(call.path["secret"])
    if found is None:
        return await _no_link(call)
    return _asking(
        await render(call, "login_link.html", keep=NOT_AT_ALL, link=found, secret=call.path["secret"])
    )


async def use_link(call: ApiCall) -> Response:
    """Opens the session of a link, which is used up by it. Raises: Refusal of a browser without cookies, which keeps the link."""
    _require_browser(call)
    _require_cookies(call, await read_form(call, LinkForm))
    try:
        call.authority.count_login(call.visit.where)
    except Refusal as refusal:
        return await _form(call, "", refusal)
    found = call.operations.links.take(call.path["secret"])
    if found is None:
        return await _no_link(call)
    return _signed_in(call, call.authority.sessions.begin(found.name, found.role, None), "")


async def _no_link(call: ApiCall) -> Response:
    return await refused_page(
        call, Refusal(404, "this link was used, is older than ten minutes, or was never made")
    )


async def sign_out(call: ApiCall) -> Response:
    """Closes the session of the cookie. Raises: Refusal of a form that no page of this site has certainly sent."""
    _require_browser(call)
    found = call.authority.session_of(call.visit)
    if found is not None:
        id_, session = found
        await read_act(call, ActForm)
        call.authority.sessions.end(id_)
        AUDIT.info("%s signed out from %s", session.name, call.visit.where)
    return _redirected(call.visit, f"{_root(call.visit)}/login", "", 0)


def _signed_in(call: ApiCall, id_: str, target: str) -> Response:
    visit = call.visit
    if former := call.authority.session_of(visit):
        call.authority.sessions.end(former[0])
    session = call.authority.sessions.find(id_)
    if session is not None:
        AUDIT.info("%s signed in as %s from %s", session.name, session.role.value, visit.where)
    target = relative_target(target) or f"{_root(visit)}/"
    return _redirected(visit, target, id_, limits.SESSION_WITHIN_S)


def _redirected(visit: Visit, target: str, id_: str, within_s: float) -> Response:
    encrypted = visit.is_encrypted
    name = cookie_name(visit.mount, encrypted=encrypted)
    header = cookie(name, id_, encrypted=encrypted, within_s=within_s)
    return RedirectResponse(target, 303, headers={"set-cookie": header, "cache-control": "no-store"})


def _require_browser(call: ApiCall) -> None:
    """Raises: Refusal where nobody signs in, where a token could be read on the way, and of another site's form."""
    visit, authority = call.visit, call.authority
    if visit.is_by_socket or authority.actor is not None:
        raise Refusal(404, "there is no signing in here: the program that serves this says who asks")
    is_insecure = visit.web is not None and visit.web.insecure
    if not (visit.is_encrypted or is_insecure or is_of_this_machine(visit.scope, visit.headers)):
        raise Refusal(403, UNENCRYPTED)
    if visit.changes and is_foreign(visit.headers):
        raise Refusal(403, "a page of another site sent this form")


def _root(visit: Visit) -> str:
    return str(visit.scope.get("root_path", ""))


P = Unlocked.PAGE
LOGIN: tuple[ApiRoute, ...] = (
    ApiRoute("GET", "/login", P, "The form for a token.", login, query=LoginQuery),
    ApiRoute("POST", "/login", P, "Signs in by a token.", sign_in),
    ApiRoute("GET", "/login/{secret}", P, "The button of a link that is used once.", link),
    ApiRoute("POST", "/login/{secret}", P, "Signs in by a link.", use_link),
    ApiRoute("POST", "/logout", P, "Signs out.", sign_out),
)
