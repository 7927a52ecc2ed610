"""A data set's terms of use (GA4GH DUO) against what somebody wants to do with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from salus.core.errors import EvidenceError
from salus.privacy.duo import Request, terms, unmet, use

STUDY = Request("health", frozenset({"MONDO:0005015"}), for_profit=False, commercial=False)


def missed(said: str, request: Request = STUDY) -> tuple[str, ...]:
    return tuple(one.partition(":")[0] for one in unmet([use(one) for one in said.split()], request))


@pytest.mark.parametrize(
    ("said", "change", "unmet_terms"),
    [
        ("NRES", {}, ()),
        ("GRU", {"purpose": "ancestry"}, ()),
        ("GRU", {"purpose": "care"}, ("GRU",)),
        ("GRU CC", {"purpose": "care"}, ()),
        ("HMB", {}, ()),
        ("HMB", {"purpose": "other"}, ("HMB",)),
        ("HMB", {"purpose": "ancestry"}, ("HMB",)),
        ("DS=MONDO:0005015,MONDO:0004979", {}, ()),
        ("DS=MONDO:0004979", {}, ("DS",)),
        ("DS=MONDO:0005015", {"diseases": frozenset({"MONDO:0005015", "MONDO:1"})}, ("DS",)),
        ("DS=MONDO:0005015", {"diseases": frozenset()}, ("DS",)),
        ("DS", {}, ("DS",)),
        ("POA", {}, ("POA",)),
        ("POA", {"purpose": "ancestry"}, ()),
        ("GRU NPOA", {"purpose": "ancestry"}, ("NPOA",)),
        ("GRU NPU", {"for_profit": True}, ("NPU",)),
        ("GRU NCU", {"commercial": True}, ("NCU",)),
        ("GRU NPUNCU", {"commercial": True}, ("NPUNCU",)),
        ("GRU NPU NCU NPUNCU", {}, ()),
        ("GRU IRB", {}, ("IRB",)),
        ("GRU IRB COL PUB RTN", {}, ("IRB", "COL", "PUB", "RTN")),
        ("GRU IRB COL", {"ethics_approval": True, "collaborates": True}, ()),
        ("GRU NMDS", {"methods": True}, ("NMDS",)),
        ("GRU GSO", {}, ("GSO",)),
        ("GRU GS=DE,FR", {"region": "FR"}, ()),
        ("GRU GS=DE,FR", {"region": "US"}, ("GS",)),
        ("GRU GS", {"region": "US"}, ("GS",)),
        ("GRU US=maria PS=p1 IS=charite RS=paediatric", {}, ("US", "PS", "IS", "RS")),
        ("GRU US=maria", {"user": "maria"}, ()),
        ("GRU TS=2026-12-31", {"until": date(2026, 12, 31)}, ()),
        ("GRU TS=2026-12-31", {"until": date(2027, 1, 1)}, ("TS",)),
        ("GRU TS=2026-12-31", {}, ("TS",)),
        ("GRU MOR=2026-12-31", {}, ()),
        ("GRU MOR=2026-12-31", {"publishes": True}, ("MOR",)),
        ("GRU MOR=2026-12-31", {"publishes": True, "publishes_from": date(2027, 1, 1)}, ()),
        ("DUO:0000042 DUO:0000021", {}, ("IRB",)),
        ("IRB", {"ethics_approval": True}, ("no permission",)),
        ("", {}, ("no permission",)),
    ],
)
def test_a_request_is_held_against_every_term(said, change, unmet_terms):
    assert missed(said, replace(STUDY, **change)) == unmet_terms


def test_what_a_request_does_not_say_is_taken_against_it():
    assert missed("GRU NPU NCU IRB", Request("health")) == ("NPU", "NCU", "IRB")


def test_a_term_that_is_none_and_a_day_that_is_none_are_refused():
    with pytest.raises(EvidenceError, match=r"'GRO' is no DUO term\. There are: GSO, GRU"):
        use("GRO")
    with pytest.raises(EvidenceError, match="TS needs a day"):
        use("TS=12 months")


def test_the_table_names_each_term_once():
    assert len({one.id for one in terms().values()}) == 23
    assert {one.kind for one in terms().values()} == {"permission", "modifier"}
