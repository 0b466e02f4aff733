"""watchkeeper: polls targets on time, judges samples by rules, tells people exactly as often as it should."""

__version__ = "0.1.0"
