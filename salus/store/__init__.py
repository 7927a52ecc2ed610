"""State at rest: SQLite or PostgreSQL behind one small interface, and the ledger."""
