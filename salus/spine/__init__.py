"""The one path, one file a verb: read, consult, review."""
