"""The tables of the store, for both back ends; `migrations/` makes them, a test holds the two together.

Moments are text in UTC with microseconds (`ledger.moment`): the same in SQLite and PostgreSQL, and sorted by
time. `n` counts in the order of writing and is what paging goes by.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

# The newest migration; a store that says more was written by a newer Salus.
SCHEMA = "0008"

COUNTER = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

entry = Table(
    "entry",
    metadata,
    Column("seq", COUNTER, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("did", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
)

# Apart from the chain, so that salt and content can be erased while the chain still verifies. `content`: what
# the entry was about, for deeds that leave no row of their own (`ledger.KEPT`).
opening = Table(
    "opening",
    metadata,
    Column("seq", COUNTER, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=True),
    Column("kind", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("content", Text, nullable=True),
    Index("opening_by_record", "kind", "record_id"),
)

insight = Table(
    "insight",
    metadata,
    Column("n", COUNTER, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("as_of", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("stale_since", Text, nullable=True),
    Column("stale_seq", COUNTER, ForeignKey("entry.seq"), nullable=True),
    Index("insight_by_subject", "subject", "n"),
    Index("insight_by_model", "model", "n"),
)

insight_source = Table(
    "insight_source",
    metadata,
    Column("source", Text, primary_key=True),
    Column("insight", Text, ForeignKey("insight.id"), primary_key=True),
    Index("insight_source_by_insight", "insight"),
)

review = Table(
    "review",
    metadata,
    Column("n", COUNTER, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("insight", Text, ForeignKey("insight.id"), nullable=False, index=True),
    Column("subject", Text, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("told_patient", Boolean, nullable=False),
)

hook_card = Table(
    "hook_card",
    metadata,
    Column("uuid", Text, primary_key=True),
    Column("insight", Text, ForeignKey("insight.id"), nullable=False),
    Column("user", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("seq", COUNTER, ForeignKey("entry.seq"), nullable=True),
    Column("client", Text, nullable=True),
    Index("hook_card_by_entry", "seq"),
)

status = Table(
    "status",
    metadata,
    Column("seq", COUNTER, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("model", Text, nullable=False, index=True),
    Column("version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

# What a site trained itself, whole, under the SHA-256 of its bytes; "adopt" entries say which one is used.
artefact = Table(
    "artefact",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("document", LargeBinary, nullable=False),
)

# Full tiles of the ledger's tree (`salus.store.tiles`), a cache that nobody trusts. `root` stands before
# the 8 kB of `hashes`, so that it is read without them.
tile = Table(
    "tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("n", COUNTER, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# Single-use tokens of clients, by a hash, until they expire by themselves (seconds since 1970).
used_token = Table(
    "used_token",
    metadata,
    Column("token", Text, primary_key=True),
    Column("until", BigInteger, nullable=False),
)

# Who may sign in. `about`: whose records a patient or proxy may see, with periods, as JSON. `password`: an
# Argon2id hash in PHC form; `first_until`: set while it is a one-time password, which ends then.
account = Table(
    "account",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("person", Text, nullable=True),
    Column("about", Text, nullable=False),
    Column("issuer", Text, nullable=True),
    Column("password", Text, nullable=True),
    Column("first_until", Text, nullable=True),
    Column("made_at", Text, nullable=False),
    Column("closed_at", Text, nullable=True),
)

# The seed of an authenticator app; without `confirmed_at` it is offered and not yet asked for. `last_step`:
# the last time step of which a code was taken, so that none is taken twice.
factor = Table(
    "factor",
    metadata,
    Column("account", Text, ForeignKey("account.name"), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("confirmed_at", Text, nullable=True),
    Column("last_step", BigInteger, nullable=False),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
)

# By the SHA-256 of the token that the browser holds; the token itself is kept nowhere.
session = Table(
    "session",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("account", Text, ForeignKey("account.name"), nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("seen", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("agent", Text, nullable=False),
)

# How often sign-in failed, by a keyed hash of the name or the address: what was typed is kept nowhere.
attempt = Table(
    "attempt",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last", Text, nullable=False),
    Column("until", Text, nullable=False),
)
