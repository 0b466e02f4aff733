"""Dialogues and TLS of tcp probes as they are written: their problems, their conditions, and everything that is shown of them."""

import pytest
from watchkeeper import DialogueStep, Target, Tcp, Threshold, Tls
from watchkeeper.adapters.configuration.loading import examine
from watchkeeper.adapters.expectations import Expectations
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.domain.limits import DIALOGUE_STEPS_MAX
from watchkeeper.domain.validation.partial import judged_target


def tcp(*steps, **fields) -> Tcp:
    dialogue = {"dialogue": [DialogueStep(**step) for step in steps]} if steps else {}
    return Tcp(host="h", port=1, **dialogue, **fields)


def problems_of(probe, expect=(), **more):
    target = Target(id="a", tcp=probe, expect=expect, **more)
    return [str(each) for each in judged_target(target, channels=())[1]]


GREETING = {"expect": "^220 (?P<name>.*)"}
SOUND = {
    "captures": (tcp(GREETING, {"send": "HELO {{name}}"}), ["[BODY] == *x*"]),
    "starttls": (tcp(GREETING, {"send": "STARTTLS", "starttls": True}), ["[CERTIFICATE_EXPIRATION] > 48h"]),
    "tls": (tcp(tls=Tls()), ["[CERTIFICATE].chain_expiration > 48h"]),
    "tls of a step": (tcp({"starttls": True}, tls=Tls(verify=False)), []),
    "no place": (tcp({"send": "{{ }} {a} {{1}}"}), []),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_dialogue_has_no_problem(name):
    assert problems_of(*SOUND[name]) == []


FAULTY = [
    (tcp({}), "tcp.dialogue[0]: does nothing: write send, expect or starttls"),
    (tcp({"expect": "("}), "tcp.dialogue[0].expect: the pattern '(' cannot be used"),
    (tcp({"expect": ".{511}|.{511}"}), "tcp.dialogue[0].expect: the pattern has"),
    (tcp({"send": "{{name}}"}), "tcp.dialogue[0].send: 'name' is captured by no step before: write (?P<name>...) in its expect"),
    (tcp(GREETING, {"send": "{{nane}}"}), "tcp.dialogue[1].send: 'nane' is captured by no step before"),
    (tcp({"send": "{{name}}", **GREETING}), "tcp.dialogue[0].send: 'name' is captured"),
    (tcp({"starttls": True}, {"starttls": True}), "tcp.dialogue[1].starttls: begins TLS a second time"),
    (tcp(GREETING, send="x"), "tcp.send: stands beside a dialogue"),
    (tcp(GREETING, expect="x"), "tcp.expect: stands beside a dialogue"),
    (tcp(tls=Tls(verify=False, ca_file="f")), "tcp.tls.ca_file: has no effect"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "said"), FAULTY)
def test_a_fault_of_a_dialogue_is_said_with_its_place(probe, said):
    (problem,) = problems_of(probe)
    assert problem.startswith(said)


UNREAD = [
    (tcp({"send": "x"}), "[BODY] == x", "nothing is read in the dialogue: write expect in a step"),
    (tcp(), "[BODY] == x", "nothing is read of the answer"),
    (tcp(GREETING), "[CERTIFICATE_EXPIRATION] > 1h", "there is no certificate without TLS: write tls under tcp or leave the condition out"),
    (tcp(GREETING), "[STATUS] == 200", "a probe of tcp gives no [STATUS]: it gives [BODY], [CONNECTED], [IP], [RESPONSE_TIME]"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "condition", "said"), UNREAD)
def test_a_condition_on_what_is_never_there_is_refused(probe, condition, said):
    (problem,) = problems_of(probe, [condition])
    assert said in problem


def test_the_handshake_is_a_measure_only_where_there_is_one():
    rule = Threshold(id="slow", measure="tls", operator=">", value="2s", window=3)
    (problem,) = problems_of(tcp(GREETING), rules=[rule])

    assert "there is no handshake without TLS: write tls under tcp or remove the rule" in problem
    assert problems_of(tcp(GREETING, tls=Tls()), rules=[rule]) == []


def test_more_steps_than_the_bound_are_refused():
    with pytest.raises(ConfigurationError, match="dialogue"):
        tcp(*[GREETING] * (DIALOGUE_STEPS_MAX + 1))


def test_no_text_that_is_sent_is_shown():
    probe = tcp(
        {"send": "PASS hunter2", "expect": "^ok", "starttls": True},
        tls=Tls(key_password="hunter3", certificate_file="c"),  # noqa: S106
    )

    assert repr(probe) == (
        "Tcp('h', 1, send=None, expect=None, dialogue=(DialogueStep(send=***, expect='^ok', starttls=True),), "
        "tls=Tls(certificate_file='c', key_password=***))"
    )


def test_a_dialogue_reads_its_answers_with_and_without_a_condition():
    asked = Expectations()(Target(id="a", tcp=tcp(GREETING), expect=["[BODY] == 220*"]))

    assert asked.asked_of(tcp(GREETING)) == tcp(GREETING)


DOCUMENT = """
defaults: {expect: ["[CERTIFICATE_EXPIRATION] > 48h", "[BODY] == *", "[RESPONSE_TIME] < 500"]}
targets:
  - {id: clear, tcp: {host: h, port: 1}}
  - {id: told, tcp: {host: h, port: 1, dialogue: [{expect: "^220"}]}}
  - {id: tls, tcp: {host: h, port: 1, tls: {}}}
  - {id: later, tcp: {host: h, port: 1, dialogue: [{expect: "^220", starttls: true}]}}
"""


def test_a_target_takes_the_default_conditions_that_it_can_be_judged_by(tmp_path):
    examined = examine(DOCUMENT, None, folder=tmp_path)

    assert not examined.faults
    found = [len(target.expect) for target in examined.configuration.targets]
    assert found == [1, 2, 2, 3]


@pytest.mark.parametrize(
    "kind",
    ["tcp: {host: h, port: 1, tls: {ca_file: ca.pem}}", "tls: {host: h, port: 1, tls: {ca_file: ca.pem}}"],
)
def test_an_authority_is_found_from_the_folder_of_the_configuration(tmp_path, kind):
    text = "targets: [{id: a, " + kind + "}]"
    examined = examine(text, None, folder=tmp_path, looks_at_files=False)

    assert examined.configuration.targets[0].probe.tls.ca_file == str(tmp_path / "ca.pem")
    assert "cannot be used: No such file" in str(examine(text, None, folder=tmp_path).faults)
