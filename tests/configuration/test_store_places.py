"""The place of a store: a file or a database, whose password is shown nowhere."""

import pytest
from click.testing import CliRunner
from watchkeeper import ConfigurationError, Record, Runtime, RuntimeOptions, Target
from watchkeeper.adapters import extras
from watchkeeper.adapters.configuration import load, load_leniently
from watchkeeper.adapters.masking import SecretMask, secrets_of
from watchkeeper.adapters.stores.place import beside, database_place
from watchkeeper.domain.errors import StoreError
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.store_place import shown_store, store_problem
from watchkeeper.launcher.main import cli

SECRET = "slon&otto/1"  # noqa: S105  # it opens nothing
URL = "postgresql://watch:slon%26otto%2F1@db.example:5433/watch?sslmode=require"
SHOWN = "postgresql://watch:***@db.example:5433/watch?sslmode=require"


@pytest.mark.parametrize(
    ("store", "shown"),
    [
        (URL, SHOWN),
        ("postgres://watch:a@b@db/watch", "postgres://***"),
        ("postgresql://watch:a/b#c@db/watch", "postgresql://***"),
        ("postgresql://watch:1/b@db/watch", "postgresql://***"),
        ("postgresql://watch:1?b@db/watch", "postgresql://***"),
        ("postgresql://watch:1#b@db/watch", "postgresql://***"),
        ("postgresql://watch:a?b@db/watch", "postgresql://***"),
        ("postgresql://watch:a/b", "postgresql://***"),
        ("postgresql://db/watch?password=a&b", "postgresql://***"),
        ("postgresql://watch:a[b@db/watch", "postgresql://***"),
        ("postgresql://watch:a\nb@db/watch", "postgresql://***"),
        ("mysql://watch:a/b@db/watch", "mysql://***"),
        ("postgresql:watch:a@db/watch", "***"),
        ("host=db password=a dbname=watch", "***"),
        ("password = 'a b'", "***"),
        ("DBNAME=watch password=x://y", "***"),
        (
            "postgresql://watch@db/watch?password=pw&host=/run/pg",
            "postgresql://watch@db/watch?password=***&host=/run/pg",
        ),
        ("postgresql://db/watch?password=a&b=c", "postgresql://db/watch?password=***&***"),
        ("postgresql://db/watch?pasword=a&port=1", "postgresql://db/watch?***&port=1"),
        ("postgresql://db/watch?scram_client_key=a", "postgresql://db/watch?scram_client_key=***"),
        ("postgresql://db/watch;password=a", "postgresql://***"),
        ("postgresql://db1:1,db2:2/watch", "postgresql://db1:1,db2:2/watch"),
        ("POSTGRESQL://u:p@h/d", "POSTGRESQL://u:***@h/d"),
        ("postgresql:///watch?host=/run/pg", "postgresql:///watch?host=/run/pg"),
        ("mysql://u:p@h/d", "mysql://u:***@h/d"),
        ("a:b@c.db", "a:b@c.db"),
        ("/var/lib/watch.db", "/var/lib/watch.db"),
    ],
)
def test_a_store_is_shown_without_its_password(store, shown):
    assert shown_store(store) == shown


@pytest.mark.parametrize(
    ("store", "says"),
    [
        (URL, ""),
        ("watch.db", ""),
        ("postgresql://db1:5432,db2/watch", ""),
        ("postgresql://[::1]:5432/watch", ""),
        ("postgresql:///watch?host=/run/pg", ""),
        ("", "names no file"),
        ("a\0b", "names no file"),
        ("mysql://h/d", "neither a file nor a database"),
        ("postgresql://h", "names no database"),
        ("postgresql://h:x/d", "port"),
        ("postgresql://h:70000/d", "port"),
        (
            "postgresql://watch:a/b@h/d",
            "has an @ that does not end the login: percent-encode the password (%40 for @",
        ),
        (
            "postgresql://watch:a@b@h/d",
            "has an @ that does not end the login: percent-encode the password (%40 for @",
        ),
        ("postgresql://watch:a?b@h/d", "or leave it to ~/.pgpass"),
        ("postgresql://watch:b@h/watch;password=a", "has an = before the parameters"),
        ("postgresql://watch:1#b", "has a #: percent-encode the password"),
        ("postgresql://watch:a%40b%2F@h/d", ""),
        ("host=h password=a dbname=d", "write postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("postgresql:h/d", "write postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("host=h.db", "write postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("my-host=h.db", ""),
    ],
)
def test_a_place_that_cannot_be_is_refused_with_what_to_write(store, says):
    assert says in store_problem(store)
    assert bool(says) == bool(store_problem(store))


def test_a_schema_is_ours_and_the_rest_that_of_the_library():
    place = database_place(f"{URL}&schema=eu&application_name=a%20b")
    assert (place.schema, place.url) == ("eu", f"{URL}&application_name=a%20b")
    assert database_place("postgresql:///watch?host=/run/pg").url == "postgresql:///watch?host=%2Frun%2Fpg"
    assert database_place(URL).schema == "watchkeeper"


def test_every_parameter_of_the_library_is_known_and_shown():
    conninfo = pytest.importorskip("psycopg").pq.Conninfo
    for each in conninfo.get_defaults():
        name = each.keyword.decode()
        shown = shown_store(f"postgresql://db/watch?{name}=1")
        is_secret = each.dispchar == b"*" or name.startswith("scram_")
        assert shown == f"postgresql://db/watch?{name}={'***' if is_secret else '1'}"


def test_the_files_beside_a_database_lie_in_the_folder_for_state(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert beside(URL).startswith(f"{tmp_path}/watchkeeper/postgres-")
    assert beside(URL) == beside(URL.replace("slon", "another")), "a new password is no new store"
    assert beside(URL) != beside(f"{URL}&schema=eu")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/watchkeeper:/var/lib/other")
    assert beside(URL).startswith("/var/lib/watchkeeper/postgres-")
    assert beside(str(tmp_path / "watch.db")) == str(tmp_path / "watch.db")


def test_the_password_of_a_store_is_masked_everywhere():
    options = RuntimeOptions(store=URL)
    assert repr(options) == f"RuntimeOptions(store='{SHOWN}')"
    mask = SecretMask()
    mask.learn(secrets_of((options,)))
    for text in (URL, f"password {SECRET} is wrong", "slon%26otto%2F1"):
        assert "otto" not in mask(text)
    with pytest.raises(StoreError) as told:
        Record("postgresql://watch:geheim@127.0.0.1:1/watch").incidents()
    assert "geheim" not in str(told.value)
    assert "postgresql://watch:***@127.0.0.1:1/watch" in str(told.value)
    assert "otto" not in repr(Record(URL))


@pytest.mark.parametrize(
    "url", ["postgresql://watch:slon%zzotto@db/watch", "postgresql://watch:otto@db/watch?no=1"]
)
def test_a_url_that_the_library_does_not_read_is_told_without_its_password(url):
    with pytest.raises(
        StoreError, match=r"postgresql://watch:\*\*\*@db/watch.* is no URL of a database"
    ) as told:
        Record(url).incidents()
    assert "otto" not in f"{told.value} {told.value.__cause__}"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("hots=otto", "no parameter is named 'hots', did you mean host"),
        ("sslmode=require&pasword=otto", "no parameter is named 'pasword', did you mean password"),
        ("password=slon&otto=1", "unknown parameter, which is not shown"),
        ("password=slon&hots=1&otto=2", "unknown parameter, which is not shown"),
        ("port=1&password=otto&schema=a&slon=otto", "%26 for &, %3D for ="),
        ("password=a%26b&sslpassword=1&c=otto", "leave it to ~/.pgpass"),
        ("otto=1", "unknown parameter, which is not shown"),
    ],
)
def test_a_parameter_that_may_be_a_part_of_a_password_is_not_named(query, says):
    with pytest.raises(StoreError, match="is no URL of a database") as told:
        Record(f"postgresql://db/watch?{query}").incidents()
    assert says in str(told.value)
    assert not any(word in f"{told.value} {told.value.__cause__}" for word in ("otto", "slon", "c="))
    if "password" in query.split("&hots")[0]:
        assert "hots" not in str(told.value)


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("watch@db/watch?hots=db", "no parameter is named 'hots', did you mean host"),
        ("watch@db/watch?nonsense=otto", "it has an unknown parameter, which is not shown"),
        ("watch@db/watch?password=slon&otto=1", "it has an unknown parameter, which is not shown"),
        ("watch:slon%zzotto@db/watch", "invalid percent-encoded token: "),
    ],
)
def test_check_and_a_start_refuse_a_url_that_the_library_does_not_read_in_the_same_words(
    tmp_path, monkeypatch, rest, says
):
    pytest.importorskip("psycopg")
    monkeypatch.chdir(tmp_path)
    store = f"postgresql://{rest}"
    (tmp_path / "watchkeeper.yaml").write_text(f"runtime: {{store: '{store}'}}\ntargets: []\n")
    checked, ran = (CliRunner().invoke(cli, [verb, "watchkeeper.yaml"]) for verb in ("check", "run"))
    assert (checked.exit_code, ran.exit_code) == (2, 2)
    assert checked.stderr == ran.stderr
    assert f"watchkeeper.yaml:1:18: runtime.store: is no URL of a database: {says}" in checked.stderr
    assert not any(word in checked.stderr for word in ("otto", "slon"))
    with pytest.raises(StoreError, match="is no URL of a database") as told:
        Record(store).incidents()
    assert says in str(told.value)


def test_check_reads_the_parameters_of_a_url_and_connects_to_nothing(tmp_path):
    pytest.importorskip("psycopg")
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(f"runtime: {{store: '{URL}&shards=4&schema=eu&target_session_attrs=any'}}\ntargets: []\n")
    assert CliRunner().invoke(cli, ["check", str(path)]).exit_code == 0
    path.write_text(
        "runtime: {store: 'postgresql://watch@db/watch?sslmode=${MODE}&port=${PORT}'}\ntargets: []\n"
    )
    assert CliRunner().invoke(cli, ["check", "--no-environment", str(path)]).exit_code == 0


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("postgresql://watch:otto@db/watch?shards=x", "says shards=x: write a number from 1 to 256"),
        ("postgresql://watch:otto@[::1/watch", "cannot be read"),
        ("postgresql://watch:otto@db", "names no database"),
        ("mysql://watch:otto@db/watch", "is neither a file nor a database"),
        ("", "'' names no file"),
    ],
)
def test_a_place_that_cannot_be_is_an_error_of_the_store_for_those_who_read_it(store, says):
    with pytest.raises(StoreError) as told:
        Record(store).incidents()
    assert says in str(told.value)
    assert "otto" not in str(told.value)


def test_a_url_of_another_database_in_a_file_is_no_path_and_is_told_without_its_password(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text('runtime: {store: "mysql://watch:otto@db/watch"}\ntargets: []\n')
    with pytest.raises(ConfigurationError, match=r"runtime\.store: is neither a file nor a database") as told:
        load(path, {})
    assert "otto" not in str(told.value)
    for words in (["status", "-c", str(path)], ["ack", "x", "-c", str(path)]):
        found = CliRunner().invoke(cli, words)
        assert found.exit_code != 0
        assert "otto" not in found.output
        assert "mysql://watch:***@db/watch" in found.output


CONFIG = f"""
runtime: {{store: "{URL}"}}
targets:
- {{id: shop, tcp: {{host: h, port: 1}}}}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(CONFIG)
    return path


def test_a_url_in_a_file_is_no_path_in_its_folder(config):
    assert load(config, {}).runtime.store == load_leniently(config, {}).runtime.store == URL


@pytest.mark.parametrize(
    "verb", [["config"], ["check"], ["status"], ["verify"], ["incidents"], ["backup", "x.db"]]
)
def test_no_verb_shows_the_password(config, verb):
    found = CliRunner().invoke(
        cli, [*verb, "-c", str(config)] if verb != ["check"] else ["check", str(config)]
    )
    assert "otto" not in found.output
    assert "slon" not in found.output
    if verb == ["config"]:
        assert "watch:***@db.example" in found.output


def test_a_missing_library_is_a_problem_of_check():
    target = Target(id="a", tcp=Tcp(host="h", port=1))
    found = Configuration(runtime=RuntimeOptions(store=URL), targets=(target,))
    (problem,) = extras.missing_libraries(found, psycopg="installed_nowhere")
    assert str(problem) == "runtime.store: psycopg is not installed: pip install 'watchkeeper[postgres]'"
    assert not [*extras.missing_libraries(found)]
    plain = Configuration(runtime=RuntimeOptions(store="watch.db"), targets=(target,))
    assert not [*extras.missing_libraries(plain, psycopg="installed_nowhere")]


def test_a_database_that_cannot_be_reached_is_named_at_the_start():
    target = Target(id="shop", tcp=Tcp(host="h", port=1))
    runtime = Runtime(store="postgresql://watch:geheim@127.0.0.1:1/watch", targets=[target])
    with pytest.raises(StoreError, match=r"looking at postgresql://watch:\*\*\*@127.0.0.1:1/watch") as told:
        runtime.start()
    assert "geheim" not in str(told.value)
    assert runtime.role == "stopped"


def test_a_wrong_url_is_a_mistake_in_the_configuration():
    with pytest.raises(ConfigurationError, match=r"runtime.store: names no database"):
        Runtime(store="postgresql://watch@h", targets=[]).start()


UNREADABLE = [
    "postgresql://watch:a/b#cSECRET@127.0.0.1:1/watch",
    "postgresql://watch:x?ySECRET@127.0.0.1:1/watch",
    "postgresql://watch:x@ySECRET@127.0.0.1:1/watch",
    "postgresql://watch:1/SECRET@127.0.0.1:1/watch",
    "postgresql://watch:SEC%RET@127.0.0.1:1/watch",
    "postgresql://watch@127.0.0.1:1/watch?password=x&SECRET=y",
    "postgresql://watch@127.0.0.1:1/watch?password=x&y=SECRET",
    "host=127.0.0.1 port=1 password=SECRET dbname=watch",
]


@pytest.mark.parametrize("store", UNREADABLE)
def test_no_verb_shows_a_password_that_is_not_written_as_a_url_wants_it(tmp_path, monkeypatch, store):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "watchkeeper.yaml"
    path.write_text(
        f"runtime: {{store: '{store}'}}\ntargets: [{{id: x, tcp: {{host: 127.0.0.1, port: 1}}}}]\n"
    )
    given = ["-c", str(path)]
    asked = [
        ["check", str(path)],
        ["run", str(path)],
        ["copy", "watch.db", store],
        ["status", "--store", store],
    ]
    for words in (
        *asked,
        *([verb, *given] for verb in ("status", "config", "verify", "incidents")),
        ["ack", "x", *given],
    ):
        found = CliRunner().invoke(cli, words)
        assert found.exit_code != 0 or words[0] in {"config", "check"}, words
        assert not [each for each in ("SECRET", "SEC%RET") if each in found.output + str(found.exception)], (
            words
        )
    assert sorted(each.name for each in tmp_path.iterdir()) == ["watchkeeper.yaml"]
