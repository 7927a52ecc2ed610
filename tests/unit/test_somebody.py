"""Who may act: a name that is seen, all of it; blanks and hidden characters are nobody, at every door."""

from __future__ import annotations

import pytest

from salus.core.consent import Actor, names_somebody
from salus.core.errors import RefusedError
from salus.privacy.gate import refuse_nobody

NOBODY = [
    "", " ", "\t\n", "\u200b", "\u00a0", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u3164", "\u2800", "\u0301",
    "Dr\nB", "Dr\rB", "Dr\x00B", "Dr\x1b[2JB", "Dr\u200bB", "Dr \u202eB", "Dr\u2028B", "Dr\ud800B", None, 7,
]  # fmt: skip
SOMEBODY = [
    "Dr B", "Practitioner/7", "cli:maria", "Zoë O'Neill-Smith", "Dr Z\u0301ak", "王医生", "علی\u200cرضا",
    "ক\u200dষ", "7",
]  # fmt: skip


@pytest.mark.parametrize("name", NOBODY)
def test_what_is_not_seen_is_nobody(name):
    assert not names_somebody(name)
    with pytest.raises(RefusedError, match="Nobody in particular"):
        refuse_nobody(Actor(name))


@pytest.mark.parametrize("name", SOMEBODY)
def test_names_of_people_and_of_clients_are_somebody(name):
    assert names_somebody(name)
    refuse_nobody(Actor(name))
