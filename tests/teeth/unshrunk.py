"""A pytest plugin for runs that only ask whether a test fails: hypothesis does not look for the smallest example."""

from hypothesis import Phase, settings

settings.register_profile("unshrunk", phases=(Phase.explicit, Phase.generate), database=None)
settings.load_profile("unshrunk")
