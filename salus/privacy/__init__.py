"""Permits and the gate: the only maker of a View."""
