"""A scope is never granted beyond what was asked, nor beyond what the client is registered for."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from salus.delivery.smart_scopes import READ, SEARCH, granted, parse_scopes, permits

KINDS = ("RiskAssessment", "Observation", "AuditEvent")
ACTS = ("r", "s", "rs", "cruds", "cud")
ODD = ("patient/*.rs", "user/*.rs", "system/*.read", "system/*.sr", "system/*", "launch", "*")
WORDS = st.lists(
    st.one_of(
        st.builds("system/{}.{}".format, st.sampled_from(("*", *KINDS)), st.sampled_from(ACTS)),
        st.sampled_from(ODD),
        st.text(max_size=12),
    ),
    max_size=6,
).map(" ".join)


def opened(text: str) -> set[tuple[str, str]]:
    """Return what a text of scopes opens, word by word from the specification's grammar."""
    found = set()
    for word in text.split():
        for kind, act in product(KINDS, (READ, SEARCH)):
            context, slash, rest = word.partition("/")
            named, dot, may = rest.partition(".")
            in_order = may and set(may) <= set("cruds") and list(may) == sorted(set(may), key="cruds".index)
            if context == "system" and slash and dot and in_order and named in ("*", kind) and act in may:
                found.add((kind, act))
    return found


@given(WORDS, WORDS)
def test_what_is_granted_is_what_both_sides_open(asked: str, allowed: str) -> None:
    given_ = granted(parse_scopes(asked), parse_scopes(allowed))
    found = {(kind, act) for kind, act in product(KINDS, (READ, SEARCH)) if permits(given_, kind, act)}
    assert found == opened(asked) & opened(allowed)
    again = parse_scopes(" ".join(map(str, given_)))
    assert set(again) == set(given_), "what a client is told is what it has"
