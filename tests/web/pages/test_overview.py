"""The overview and the page of a group: the sentence, the open incidents, the rows, and who may see which buttons."""

import re

import pytest
from asgi import exchanged
from asking import Asking, settled, signed_in
from host_servers import until
from markup import faults_of, page_of
from watchkeeper import Channel, Heartbeat, Log, Runtime, Target
from watchkeeper.web import limits


def made(*targets, **given):
    return Runtime(targets=targets, channels=[Channel(id="ops", log=Log())], **given)


def job(id_, **given):
    return Target(id=id_, heartbeat=Heartbeat(), every="1h", **{"notify": ["ops"], **given})


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "watch.db")


@pytest.fixture
def fleet(monkeypatch, store):
    """Six jobs in two groups and outside of any, all well but `mail`."""
    monkeypatch.setattr(limits, "BURST_MAX", 10**9)
    targets = [job(name, group=f"shop/{name[0]}") for name in ("cart", "checkout", "search")]
    targets += [job("mail", name="Mail sender", group="office"), job("door"), job("light")]
    with made(*targets, store=store) as runtime:
        for target in targets:
            runtime.heartbeat(target.id, ok=target.id != "mail", detail="smtp <refused>")
        settled(runtime)
        yield runtime


@pytest.fixture
def viewer(fleet):
    return Asking(fleet.serve("127.0.0.1:0"))


@pytest.fixture
def operator(fleet):
    url = fleet.serve("127.0.0.1:0")
    return Asking(url, cookie=signed_in(url, fleet.login_link(role="operator")))


def sentence_of(page):
    """The first heading, without its tags."""
    return re.sub(r"<[^>]+>", "", re.findall(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[0])


def rows_of(page):
    """The ids of the rows, from the top."""
    return re.findall(r'<tr class="\w+" data-t="([^"]+)"', page)


def test_the_page_begins_with_how_many_are_well_and_which_one_is_not(fleet, viewer):
    assert sentence_of(page_of(viewer, "/")) == "5 of 6 are well. Mail sender is down."
    fleet.heartbeat("cart", ok=False)
    until(lambda: sentence_of(page_of(viewer, "/")) == "4 of 6 are well. cart and Mail sender are down.")
    fleet.heartbeat("search", ok=False)
    until(lambda: sentence_of(page_of(viewer, "/")) == "3 of 6 are well. Three are down.")


def test_a_paused_target_is_neither_well_nor_in_trouble(fleet, operator):
    assert operator.put("/targets/mail/pause", sec_fetch_site="same-origin").status == 200
    page = page_of(operator, "/")
    assert sentence_of(page) == "5 of 6 are well, and the others are paused."
    assert rows_of(page_of(operator, "/?status=paused")) == ["mail"]
    assert '<tr class="paused" data-t="mail">' in page
    assert "<title>Overview" in page


def test_the_page_of_a_group_is_about_its_targets_alone(viewer):
    page = page_of(viewer, "/g/shop")
    assert sentence_of(page) == "All 3 are well."
    assert rows_of(page) == ["cart", "checkout", "search"]
    assert 'id="trouble"' not in page
    assert rows_of(page_of(viewer, "/g/shop/c")) == ["cart", "checkout"]
    assert sentence_of(page_of(viewer, "/g/office")) == "Nothing is well. Mail sender is down."


@pytest.mark.parametrize("name", ["", "none", "sho", "shop/", "shop%2Fx", "..", "%3Cb%3E"])
def test_a_group_in_which_nothing_is_has_no_page(viewer, name):
    assert faults_of(page_of(viewer, f"/g/{name}", 404)) == []


def test_a_line_of_an_incident_has_its_evidence_and_who_was_told(fleet, viewer):
    page = page_of(viewer, "/")
    (line,) = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    (incident,) = fleet.incidents(open_only=True)
    assert f'<a href="/i/{incident.id}">Mail sender</a>' in line
    assert "smtp &lt;refused&gt;" in line
    assert "critical" in line
    assert "ops ✓" in line
    assert 'class="s down"' in line


def test_an_incident_that_was_seen_names_who_has(fleet, operator):
    (incident,) = fleet.incidents(open_only=True)
    assert page_of(operator, "/").count("Acknowledge") == 1
    fleet.acknowledge(incident.id, "anna")
    settled(fleet)
    page = page_of(operator, "/?days=90")
    assert "seen by anna" in page
    assert "Acknowledge" not in page


def test_a_silenced_target_says_until_when_and_offers_the_end(fleet, operator):
    assert f"/silences/new?incident={fleet.incidents()[0].id}" in page_of(operator, "/")
    fleet.silence("mail", "1h", by="jo", id="night")
    settled(fleet)
    page = page_of(operator, "/?days=90")
    assert "by jo, nobody is told" in page
    assert 'action="/silences/night/end"' in page
    assert "Silence…" not in page
    assert "One is silenced." in page


def test_buttons_are_for_those_who_may_act(viewer, operator):
    assert "<button" not in re.sub(
        r'<form class="theme".*?</form>|<footer.*', "", page_of(viewer, "/"), flags=re.DOTALL
    )
    page = page_of(operator, "/")
    assert page.count('<button class="first">') == 1
    assert 'action="/i/' in page


def test_a_button_of_the_page_acknowledges_and_leads_back(fleet, operator):
    page = page_of(operator, "/?q=mail")
    (action,) = re.findall(r'action="(/i/[^"]+/acknowledge)"', page)
    fields = dict(re.findall(r'name="(proof|next)" value="([^"]*)"', page[page.index(action) :]))
    answer = operator.form(action, fields)
    assert (answer.status, answer.headers["location"]) == (303, "/?q=mail")
    assert "seen by login link" in page_of(operator, "/?q=mail")


def test_readers_of_one_role_share_a_page_and_each_has_an_own_proof(fleet, store):
    url = fleet.serve("127.0.0.1:0")
    pages = {}
    for name in ("first", "second"):
        secret = Asking(store).put(f"/tokens/{name}", {"role": "operator"}).json["token"]
        signed = Asking(url).form("/login", {"token": secret})
        pages[name] = page_of(Asking(url, cookie=signed.headers["set-cookie"].partition(";")[0]), "/")
    proofs = {name: set(re.findall(r'name="proof" value="([^"]+)"', page)) for name, page in pages.items()}
    assert [len(each) for each in proofs.values()] == [1, 1]
    assert proofs["first"] != proofs["second"]
    for name, page in pages.items():
        assert f">{name}</a>" in page
    assert "proof" not in page_of(Asking(url), "/")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("q=CART", ["cart"]),
        ("q=sender", ["mail"]),
        ("q=%20door%20", ["door"]),
        ("status=down", ["mail"]),
        ("status=up&group=shop", ["cart", "checkout", "search"]),
        ("group=office", ["mail"]),
        ("sort=status&group=shop", ["cart", "checkout", "search"]),
        ("sort=latency", ["mail", "cart", "checkout", "search", "door", "light"]),
        ("sort=uptime", ["mail", "cart", "checkout", "search", "door", "light"]),
    ],
)
def test_parameters_choose_and_order_the_rows(viewer, query, rows):
    assert rows_of(page_of(viewer, f"/?{query}")) == rows


def test_a_search_without_an_answer_says_so_and_leads_back(viewer):
    page = page_of(viewer, "/?q=<b>")
    assert "No target is like that" in page
    assert 'value="&lt;b&gt;"' in page
    assert faults_of(page) == []


@pytest.mark.parametrize("query", ["status=red", "days=31", "days=x", "sort=size", "view=some", "q=a&q=b"])
def test_a_parameter_that_is_none_is_refused_by_a_page(viewer, query):
    assert "is wrong" in page_of(viewer, f"/?{query}", 400) or "given once" in page_of(
        viewer, f"/?{query}", 400
    )


def test_many_targets_have_a_line_for_each_group_until_their_rows_are_asked_for(monkeypatch, viewer):
    monkeypatch.setattr(limits, "ROWS_UNASKED_MAX", 5)
    page = page_of(viewer, "/")
    assert rows_of(page) == []
    lines = re.findall(r'<tr class="(\w+)"><th scope="row"><a href="([^"]+)">', page)
    assert lines == [("down", "/g/office"), ("up", "/g/shop/c"), ("up", "/g/shop/s"), ("up", "/?view=all")]
    assert "1 down" in page
    assert "Mail sender" in page
    assert len(rows_of(page_of(viewer, "/?view=all"))) == 6
    assert rows_of(page_of(viewer, "/?q=door")) == ["door"]
    assert faults_of(page) == faults_of(page_of(viewer, "/?view=all")) == []


def test_a_view_by_group_is_there_for_few_targets_as_well(viewer):
    page = page_of(viewer, "/?view=groups&sort=status")
    assert rows_of(page) == []
    assert 'href="/?status=down&amp;sort=status&amp;view=groups"' in page


def test_names_of_others_stay_text_everywhere():
    hostile = '"><script>alert(1)</script>\N{RIGHT-TO-LEFT OVERRIDE}&amp;'
    target = job("x" * 128, name=hostile, group=f"a/{hostile.replace('/', '')}", labels={"a": hostile})
    with made(target, job("<b>'\"&")) as runtime:
        runtime.heartbeat(target.id, ok=False, detail=hostile)
        runtime.acknowledge(runtime.incidents()[0].id, hostile, note=hostile)
        asking = Asking(runtime.serve("127.0.0.1:0"))
        for path in ("/", "/?view=groups", "/?q=x", "/g/a"):
            page = page_of(asking, path)
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page
            assert faults_of(page) == [], path
        assert "seen by &#34;&gt;&lt;script&gt;" in page


def test_a_page_without_a_store_has_no_past_and_says_nothing_of_it():
    with made(job("door")) as runtime:
        runtime.heartbeat("door")
        page = page_of(Asking(runtime.serve("127.0.0.1:0")), "/")
        assert sentence_of(page) == "It is well."
        assert 'class="days"' not in page
        assert "skyline" not in page
        assert "90 days" not in page


def test_an_empty_page_says_what_to_do():
    with made() as runtime:
        page = page_of(Asking(runtime.serve("127.0.0.1:0")), "/")
    assert sentence_of(page) == "Nothing is watched yet."
    assert "watchkeeper init --from URL" in page
    assert faults_of(page) == []


def test_days_without_data_are_never_calm(viewer):
    page = page_of(viewer, "/?q=door")
    assert re.findall(r"<span class=days[^>]*>(.*?)</span>", page) == ['<i class="p0 n s29"></i>']
    assert 'aria-label="1 calm, 29 no data"' in page


def test_the_page_of_a_standby_is_that_of_the_store_which_another_process_runs(fleet, store):
    with Runtime(targets=[job("door", notify=[])], store=store) as waiting:
        assert waiting.role == "standby"
        app = waiting.asgi(lambda scope: ("anna", "operator"))

        def asked():
            status, _, body = exchanged(app, "GET", "/", {"host": "localhost", "accept": "text/html"})
            assert status == 200
            return body.decode()

        # Where the other process does not answer in time, the page has what this one knows by itself.
        page = until(lambda: found if sentence_of(found := asked()) != "It is well." else None)
    assert sentence_of(page) == "5 of 6 are well. Mail sender is down."
    assert "ops ✓" in page
    assert "this process stands by: another one watches" in page
    assert '<button class="first">Acknowledge</button>' in page
