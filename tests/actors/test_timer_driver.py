"""The one alarm of a supervisor: set for the earliest timer, and anew only where it would ring too late."""

import pytest
from watchkeeper.actors.supervisor.timer_driver import TimerDriver


class Alarms(list):
    """The alarms that were set: each with its time, and whether it was cancelled."""

    def __call__(self, at_ns, callback):
        self.append(Alarm(at_ns, callback))
        return self[-1]

    def armed(self):
        return [alarm.at_ns for alarm in self if not alarm.cancelled]


class Alarm:
    def __init__(self, at_ns, callback):
        self.at_ns, self.callback, self.cancelled = at_ns, callback, False

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def alarms():
    return Alarms()


@pytest.fixture
def woken():
    return []


@pytest.fixture
def driver(alarms, woken):
    return TimerDriver(alarms, woken.append)


def test_without_a_timer_there_is_no_alarm(driver, alarms):
    driver.rearm()
    assert (alarms, driver.overdue_ns(1_000)) == ([], None)


def test_the_alarm_is_for_the_earliest_timer(driver, alarms, woken):
    for key, at_ns in (("a", 50), ("b", 30), ("c", 40)):
        driver.timers.arm(key, at_ns)
        driver.rearm()
    assert ([alarm.at_ns for alarm in alarms], alarms.armed()) == ([50, 30], [30])
    alarms[-1].callback()
    assert woken == [30]


def test_an_alarm_that_is_no_later_than_the_earliest_timer_stays(driver, alarms):
    driver.timers.arm("a", 30)
    driver.rearm()
    driver.rearm()
    driver.timers.cancel("a")
    driver.rearm()
    driver.timers.arm("b", 40)
    driver.rearm()
    assert len(alarms) == 1
    assert alarms.armed() == [30]


def test_after_a_ring_the_alarm_is_set_anew(driver, alarms):
    driver.timers.arm("a", 30)
    driver.timers.arm("b", 40)
    driver.rearm()
    assert list(driver.due(30)) == [("a", 30)]
    driver.rearm()
    assert [alarm.at_ns for alarm in alarms] == [30, 40]
    assert not alarms[0].cancelled


def test_an_alarm_that_is_too_early_is_put_off_once_nothing_needs_it(driver, alarms):
    driver.timers.arm("a", 90)
    driver.rearm(at_most_ns=50)
    assert alarms.armed() == [50]
    driver.relax()
    driver.relax()
    assert (alarms.armed(), len(alarms)) == ([90], 2)


def test_nothing_is_put_off_where_no_timer_is_armed_or_no_alarm_is_set(driver, alarms):
    driver.relax()
    driver.rearm(at_most_ns=50)
    driver.relax()
    assert alarms.armed() == [50]
    driver.stop()
    driver.timers.arm("a", 90)
    driver.relax()
    assert alarms.armed() == []


@pytest.mark.parametrize(("now_ns", "overdue"), [(29, None), (30, None), (31, 30)])
def test_an_alarm_is_overdue_once_its_moment_has_passed_until_it_has_rung(driver, now_ns, overdue):
    driver.timers.arm("a", 30)
    driver.rearm()
    assert driver.overdue_ns(now_ns) == overdue
    assert list(driver.due(now_ns)) == ([("a", 30)] if now_ns >= 30 else [])
    assert driver.overdue_ns(now_ns) is None


def test_a_stop_cancels_the_alarm_until_it_is_set_again(driver, alarms):
    driver.stop()
    driver.timers.arm("a", 30)
    driver.rearm()
    driver.stop()
    driver.stop()
    assert (alarms.armed(), driver.overdue_ns(31)) == ([], None)
    driver.rearm()
    assert alarms.armed() == [30]
