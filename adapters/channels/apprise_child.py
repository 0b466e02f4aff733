"""One notice to the services of Apprise, in a process of its own: `python -m watchkeeper.adapters.channels.apprise_child`.

Reads what to send from standard input, where no other user of the machine sees the URLs, writes what became of it to standard
output, and ends. Apprise keeps one pool of threads for a whole process, which six receivers that drip fill up; here they take
their own process with them. Nothing of watchkeeper is used but this file.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    """Sends once; each service's result stands under the number of its URL."""
    asked = json.load(sys.stdin)
    sys.stdout.write(json.dumps(send(asked)))
    sys.stdout.flush()
    # Not by the usual end, which waits for threads: a receiver that drips would hold it up.
    os._exit(0)


def send(asked: dict[str, Any]) -> list[dict[str, str]]:
    """Returns what became of a notice at each URL: `success`, `failure`, `timeout` or `unread`, with a line about it."""
    import apprise

    asset = apprise.AppriseAsset(
        app_id="watchkeeper", app_desc="watchkeeper", http_redirects=False, secure_logging=True
    )
    services = apprise.Apprise(asset=asset)
    found = [{"status": "unread", "says": "Apprise cannot read this URL"} for _ in asked["urls"]]
    for number, url in enumerate(asked["urls"]):
        if services.add(url, tag=f"url{number}"):
            found[number] = {"status": "timeout", "says": ""}
    result = services.notify(
        body=asked["body"],
        title=asked["title"],
        notify_type=asked["type"],
        body_format="text",
        timeout=asked["timeout_s"],
    )
    for service in result:
        number = int(next(tag for tag in service.tag if tag.startswith("url")).removeprefix("url"))
        said = [entry.message for entry in service.logs()]
        found[number] = {"status": service.status.name.lower(), "says": said[-1] if said else "it failed"}
    return found


if __name__ == "__main__":
    main()
