"""What a Permit says, its Consent says, and the reverse; and no Consent, however odd, breaks the reader."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from salus.core.consent import PURPOSES, Permit
from salus.core.errors import EvidenceError
from salus.privacy.consent_fhir import permit_of
from salus.privacy.consent_fhir_write import consent_of
from salus.privacy.permit_words import permit_from, sentence, spelled

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
SUBJECT = "Patient/1"
_moments = st.none() | st.integers(-(10**9), 10**9).map(lambda more: NOW + timedelta(microseconds=more * 997))
_periods = st.tuples(_moments, _moments)


def some(*words: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(words), unique=True, max_size=3).map(tuple)


_purposes = some(*PURPOSES.values(), "ActReason/ETREAT", "urn:x|y", "|nameless")
_actors = some(
    "Practitioner/7", "https://b.example/fhir/Practitioner/7", "cli:maria", "role:proxy", "unknown:actor"
)
_scopes = some(
    "class:Condition", "class:http://x|odd", "code:ICD10CM/F10.20", "code:|7", "code:text/Warfarin 3 mg",
    "code:urn:x|7", "label:SUD", "label:R", "label:42CFRPart2", "label:urn:x|y", "data:Observation/2",
    "unknown:data", "odd",
)  # fmt: skip


def provisions(inner: st.SearchStrategy[tuple[Permit, ...]]) -> st.SearchStrategy[Permit]:
    return st.builds(
        Permit,
        st.just(SUBJECT),
        st.sampled_from(["permit", "deny", ""]),
        _purposes,
        _actors,
        _scopes,
        _periods,
        _periods,
        exceptions=inner,
        unknown=some("modifierExtension", "element else"),
        standing=st.booleans(),
    )


_flat = provisions(st.just(()))
_nested = provisions(st.lists(_flat, max_size=2).map(tuple))
_permits = st.builds(
    lambda root, name, status, basis, by, at: replace(
        root, id=name, status=status, basis=basis, given_by=by, at=at
    ),
    provisions(st.lists(_nested, max_size=3).map(tuple)),
    st.sampled_from(["", "c1"]),
    st.sampled_from(["active", "inactive", "draft"]),
    st.sampled_from(["", "GDPR Art. 9(2)(a)"]),
    st.sampled_from(["", SUBJECT, "RelatedPerson/2"]),
    _moments,
)


def in_order(permit: Permit) -> Permit:
    """Words in one order: a Consent keeps those of a kind together."""
    return replace(
        permit,
        actors=tuple(sorted(permit.actors)),
        scope=tuple(sorted(permit.scope)),
        unknown=tuple(sorted(permit.unknown)),
        exceptions=tuple(in_order(one) for one in permit.exceptions),
    )


@settings(max_examples=400, deadline=None)
@given(_permits)
def test_a_consent_says_all_that_a_permit_says(permit: Permit):
    sent = json.loads(json.dumps(consent_of(permit)))
    assert in_order(permit_of(sent)) == in_order(permit)


@settings(max_examples=200, deadline=None)
@given(_permits)
def test_a_permit_is_kept_without_loss(permit: Permit):
    assert permit_from(json.loads(json.dumps(spelled(permit)))) == permit
    assert sentence(permit).endswith(".")


_names = st.sampled_from([
    "type", "provision", "actor", "role", "coding", "code", "purpose", "period", "start", "reference", "data",
    "securityLabel", "system", "extension", "modifierExtension", "url", "x",
])  # fmt: skip
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["permit", "2026"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(_json, _json, _json)
def test_whatever_comes_is_read_or_refused_in_words(provision: object, rule: object, other: object):
    whose = {"resourceType": "Consent", "status": "active", "patient": {"reference": "Patient/secret-1"}}
    told = {**whose, "provision": provision, "policyRule": rule, "performer": other, "dateTime": "2026-01-31"}
    try:
        permit_of(told)
    except EvidenceError as error:
        assert str(error).startswith("Consent.")
        assert "secret" not in str(error)
