"""A job that reports for itself: its silence, or its own word that it failed, opens an incident."""

from watchkeeper import Consecutive, Heartbeat, IncidentChanged, Runtime, Target

BACKUP = Target(
    id="backup",
    every="200ms",  # "24h" for a nightly job
    heartbeat=Heartbeat(grace="100ms"),
    rules=(Consecutive(id="missed", after=1, recover=1),),
)


def main() -> None:
    with Runtime(targets=[BACKUP]) as runtime, runtime.subscribe() as events:
        runtime.heartbeat("backup", detail="12 GB written")
        # The job is silent for longer than `every` and `grace`: an incident opens.
        while not isinstance(event := events.get(10), IncidentChanged):
            pass
        print(f"{event.incident.change.value}: {event.incident.summary()}")
        # The next report resolves it; `ok=False` would say that the job ran and failed.
        runtime.heartbeat("backup")
        while not isinstance(event := events.get(10), IncidentChanged):
            pass
        print(event.incident.change.value)


if __name__ == "__main__":
    main()
