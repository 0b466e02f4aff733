"""A job that reports for itself: a run that fails or does not end, and silence, open an incident."""

from watchkeeper import Heartbeat, IncidentChanged, Runtime, Subscription, Target

BACKUP = Target(
    id="backup",
    # Every night at three in Berlin, within an hour; a run that takes over two hours hangs.
    heartbeat=Heartbeat(schedule="0 3 * * *", zone="Europe/Berlin", grace="1h", run_max="2h"),
)
IMPORT = Target(
    id="import",
    every="200ms",  # "24h" for a job that runs once a day, at any time
    heartbeat=Heartbeat(grace="100ms"),
)


def next_change(events: Subscription) -> str:
    while not isinstance(event := events.get(10), IncidentChanged):
        pass
    return f"{event.incident.change.value}: {event.incident.summary()}"


def main() -> None:
    with Runtime(targets=[BACKUP]) as runtime, runtime.subscribe() as events:
        # The start and the end of a block are reported; an exception and an exit status other than 0 make it a failed run.
        with runtime.job("backup") as run:
            run.exit_status = 3
        print(next_change(events).partition(" after ")[0])
        runtime.heartbeat("backup", start=True, run="night-2")
        runtime.heartbeat("backup", run="night-2", detail="12 GB written")
        print(next_change(events).partition(":")[0])
    with Runtime(targets=[IMPORT]) as runtime, runtime.subscribe() as events:
        # The job is silent for longer than `every` and `grace`: an incident opens.
        print(next_change(events))


if __name__ == "__main__":
    main()
