"""The lines that a test has logged."""

LEFT_BEHIND = ("never retrieved", "was destroyed but it is pending")


def records(caplog):
    """The records of a test, without those by which asyncio reports what an earlier test has left to the garbage collector."""
    return [
        record
        for record in caplog.records
        if record.name != "asyncio" or not any(words in record.getMessage() for words in LEFT_BEHIND)
    ]


def messages(caplog):
    """Their texts."""
    return [record.getMessage() for record in records(caplog)]
