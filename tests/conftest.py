"""What holds for every test: the machine may be busy with others, so no single example has a deadline of its own."""

from hypothesis import settings

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
