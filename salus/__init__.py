"""Salus: read evidence, open a view by consent, ask a model, get an Insight, review it, write it down."""

__version__ = "0.1.0"
