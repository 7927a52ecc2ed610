"""Whether a model may speak here: its status, who gave it, and what makes that hold."""
