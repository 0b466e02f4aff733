"""Tokens that are made while the runtime runs: shown once, kept as digests beside the store, and gone at once when revoked."""

import logging
import os
import re
import resource
import stat
from hashlib import sha256
from pathlib import Path

import pytest
from asking import TOKENS, Asking, cookie_in, tokens
from streams import Listening
from watchkeeper import Heartbeat, Runtime, StoreError, Target, Token, Web
from watchkeeper.adapters.stores.token_file import read_tokens, write_tokens
from watchkeeper.domain import limits
from watchkeeper.domain.specification.web import IssuedToken

SHOP = Target(id="shop", heartbeat=Heartbeat())
WEB = Web(listen="127.0.0.1:0", tokens=[Token(**token) for token in tokens()])


def made(admin, name="otto", role="operator"):
    answer = admin.put(f"/tokens/{name}", {"role": role})
    assert answer.status == 200, answer.json
    return answer.json["token"]


def test_a_token_is_shown_once_and_opens_what_its_role_allows(url, admin):
    said = admin.put("/tokens/otto", {"role": "operator"}).json
    secret = said.pop("token")
    assert re.fullmatch(r"wk_[a-z2-7]{58}", secret)
    assert said.pop("created_at") is not None
    assert said == {"name": "otto", "role": "operator", "origin": "api", "created_by": "a-admin"}
    otto = Asking(url, secret)
    assert otto.put("/targets/shop/pause").status == 200
    assert otto.get("/tokens").status == 403
    listed = admin.get("/tokens")
    assert [(row["name"], row["origin"]) for row in listed.json["items"]] == [
        ("a-admin", "configuration"),
        ("a-operator", "configuration"),
        ("a-viewer", "configuration"),
        ("otto", "api"),
    ]
    assert secret.encode() not in listed.body
    assert b"sha256" not in listed.body


def test_a_token_that_exists_changes_its_role_and_keeps_its_secret(url, admin):
    otto = Asking(url, made(admin))
    assert admin.put("/tokens/otto", {"role": "viewer"}).json["token"] is None
    assert otto.put("/targets/shop/pause").status == 403
    assert otto.get("/status").status == 200


def test_a_revoked_token_is_refused_from_the_next_request_on(url, admin):
    otto = Asking(url, made(admin))
    assert otto.get("/status").status == 200
    assert admin.delete("/tokens/otto").json["name"] == "otto"
    assert otto.get("/status").status == 401
    again = admin.delete("/tokens/otto")
    assert (again.status, again.json["detail"]) == (
        404,
        "no token that was made at run time has the name 'otto'",
    )


def test_a_revoked_token_ends_its_sessions(url, admin):
    cookie = cookie_in(Asking(url).form("/login", {"token": made(admin)}))
    browser = Asking(url, cookie=cookie)
    assert b"<b>otto</b>, operator" in browser.ask("GET", "/login").body
    with Listening(url, token=None, cookie=cookie) as stream:
        stream.first("reset")
        admin.delete("/tokens/otto")
        assert [kind for _, kind, _ in stream.events()] == []
    assert b"<b>otto</b>" not in browser.ask("GET", "/login").body
    assert browser.put("/targets/shop/pause", sec_fetch_site="same-origin").status == 403


def test_a_token_of_the_configuration_is_refused_as_a_name(admin):
    for answer in (admin.put("/tokens/a-viewer", {"role": "admin"}), admin.delete("/tokens/a-viewer")):
        assert answer.status == 409
        assert answer.json["detail"] == (
            "the token 'a-viewer' stands in the configuration: change it there, and reload"
        )


@pytest.mark.parametrize(
    ("path", "body"),
    [("/tokens/%20otto", {"role": "viewer"}), ("/tokens/" + "o" * 129, {"role": "viewer"}),
     ("/tokens/otto", {}), ("/tokens/otto", {"role": "root"}), ("/tokens/otto", {"role": "viewer", "by": "x"})],
)  # fmt: skip
def test_a_token_that_makes_no_sense_is_refused(admin, path, body):
    assert admin.put(path, body).status == 400
    assert len(admin.get("/tokens").json["items"]) == 3


def test_a_token_may_be_named_after_an_address(admin):
    assert made(admin, "anna@example.org")
    assert admin.delete("/tokens/anna@example.org").status == 200


def test_tokens_beyond_the_most_are_refused(monkeypatch, admin):
    monkeypatch.setattr(limits, "TOKENS_MAX", 4)
    made(admin)
    refused = admin.put("/tokens/anna", {"role": "viewer"})
    assert (refused.status, refused.json["errors"][0]["detail"]) == (400, "there are 4 tokens: revoke one")


def test_tokens_last_beyond_a_restart_and_lie_beside_the_store_as_digests(store):
    before = os.umask(0)
    try:
        with Runtime(targets=[SHOP], store=store, web=WEB) as runtime:
            admin = Asking(runtime.serve("127.0.0.1:0"), TOKENS["admin"])
            kept, gone = made(admin), made(admin, "anna")
            admin.delete("/tokens/anna")
    finally:
        os.umask(before)
    file = Path(f"{store}.tokens")
    assert stat.S_IMODE(file.lstat().st_mode) == 0o600
    assert kept not in file.read_text()
    with Runtime(targets=[SHOP], store=store, web=WEB) as runtime:
        url = runtime.serve("127.0.0.1:0", anonymous="none")
        assert Asking(url, kept).put("/targets/shop/pause").status == 200
        assert Asking(url, gone).get("/status").status == 401


def test_tokens_of_a_runtime_in_memory_last_as_long_as_it():
    runtime = Runtime(targets=[SHOP], web=WEB)
    with runtime:
        secret = made(Asking(runtime.serve("127.0.0.1:0"), TOKENS["admin"]))
    with runtime:
        assert Asking(runtime.serve("127.0.0.1:0"), secret).put("/targets/shop/pause").status == 200


ISSUED = IssuedToken(
    token=Token(name="laid", role="admin", sha256=sha256(b"wk_laid").hexdigest()),
    created_at_ns=1,
    created_by="x",
)


@pytest.mark.parametrize("lies", ["nonsense", "a link", "a newer form"])
def test_a_file_of_tokens_that_cannot_be_read_opens_nothing_and_is_not_written_over(
    store, lies, caplog, tmp_path
):
    file = Path(f"{store}.tokens")
    match lies:
        case "nonsense":
            file.write_text("{nonsense")
        case "a newer form":
            file.write_text('{"version": 2}')
        case _:
            (tmp_path / "elsewhere").write_text("mine")
            file.symlink_to(tmp_path / "elsewhere")
    before = file.read_text()
    with (
        caplog.at_level(logging.ERROR),
        Runtime(targets=[SHOP], store=store, web=WEB) as runtime,
    ):
        admin = Asking(runtime.serve("127.0.0.1:0"), TOKENS["admin"])
        refused = admin.put("/tokens/otto", {"role": "viewer"})
        assert refused.status == 503
        assert f"{file}" in refused.json["detail"]
        assert runtime.status().healthy
    assert "Tokens that were made at run time are refused" in caplog.text
    assert file.read_text() == before


def test_a_name_that_the_configuration_takes_later_belongs_to_it(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text("runtime: {store: watch.db}\ntargets: [{id: shop, heartbeat: {}}]\n")
    with Runtime.from_config(path, {}) as runtime:
        control = Asking(str(tmp_path / "watch.db"))
        otto = Asking(runtime.serve("127.0.0.1:0", anonymous="none"), made(control, "otto", "admin"))
        assert otto.get("/tokens").status == 200
        digest = "0" * 64
        path.write_text(
            f"{path.read_text()}web: {{listen: '127.0.0.1:0', tokens: [{{name: otto, role: viewer, sha256: '{digest}'}}]}}\n"
        )
        runtime.reload()
        assert otto.get("/status").status == 401
        assert [row["origin"] for row in control.get("/tokens").json["items"]] == ["configuration"]


def test_a_reload_takes_a_token_from_a_door_of_serve_too(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    (token,) = (each for each in tokens() if each["role"] == "viewer")
    targets = "targets: [{id: shop, heartbeat: {}}]\n"
    path.write_text(
        f"web: {{listen: '127.0.0.1:0', tokens: [{{name: v, role: viewer, sha256: '{token['sha256']}'}}]}}\n{targets}"
    )
    with Runtime.from_config(path, {}) as runtime:
        viewer = Asking(runtime.serve("127.0.0.1:0", anonymous="none"), TOKENS["viewer"])
        assert viewer.get("/status").status == 200
        path.write_text(f"web: {{listen: '127.0.0.1:0'}}\n{targets}")
        runtime.reload()
        assert viewer.get("/status").status == 401


@pytest.mark.needs("root")
def test_a_file_of_tokens_that_another_user_laid_there_opens_nothing(store, caplog):
    write_tokens(store, (ISSUED,))
    os.chown(f"{store}.tokens", 12_345, 12_345)
    with pytest.raises(StoreError, match="belongs to another user: remove it"):
        read_tokens(store)
    with Runtime(targets=[SHOP], store=store, web=WEB) as runtime:
        assert Asking(runtime.serve("127.0.0.1:0"), "wk_laid").get("/config").status == 401
    assert "Tokens that were made at run time are refused" in caplog.text


def test_a_file_of_tokens_that_does_not_fit_on_the_disk_leaves_the_former_one(store):
    write_tokens(store, (ISSUED,))
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, former[1]))
    try:
        with pytest.raises(StoreError, match=r"\.tokens cannot be written: File too large"):
            write_tokens(store, (ISSUED,) * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert read_tokens(store) == (ISSUED,)


def test_the_most_tokens_of_the_longest_names_fit_into_their_file(store):
    name = "\N{KEY}" * (limits.NAME_CHARACTERS_MAX - 3)
    issued = tuple(
        IssuedToken(
            token=Token(name=f"{name}{number}", role="viewer", sha256="0" * 64),
            created_at_ns=2**62,
            created_by=name,
        )
        for number in range(limits.TOKENS_MAX)
    )
    write_tokens(store, issued)
    assert read_tokens(store) == issued
