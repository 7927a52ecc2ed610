"""A pytest plugin that ships: conformance suites for sources, models and channels."""
