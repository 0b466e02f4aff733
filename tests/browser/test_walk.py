"""A person at the page: finds, opens, acknowledges, silences and resumes; by mouse, by keys, by phone, and without scripts."""

import re

import pytest
from playwright.sync_api import expect
from watchkeeper import Heartbeat, Target

from tests.browser.conftest import outage_of, wait_for

expect.set_options(timeout=30_000)
ROW = "tr:has(a:text-is('{}'))"


def row(page, name):
    return page.locator(ROW.format(name))


def test_a_target_is_found_as_its_name_is_typed(visit):
    page = visit("viewer").open("/")
    expect(row(page, "search")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("store")
    expect(row(page, "search")).to_be_hidden()
    expect(row(page, "storefront")).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "search")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_target_is_found_and_opened(visit, scripts):
    page = visit("viewer", java_script_enabled=scripts).open("/")
    find = page.get_by_placeholder(re.compile("Find a target"))
    find.fill("storefront")
    find.press("Enter")
    row(page, "storefront").get_by_role("link", name="storefront").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("storefront is up")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_incident_is_opened_and_acknowledged(visit, runtime, incident, scripts):
    page = visit("operator", java_script_enabled=scripts).open("/")
    page.get_by_role("link", name="payments api").first.click()
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.get_by_role("status").filter(has_text="acknowledged")).to_be_visible()
    assert outage_of(runtime).acknowledged_by == "a-operator"
    page.goto("/")
    expect(page.get_by_text("a-operator").first).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_target_is_silenced_and_the_silence_is_ended(visit, runtime, scripts):
    page = visit("operator", java_script_enabled=scripts).open("/t/search")
    page.locator("main").get_by_role("link", name=re.compile("^Silence")).first.click()
    page.get_by_label("Reason").fill("a new index")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text(re.compile("It mutes 1 target"))).to_be_visible()
    page.get_by_role("button", name="Silence", exact=True).click()
    wait_for(lambda: [each.reason for each in runtime.status()["search"].silences] == ["a new index"])
    page.goto("/silences")
    expect(page.get_by_text("a new index").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^End")).first.click()
    wait_for(lambda: runtime.status()["search"].silences == ())


@pytest.mark.parametrize("scripts", [True, False])
def test_a_target_is_paused_and_resumed(visit, runtime, scripts):
    page = visit("operator", java_script_enabled=scripts).open("/t/cart-api")
    page.get_by_role("button", name=re.compile("^Pause")).click()
    resume = page.get_by_role("button", name=re.compile("^Resume"))
    expect(resume).to_be_visible()
    assert runtime.status()["cart-api"].paused
    resume.click()
    expect(page.get_by_role("button", name=re.compile("^Pause"))).to_be_visible()
    assert not runtime.status()["cart-api"].paused


def test_a_change_is_shown_without_a_reload(visit, runtime):
    page = visit("viewer").open("/")
    expect(page.locator("#live")).to_have_text("live")
    runtime.heartbeat("fraud-check", ok=False, detail="no model")
    expect(row(page, "fraud check")).to_contain_text("down")
    expect(page).to_have_title(re.compile("^2 down"))
    runtime.heartbeat("fraud-check")
    expect(row(page, "fraud check")).to_contain_text("up")


def test_ages_are_right_again_after_a_clock_was_set(visit, incident):
    person = visit("viewer")
    person.page.clock.install()
    page = person.open(f"/i/{incident.id}")
    expect(page.locator("#live")).to_have_text("live")
    page.route("**/i/**", lambda route: route.fulfill(status=503, body="x"))
    page.clock.fast_forward("05:00:00")
    expect(page.locator("time.age").first).not_to_contain_text("5 h")
    person.faults.clear()


def test_the_page_of_a_target_says_that_it_was_removed_while_it_is_open(visit, runtime):
    runtime.track(Target(id="leaving", heartbeat=Heartbeat(), every="1h"))
    person = visit("viewer")
    page = person.open("/t/leaving")
    expect(page.locator("#live")).to_have_text("live")
    runtime.untrack("leaving")
    expect(page.get_by_role("alert")).to_have_text("No target is named 'leaving'.")
    # The browser itself says of a page that is not there that it is not.
    person.faults[:] = [fault for fault in person.faults if "404 (Not Found)" not in fault]


def test_the_page_is_dark_where_its_reader_says_so_and_stays_so(visit):
    person = visit("viewer", color_scheme="light")
    page = person.open("/")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark").click()
    page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    dark = page.evaluate(paper)
    assert dark != light
    person.open("/incidents")
    assert page.evaluate(paper) == dark


def test_an_incident_is_acknowledged_with_keys_alone(visit, runtime, incident):
    page = visit("operator").open(f"/i/{incident.id}")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.textContent.trim()") == "Acknowledge":
            break
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="acknowledged")).to_be_visible()
    assert outage_of(runtime).acknowledged_by == "a-operator"


def test_a_viewer_has_no_button_that_acts(visit, incident):
    page = visit("viewer").open(f"/i/{incident.id}")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_twelve_tabs_are_live_over_one_stream(visit, runtime):
    person = visit("viewer")
    person.open("/")
    tabs = [person.page, *(person.context.new_page() for _ in range(11))]
    for tab in tabs[1:]:
        tab.goto("/")
    for tab in tabs:
        expect(tab.locator("#live")).to_have_text("live")
    runtime.heartbeat("checkout", ok=False, detail="no basket")
    for tab in tabs:
        expect(row(tab, "checkout")).to_contain_text("down")
    runtime.heartbeat("checkout")


def minutes_until(page, state):
    """Lets minutes pass on the clock of the page until it shows something."""

    def is_shown():
        page.clock.run_for(61_000)
        return state.is_visible()

    wait_for(is_shown)


def test_a_public_page_on_a_wall_shows_what_is_announced_later_and_keeps_what_is_read(visit, runtime):
    person = visit()
    person.page.clock.install()
    page = person.open("/public/shop")
    said = page.get_by_role("heading", name="Payments are slow")
    announcement = runtime.announce("Payments are slow", kind="outage")
    minutes_until(page, said)
    days = page.locator("details").first
    days.locator("summary").click()
    runtime.end_announcement(announcement)
    with page.expect_response("**/public/shop"):
        page.clock.run_for(61_000)
    expect(days).to_have_attribute("open", "")
    expect(said).to_be_visible()
    days.locator("summary").click()
    page.evaluate("document.activeElement.blur()")
    minutes_until(page, page.locator("article.day").get_by_text("Payments are slow"))


def test_a_public_page_on_a_wall_says_that_it_is_not_loaded_any_more(visit):
    person = visit()
    person.page.clock.install()
    page = person.open("/public/shop")
    page.route("**/public/shop", lambda route: route.fulfill(status=503, body="x"))
    page.clock.run_for(241_000)
    expect(page.locator("#late")).to_be_visible()
    person.faults.clear()
