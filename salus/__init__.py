"""Salus: read evidence, open a view by consent, ask a model, get an Insight, let a person review it, write it down."""

__version__ = "0.1.0"
