"""Fuzzed resources never crash the reader and never vanish uncounted; the fast way equals the reference."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from salus.core.evidence import Timeline
from salus.record import fhir, intake, sheets
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.record.columns import Vocabulary
from salus.record.fhir_decode import Near, read
from tests.conftest import IN_SOAK

# A make soak draws ten thousand; every other run a share of them.
MANY = settings(max_examples=10_000 if IN_SOAK else 400)
SOME = settings(max_examples=300 if IN_SOAK else 15)

KINDS = ["Observation", "Patient", "Condition", "Encounter", "MedicationRequest", "MedicationAdministration",
         "MedicationDispense", "MedicationStatement", "Procedure", "Immunization", "AllergyIntolerance",
         "DiagnosticReport", "Specimen", "List", "FamilyMemberHistory", "Goal", "CarePlan", "Coverage",
         "Task", "Practitioner", "Medication", "Bundle", "Nonsense", ""]  # fmt: skip
words = st.text(max_size=8) | st.sampled_from(
    ["http://loinc.org", "8867-4", "final", "entered-in-error", "masked"]
)
UCUM = st.just("http://unitsofmeasure.org")
codings = st.fixed_dictionaries({}, optional={"system": words, "code": words, "display": words})
concepts = st.fixed_dictionaries({}, optional={"coding": st.lists(codings, max_size=2), "text": words})
dates = st.sampled_from(
    ["2024", "2024-02", "2024-02-30", "2024-02-03", "2024-02-03T04:05:06Z", "2024-02-03T04:05:06.789+05:30",
     "2024-02-03T04:05:06", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "", "soon"]
)  # fmt: skip
periods = st.fixed_dictionaries({}, optional={"start": dates, "end": dates})
units = words | st.sampled_from(["mg/dL", "mmol/L", "/min", "beats/minute", "[degF]", "Cel"])
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**30), 10**30)
quantities = st.fixed_dictionaries(
    {},
    optional={"value": numbers, "unit": units, "system": UCUM, "code": units, "comparator": words},
)
references = st.fixed_dictionaries(
    {},
    optional={
        "reference": st.sampled_from(["Patient/p", "Patient/q", "urn:uuid:1", "#x", "Group/g", ""]) | words
    },
)
drugs = st.fixed_dictionaries(
    {},
    optional={
        "reference": st.sampled_from(["Medication/m", "https://a.example/Medication/m", "#x", ""]) | words,
        "display": words,
    },
)
ended = st.fixed_dictionaries({}, optional={"dischargeDisposition": concepts, "admitSource": concepts})
anything = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
values = {
    "valueQuantity": quantities, "valueString": words, "valueBoolean": st.booleans(),
    "valueInteger": st.integers(),
    "valueCodeableConcept": concepts, "valueTime": words, "valueDateTime": dates, "valuePeriod": periods,
    "valueRange": st.fixed_dictionaries({}, optional={"low": quantities, "high": quantities}),
    "valueRatio": st.fixed_dictionaries({}, optional={"numerator": quantities, "denominator": quantities}),
    "dataAbsentReason": concepts, "code": concepts,
}  # fmt: skip
inner = st.fixed_dictionaries({"resourceType": st.sampled_from(KINDS)}, optional=values)
elements: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(["1", "2", "a-b"]) | words,
    "status": st.sampled_from(["final", "active", "entered-in-error"]),
    "subject": references, "patient": references, "issued": dates, "effectiveDateTime": dates,
    "effectivePeriod": periods, "effectiveTiming": anything,
    "onsetDateTime": dates, "recordedDate": dates, "abatementDateTime": dates, "clinicalStatus": concepts,
    "verificationStatus": concepts, "period": periods, "class": codings,
    "type": st.lists(concepts, max_size=2),
    "medicationCodeableConcept": concepts, "medicationReference": drugs, "authoredOn": dates,
    "performedDateTime": dates, "performedPeriod": periods, "vaccineCode": concepts,
    "occurrenceDateTime": dates,
    "birthDate": dates, "deceasedDateTime": dates, "deceasedBoolean": st.booleans(), "gender": words,
    "dosage": st.fixed_dictionaries({}, optional={"dose": quantities}), "collection": anything,
    "component": st.lists(st.fixed_dictionaries({}, optional=values), max_size=2),
    "doNotPerform": st.booleans(), "intent": st.sampled_from(["order", "plan", "proposal", "option"]),
    "modifierExtension": anything, "implicitRules": words, "emptyReason": concepts, "condition": anything,
    "contained": st.lists(inner, max_size=2), "hospitalization": ended | anything,
    "name": anything, "identifier": anything, "link": anything, "wholly-unknown": anything, **values,
}  # fmt: skip
shaped = st.fixed_dictionaries({"resourceType": st.sampled_from(KINDS)}, optional=elements)
# Now and then one element has a shape that the standard does not know.
bent = st.builds(
    lambda one, key, wrong: {**one, key: wrong}, shaped, st.sampled_from(sorted(elements)), anything
)
plain = st.builds(
    lambda kind, at, code, number: {
        "resourceType": kind, "id": str(number), "status": "final", "subject": {"reference": "Patient/p"},
        "patient": {"reference": "Patient/p"}, "code": code, "effectiveDateTime": at, "performedDateTime": at,
        "authoredOn": at, "vaccineCode": code, "medicationCodeableConcept": code, "valueInteger": number,
    },
    st.sampled_from(KINDS), st.sampled_from(["2024", "2024-02-03T04:05:06Z"]),
    st.just({"coding": [{"system": "http://loinc.org", "code": "1"}]}), st.integers(0, 5),
)  # fmt: skip
resources = plain | shaped | bent
# What begins so is a packed file, and damaged as a whole.
PACKED = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")
broken = st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b""))


def raw_of(one: Any) -> bytes:
    return one if isinstance(one, bytes) else json.dumps(one).encode()


@MANY
@given(resources)
def test_a_fuzzed_resource_is_counted_once_and_told_without_its_values(one: dict[str, Any]) -> None:
    timelines, account = fhir.bundle(raw_of({"resourceType": "Bundle", "entry": [{"resource": one}]}), "fuzz")
    assert account.resources == 1
    assert account.unaccounted() == 0
    assert sum(map(len, timelines)) <= account.events
    for timeline in timelines:
        assert timeline == Timeline.of(timeline.subject, reversed(timeline.events))
        assert all(event.status != "entered-in-error" for event in timeline)


@MANY
@given(broken)
def test_fuzzed_bytes_never_crash_the_reader(raw: bytes) -> None:
    _, account = fhir.bundle(raw, "fuzz")
    assert account.unaccounted() == 0


# What a sheet takes, so that little of it is left to the reference decoder.
days = st.sampled_from(
    ["2024", "2024-02", "2024-02-03", "2024-02-03T04:05:06Z", "2024-02-04T09:00:00.5+05:30"]
)
spans = st.fixed_dictionaries({}, optional={"start": days, "end": days})
coded = st.fixed_dictionaries(
    {"coding": st.lists(st.builds(dict, system=words, code=st.sampled_from("ab")), min_size=1, max_size=2)},
    optional={"text": words},
)
DATED = ("effectiveDateTime", "issued", "onsetDateTime", "recordedDate", "abatementDateTime", "authoredOn",
         "performedDateTime", "occurrenceDateTime", "recorded", "dateAsserted", "whenHandedOver",
         "whenPrepared", "effectiveInstant")  # fmt: skip
CODED = ("code", "type", "vaccineCode", "medicationCodeableConcept")
SPANS = ("effectivePeriod", "onsetPeriod", "abatementPeriod", "period", "performedPeriod")
whole = st.builds(
    lambda known, *more: {"id": "1", "status": "final", "subject": {"reference": "Patient/p"}}
    | {name: each for part in (known, *more) for name, each in part.items()},
    st.fixed_dictionaries(dict.fromkeys(CODED, coded)),
    st.fixed_dictionaries({}, optional=dict.fromkeys(DATED, days) | dict.fromkeys(SPANS, spans)),
    st.fixed_dictionaries({}, optional={name: drawn for name, drawn in values.items() if name != "code"}),
    st.fixed_dictionaries(
        {},
        optional={
            "class": codings, "conclusionCode": concepts, "clinicalStatus": concepts, "intent": words,
            "verificationStatus": concepts, "doNotPerform": st.booleans(), "component": elements["component"],
            "medicationReference": drugs, "dosage": elements["dosage"], "focus": anything,
            "effectiveTiming": st.fixed_dictionaries({}, optional={"event": st.lists(days, max_size=3)}),
            "hospitalization": ended | st.none(),
            "collection": st.fixed_dictionaries(
                {}, optional={"collectedDateTime": days, "collectedPeriod": spans}
            ),
        },
    ),
)  # fmt: skip


@MANY
@given(st.sampled_from(sorted(sheets.SHEETS)), st.lists(whole, min_size=1, max_size=3))
def test_a_sheet_says_what_the_reference_decoder_says(kind: str, drawn: list[dict[str, Any]]) -> None:
    raws = [json.dumps({**one, "resourceType": kind}).encode() for one in drawn]
    vocabulary = Vocabulary()
    try:
        taken = sheets.sheet(kind, raws, sheets.Words(vocabulary), {"Patient/p": 7})
    except sheets.NOT_PLAIN:
        event("left to the reference decoder")
        return
    said = list(vocabulary)
    of, codes, *columns = taken.made.of, *taken.made[:-1]
    for at, place in enumerate(taken.places):
        rows = [
            (said[code], time, end, known, *value, status, taken.sources[at])
            for one, code, time, end, known, value, status in zip(of, codes, *columns, strict=True)
            if one == at
        ]
        assert rows == list(read(raws[place], kind, Near())[3])


observations = st.builds(
    lambda one, more: {**one, "resourceType": "Observation", **more},
    whole,
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from(["1", "2", "3"]), "status": st.sampled_from(["entered-in-error", None]),
            "meta": st.just({"versionId": "2"}), "contained": st.just([]), "component": st.just(None),
            "subject": st.sampled_from([{"reference": "Patient/q"}, {"reference": "urn:uuid:1"}]),
        },
    ),
)  # fmt: skip
urls = st.sampled_from(["", "urn:uuid:1", "https://ehr.example/fhir/Observation/1"])


@MANY
@given(st.lists(st.tuples(urls, observations | observations | plain), max_size=6))
def test_a_prefetch_read_at_once_says_what_the_reference_decoder_says(drawn: list[Any]) -> None:
    entries = [{"fullUrl": url, "resource": one} for url, one in drawn]
    raw = raw_of({"vital-signs": {"resourceType": "Bundle", "entry": entries}})
    timeline, account = fhir.prefetch(raw, "Patient/p", "prefetch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fhir, "_at_once", lambda raws, servers: {})
        told, counted = fhir.prefetch(raw, "Patient/p", "prefetch")
    event(f"at once: {len(fhir._at_once([raw_of(one) for _, one in drawn], Near())) > 0}")
    assert timeline == told
    assert account.as_json() | {"cpu_seconds": 0} == counted.as_json() | {"cpu_seconds": 0}


@SOME
@given(st.lists(resources | broken, max_size=25))
def test_a_fuzzed_export_is_accounted_for_and_both_ways_agree(drawn: list[Any]) -> None:
    lines = [raw_of(one) for one in drawn]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "x.ndjson"
        place.write_bytes(b"\n".join(lines))
        assume(not place.read_bytes().startswith(PACKED))
        fast = read_place(str(place), Path(folder) / "fast")
        assert fast.unaccounted() == 0
        text = place.read_bytes().removeprefix(b"\xef\xbb\xbf")
        # Where no line ends in LF, lines end in CR.
        ended = text if b"\n" in text else text.replace(b"\r", b"\n")
        lined = sum(1 for line in ended.split(b"\n") if line.strip())
        bundles = [one for one in drawn if isinstance(one, dict) and one.get("resourceType") == "Bundle"]
        assert bundles or fast.resources == lined
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(intake, "SHEETS", {})
            slow = read_place(str(place), Path(folder) / "slow")
        assert slow.counts() == fast.counts()
        assert slow.rejected == fast.rejected
        left, right = Archive.open(Path(folder) / "fast"), Archive.open(Path(folder) / "slow")
        assert left.subjects() == right.subjects()
        for subject in left.subjects():
            assert left.timeline(subject) == right.timeline(subject)
