"""Functions that targets and channels name: a missing one is reported, and none is kept for ever."""

import gc
import weakref

import pytest
from msgspec.structs import replace
from watchkeeper import Call, Channel, Configuration, ConfigurationError, Runtime, Target, UsageError
from watchkeeper.domain.specification.channel import CallChannel

QUEUE = Target(id="queue", every="1h", call=Call(name="queue_depth"))
MISSPELT = Target(id="misspelt", every="1h", call=Call(name="queue_dpth"))
FUNCTIONS = {"queue_depth": lambda: 1}
SAID = r"call\.name: no function is named 'queue_dpth', did you mean queue_depth \(pass it in `callables`"


def start(runtime):
    with runtime:
        pass


def test_a_missing_function_is_reported_at_the_start():
    start(Runtime(targets=[QUEUE], callables=FUNCTIONS))
    channel = Channel(id="ops", call=CallChannel(name="inbx"))
    runtime = Runtime(targets=[QUEUE, MISSPELT], channels=[channel], callables=FUNCTIONS)
    with pytest.raises(ConfigurationError, match=rf"targets\[1\]\.{SAID}") as refused:
        runtime.start()
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "channels[0].call.name",
        "targets[1].call.name",
    ]


def test_a_missing_function_is_reported_at_once_when_tracked():
    runtime = Runtime(callables=FUNCTIONS)
    runtime.track(QUEUE)
    for begin in (lambda: None, runtime.start):
        begin()
        with pytest.raises(ConfigurationError, match=f"target 'misspelt': {SAID}"):
            runtime.track(MISSPELT)
    assert [target.id for target in runtime.status().targets] == ["queue"]
    runtime.stop()


def test_a_missing_function_at_a_reload_keeps_the_running_configuration():
    with Runtime(targets=[QUEUE], callables=FUNCTIONS) as runtime:
        with pytest.raises(ConfigurationError, match=SAID):
            runtime.reload(Configuration(targets=(QUEUE, MISSPELT)))
        assert [target.id for target in runtime.status().targets] == ["queue"]


def test_a_missing_function_is_reported_for_a_file_too(tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text("targets: [{id: queue, call: {name: queue_dpth}}]")
    with pytest.raises(ConfigurationError, match=SAID):
        Runtime.from_config(path, callables=FUNCTIONS).start()


def test_every_mistake_of_a_target_is_reported_at_once():
    wrong = Target(id="x", every="1h", call=Call(name="nobody"), notify=("ops",))
    with pytest.raises(ConfigurationError) as refused:
        Runtime().track(wrong)
    assert len(refused.value.problems) == 2


CALL = Call(name=" ")


@pytest.mark.parametrize("probe", ["queue_depth", replace(CALL, name=5), replace(CALL, name=["x"]), CALL])
def test_a_call_that_is_none_is_a_problem_and_no_crash(probe):
    target = replace(Target(id="x", every="1h", call=CALL), call=probe)
    for refuse in (lambda: Runtime(targets=[target]).start(), lambda: Runtime().track(target)):
        with pytest.raises(ConfigurationError) as refused:
            refuse()
        assert len(refused.value.problems) == 1


def test_a_target_may_call_a_function_that_is_given_later():
    """The targets given to the constructor are validated at the start: a check may come in between."""
    runtime = Runtime(targets=[Target(id="other", every="1h", call=Call(name="depth"))])
    runtime.check("depth", every="1h")(lambda: 1)
    start(runtime)


def test_a_check_does_not_take_the_place_of_a_function_that_a_channel_calls():
    channel = Channel(id="ops", call=CallChannel(name="inbox"))
    with Runtime(channels=[channel], callables={"inbox": lambda notice: None}) as runtime:
        with pytest.raises(ConfigurationError, match=r"'inbox': `callables` has a function of this name"):
            runtime.check("inbox", every="1h")(lambda: 1)
        assert runtime.status().targets == ()


def test_a_decorator_without_a_name_is_refused():
    runtime = Runtime()
    with pytest.raises(UsageError, match=r'a check has a name: write `@runtime\.check\("name"\)`'):

        @runtime.check
        def depth():
            return 1


@pytest.mark.parametrize("begin", [lambda runtime: None, Runtime.start])
@pytest.mark.parametrize("first", ["checked", "tracked"])
def test_a_check_does_not_take_the_place_of_a_watched_target(first, begin):
    runtime = Runtime(callables=FUNCTIONS)
    begin(runtime)
    if first == "checked":
        runtime.check("queue", every="1h")(lambda: 1)
    else:
        runtime.track(QUEUE)
    with pytest.raises(ConfigurationError, match=r"target 'queue': is watched already: .* untrack\(\) first"):
        runtime.check("queue", every="1h")(lambda: False)
    runtime.untrack("queue")
    runtime.check("queue", every="1h")(lambda: False)
    runtime.stop()


def test_a_value_that_cannot_be_called_is_no_check():
    runtime = Runtime()
    with pytest.raises(UsageError, match=r"check 'z' is no function: int cannot be called"):
        runtime.check("z", every="1h")(5)
    assert repr(runtime) == "<Runtime stopped: 0 targets, 0 channels>"
    with pytest.raises(UsageError, match=r"callables\['depth'\] is no function: int cannot be called"):
        Runtime(callables={"depth": 5})


def test_a_check_that_is_gone_leaves_no_function_behind():
    def depth():
        return 1

    runtime, held = Runtime(callables=FUNCTIONS), weakref.ref(depth)
    runtime.check("job", every="1h")(depth)
    del depth
    assert held() is not None
    runtime.untrack("job")
    gc.collect()
    assert held() is None
    runtime.track(QUEUE)
    runtime.untrack("queue")
    runtime.track(QUEUE)


@pytest.mark.parametrize(
    "other",
    [
        {"targets": [Target(id="other", every="1h", call=Call(name="depth"))]},
        {"channels": [Channel(id="other", call=CallChannel(name="depth"))]},
    ],
)
def test_a_function_that_others_call_stays_when_its_check_goes(other):
    runtime = Runtime(**other)
    runtime.check("depth", every="1h")(lambda: 1)
    runtime.untrack("depth")
    start(runtime)
