"""A model's status, from the first day: who made it live, when and why."""
