"""Reading: the status, the incidents and the attempts when asked for, and events as they happen."""

from watchkeeper import Consecutive, IncidentChanged, Runtime, Status, Target, Tcp

DATABASE = Target(
    id="database",
    every="200ms",
    tcp=Tcp(host="127.0.0.1", port=1),  # nothing listens there
    rules=(Consecutive(id="down", after=2),),
)


def main() -> None:
    with Runtime(targets=[DATABASE]) as runtime, runtime.subscribe() as events:
        while not isinstance(event := events.get(10), IncidentChanged):
            pass
        runtime.acknowledge(event.incident.id, "otto")
        while not isinstance(event := events.get(10), IncidentChanged):
            pass
        print(f"{event.incident.change.value} by {event.incident.acknowledged_by}")

        status = runtime.status()
        (database,) = status.targets
        print(f"healthy: {status.healthy}, problems: {len(status.problems)}")
        print(f"{database.id}: {database.status.value}, down: {database.status is Status.DOWN}")
        for attempt in runtime.attempts("database")[-1:]:
            print(f"newest attempt: {attempt.outcome}, {attempt.state.value}")
        for incident in runtime.incidents(open_only=True):
            print(f"{incident.target}/{incident.rule} {incident.severity.value}: {incident.reason}")


if __name__ == "__main__":
    main()
