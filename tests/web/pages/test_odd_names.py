"""Names as long and as odd as they may be: every link and every form of their pages leads to them."""

from urllib.parse import quote, unquote

import pytest
from asking import Asking, signed_in
from browsing import Browser
from markup import page_of
from watchkeeper import Heartbeat, Runtime, Target

LONG = "\N{COLLISION SYMBOL}" * 128
GROUP = f"{LONG}/{LONG[1:]}"
ODD = ("what?x=1", "100%", "hash#tag", "a%2Fb", "two  words", "<b>&amp;\"'", "a+b;c", "back\\slash", "new")


@pytest.fixture
def runtime(store):
    targets = [Target(id=name, heartbeat=Heartbeat(), every="1h", group=GROUP) for name in (LONG, *ODD)]
    with Runtime(targets=targets, store=store) as made:
        yield made


@pytest.fixture
def browser(runtime, url):
    return Browser(url, signed_in(url, runtime.login_link(role="operator")))


@pytest.mark.parametrize("name", [LONG, *ODD])
def test_a_button_on_the_page_of_a_target_leads_back_to_it(browser, name):
    page = browser.press(browser.open(f"/t/{quote(name, safe='')}"), "Pause checks")
    assert (unquote(page.path), "Paused: no check starts" in page.text) == (f"/t/{name}", True)


def test_the_filter_of_a_group_stays_in_the_group(runtime, url):
    reader = Asking(url, cookie=signed_in(url, runtime.login_link(role="operator")))
    path = f"/g/{quote(GROUP)}"
    for query in ("", f"?q={'x' * 4_096}"):
        assert f'role="search" method="get" action="{path}"' in page_of(reader, path + query)


def test_the_page_of_one_long_question_is_not_the_answer_to_another(runtime, url):
    reader = Asking(url, cookie=signed_in(url, runtime.login_link(role="operator")))
    nothing = page_of(reader, f"/?q={'x' * 4_096}")
    assert "No target is like that" in nothing
    assert "No target is like that" not in page_of(reader, f"/?q={'%20' * 1_400}")
