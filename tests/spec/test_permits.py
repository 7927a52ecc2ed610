"""What a set of Permits means, paragraph by paragraph of decision 0018."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from salus.core.consent import DIRECT_CARE, MACHINE, QUALITY, RESEARCH, TRAINING, Actor, Grant, Permit
from salus.core.errors import EvidenceError, RefusedError
from salus.core.evidence import Event
from salus.privacy.labels import labels_of
from salus.privacy.permits import Both, in_force, rule
from salus.privacy.profiles import profile, shipped

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
EARLIER, HOUR = NOW - timedelta(days=30), timedelta(hours=1)
DOCTOR = Actor("Practitioner/7", "clinician", "", ("Organization/3",))
PARENT = Actor("RelatedPerson/1", "proxy")
GDPR = profile("gdpr")
HEART = Event(("LOINC/8867-4",), NOW, source="Observation/1")
ALCOHOL = Event(("ICD10CM/F10.20",), EARLIER, source="Condition/2")
PILL = Event(("ATC/G03AA07",), NOW, source="MedicationRequest/3")


def permit(effect: str = "permit", *purposes: str, **said: object) -> Permit:
    return replace(Permit("Patient/1", effect, purposes or (DIRECT_CARE,)), **said)  # type: ignore[arg-type]


def shows(permits, event=HEART, purpose=DIRECT_CARE, actor=DOCTOR, grants=(), by=GDPR, **more) -> bool:
    return rule(permits, grants, by, actor, purpose, NOW, **more).shows(event)


# --- 1. matching -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        ({}, True),
        ({"actors": ("Practitioner/7",)}, True),
        ({"actors": ("Practitioner/8",)}, False),
        ({"actors": ("Practitioner/8", "Organization/3")}, True),
        ({"actors": ("role:clinician",)}, True),
        ({"actors": ("role:researcher",)}, False),
        ({"scope": ("class:Condition",)}, True),
        ({"scope": ("class:Observation",)}, False),
        ({"scope": ("class:Observation", "class:Condition")}, True),
        ({"scope": ("class:Observation", "label:SUD")}, False),
        ({"scope": ("class:Condition", "label:SUD")}, True),
        ({"scope": ("code:ICD10CM/F1020",)}, True),
        ({"scope": ("code:ICD10CM/F11.20",)}, False),
        ({"scope": ("data:Condition/2",)}, True),
        ({"scope": ("data:Condition/3",)}, False),
        ({"scope": ("label:R",)}, True),
        ({"scope": ("label:V",)}, False),
        ({"data_period": (EARLIER, EARLIER)}, True),
        ({"data_period": (EARLIER + HOUR, None)}, False),
        ({"valid_period": (NOW, NOW)}, True),
        ({"valid_period": (NOW + HOUR, None)}, False),
        ({"valid_period": (None, NOW - HOUR)}, False),
        ({"purposes": ()}, True),
        ({"purposes": (RESEARCH,)}, False),
    ],
)
def test_a_denial_closes_what_it_matches(said, closed):
    assert shows([permit("deny", **said)], ALCOHOL) is not closed


def test_what_has_no_time_is_denied_by_a_data_period_and_not_permitted_by_one():
    undated, period = replace(HEART, time=None), (EARLIER, None)
    assert not shows([permit("deny", data_period=period)], undated)
    assert not shows([permit("permit", RESEARCH, data_period=period)], undated, RESEARCH)
    assert shows([permit("permit", RESEARCH, data_period=period)], HEART, RESEARCH)


def test_a_permission_is_up_to_a_level_of_confidentiality_and_a_denial_from_it_on():
    very = replace(HEART, labels=("V",))
    for event, open_to_r in ((HEART, True), (ALCOHOL, True), (very, False)):
        assert shows([permit("permit", RESEARCH, scope=("label:R",))], event, RESEARCH) is open_to_r
    assert shows([permit("deny", scope=("label:R",))], HEART)
    assert not shows([permit("deny", scope=("label:R",))], very)


def test_a_label_that_the_resource_itself_carries_counts_as_one_of_its_codes_would():
    marked = replace(HEART, labels=("ETHUD",))
    assert not shows([permit("deny", scope=("label:SUD",))], marked)


def test_what_a_resource_contains_is_denied_with_it():
    inside = replace(HEART, source="Observation/DiagnosticReport-9-a")
    assert not shows([permit("deny", scope=("data:DiagnosticReport/9",))], inside)
    assert not shows([permit("permit", RESEARCH, scope=("data:DiagnosticReport/9",))], inside, RESEARCH)


@pytest.mark.parametrize("value", ["ICD10CM/F10.20", "alcoholic liver disease"])
def test_what_an_answer_says_counts_as_what_was_asked(value):
    told = Event(("LOINC/75326-9",), NOW, value=value, source="Observation/5")
    assert not shows([permit("deny", scope=("label:SUD",))], told)
    assert shows([permit("deny", scope=("label:SUD",))], replace(told, value="none known"))


# --- 2. within one permit --------------------------------------------------------------------------


def test_the_deepest_exception_that_matches_decides():
    inner = permit("permit", scope=("code:ICD10CM/F10.20",))
    outer = permit("deny", scope=("label:SUD",), exceptions=(inner,))
    whole = permit("permit", exceptions=(outer,))
    assert shows([whole], ALCOHOL)
    assert not shows([whole], replace(ALCOHOL, codes=("ICD10CM/F11.20",)))
    assert shows([whole], HEART)


def test_of_exceptions_side_by_side_a_denial_beats_a_permission():
    both = (permit("permit", scope=("class:Condition",)), permit("deny", scope=("label:SUD",)))
    assert not shows([permit("permit", exceptions=both)], ALCOHOL)


def test_an_exception_counts_only_where_what_it_is_of_matches():
    denied = permit("deny", scope=("label:SUD",))
    assert shows([permit("permit", RESEARCH, exceptions=(denied,))], ALCOHOL)


# --- 3. what nobody can evaluate -------------------------------------------------------------------

DOUBTS = [
    {"unknown": ("modifierExtension",)},
    {"actors": ("role:wizard",)},
    {"actors": ("unknown:actor",)},
    {"scope": ("label:urn:x|y",)},
    {"scope": ("class:urn:x|y",)},
    {"scope": ("unknown:data",)},
]


@pytest.mark.parametrize("said", DOUBTS)
def test_a_condition_that_nobody_can_evaluate_permits_nothing_and_denies_all(said):
    assert not shows([permit("permit", RESEARCH, **said)], HEART, RESEARCH)
    assert not shows([permit("deny", **said)])


def test_an_unknown_purpose_permits_nothing_and_denies_all():
    assert not shows([permit("permit", "urn:x|y")], HEART, RESEARCH)
    assert not shows([permit("deny", "urn:x|y")])
    # Payment is known, and none of ours; research in a trial is a part of research.
    assert shows([permit("deny", "ActReason/HPAYMT")])
    said = [permit("permit", RESEARCH), permit("deny", "ActReason/CLINTRCH")]
    assert not shows(said, HEART, RESEARCH)


@pytest.mark.parametrize("said", DOUBTS)
def test_below_a_doubt_only_denials_count(said):
    denied, permitted = permit("deny", scope=("label:SUD",)), permit("permit", scope=("label:SUD",))
    assert not shows([permit("permit", exceptions=(denied,), **said)], ALCOHOL)
    assert shows([permit("permit", exceptions=(denied,), **said)], HEART)
    assert not shows([permit("deny", exceptions=(permitted,), **said)], ALCOHOL)


def test_a_permission_that_nobody_can_evaluate_takes_no_denials_place():
    said = [permit("deny", at=EARLIER), permit("permit", at=NOW, unknown=("modifierExtension",))]
    assert not shows(said)


# --- 4. between permits ----------------------------------------------------------------------------


def test_a_later_word_of_the_same_key_takes_the_earlier_ones_place():
    no, yes = permit("deny", at=EARLIER, recorded=1), permit("permit", at=NOW, recorded=2)
    assert not shows([no])
    assert shows([no, yes]) and shows([yes, no])
    assert not shows([replace(no, at=NOW - HOUR), replace(yes, at=NOW - 2 * HOUR)])


def test_what_is_dated_ahead_permits_nothing_and_can_be_withdrawn():
    ahead = permit("permit", RESEARCH, at=NOW + HOUR, recorded=1)
    assert not shows([ahead], HEART, RESEARCH)
    assert not shows([ahead, permit("deny", RESEARCH, at=NOW, recorded=2)], HEART, RESEARCH)
    assert not shows([permit("permit", at=NOW), permit("deny", at=NOW + HOUR)])


def test_of_one_instant_the_one_recorded_later_stands():
    no, yes = permit("deny", at=NOW, recorded=2), permit("permit", at=NOW, recorded=1)
    assert not shows([no, yes])
    assert shows([replace(no, recorded=0), yes])


def test_each_purpose_is_a_statement_of_its_own():
    every = permit("permit", RESEARCH, TRAINING, at=EARLIER)
    withdrawn = permit("deny", TRAINING, at=NOW)
    assert shows([every, withdrawn], HEART, RESEARCH)
    assert not shows([every, withdrawn], HEART, TRAINING)
    assert not shows([replace(every, purposes=()), withdrawn], HEART, TRAINING)
    assert shows([replace(every, purposes=()), withdrawn], HEART, RESEARCH)


def test_words_of_another_key_stand_side_by_side_and_a_denial_wins():
    wide, narrow = permit("deny", at=EARLIER), permit("permit", at=NOW, actors=("Practitioner/7",))
    assert not shows([wide, narrow])


def test_what_is_outside_its_period_takes_no_place():
    no = permit("deny", at=EARLIER)
    assert not shows([no, permit("permit", at=NOW, valid_period=(None, EARLIER))])


@pytest.mark.parametrize("status", ["draft", "proposed"])
def test_what_is_only_proposed_is_not_in_force_and_takes_no_place(status):
    no = permit("deny", id="c1", recorded=1)
    assert not shows([no, replace(no, effect="permit", status=status, recorded=2)])
    assert not shows([permit("permit", RESEARCH, status=status)], HEART, RESEARCH)


@pytest.mark.parametrize("status", ["inactive", "entered-in-error", "rejected"])
def test_a_version_that_is_not_active_withdraws_the_one_before(status):
    given = permit("permit", RESEARCH, id="c1", recorded=1, at=EARLIER)
    over = replace(given, status=status, recorded=2)
    assert shows([given], HEART, RESEARCH)
    assert not shows([given, over], HEART, RESEARCH)
    assert in_force([given, over], NOW) == ()
    assert in_force([given, replace(over, id="c2")], NOW) == (given,)


def test_a_new_version_of_a_consent_stands_for_the_whole_of_it():
    wide = permit("permit", RESEARCH, TRAINING, id="c1", recorded=1)
    narrow = replace(wide, purposes=(RESEARCH,), recorded=2)
    assert not shows([wide, narrow], HEART, TRAINING)


# --- 5. profiles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "open_for"),
    [
        ("gdpr", {DIRECT_CARE, MACHINE}),
        ("hipaa", {DIRECT_CARE, MACHINE, QUALITY}),
        ("opt-in", {DIRECT_CARE}),
    ],
)
def test_where_nobody_said_anything_the_profile_holds(name, open_for):
    by = profile(name)
    assert {one for one in by.defaults if shows([], HEART, one, by=by)} == open_for
    assert all(one.basis for one in by.defaults.values())


def test_every_shipped_profile_names_a_clause_on_each_line():
    assert shipped() == ("gdpr", "hipaa", "opt-in")
    for name in shipped():
        found = profile(name)
        assert all(len(one.basis) > 15 for one in (*found.closed, *found.defaults.values(), *found.proxies))


def test_records_of_a_substance_use_programme_wait_for_a_consent_that_names_them():
    hipaa, marked = profile("hipaa"), replace(ALCOHOL, labels=("42CFRPart2",))
    assert shows([], ALCOHOL, by=hipaa)
    assert not shows([], marked, by=hipaa)
    assert not shows([permit()], marked, by=hipaa)
    assert shows([permit(scope=("label:42CFRPart2",))], marked, by=hipaa)
    notes = replace(HEART, labels=("PSYTHPN",))
    assert not shows([permit()], notes, by=hipaa)


def test_a_young_persons_confidential_care_is_closed_to_a_parent_and_opened_by_the_patient_alone():
    child, teen, adult = date(2020, 1, 1), date(2011, 1, 31), date(2008, 1, 31)
    assert shows([], PILL, actor=PARENT, born=child)
    assert not shows([], PILL, actor=PARENT, born=teen)
    assert shows([], HEART, actor=PARENT, born=teen)
    assert shows([], PILL, born=teen)
    assert shows([], PILL, actor=PARENT, born=adult)
    assert not shows([], PILL, actor=PARENT), "nobody knows the age"
    said = permit(scope=("label:SEX",), given_by="Patient/1")
    assert shows([said], PILL, actor=PARENT, born=teen)
    assert not shows([replace(said, given_by="RelatedPerson/1")], PILL, actor=PARENT, born=teen)
    assert not shows([permit(given_by="Patient/1")], PILL, actor=PARENT, born=teen)


def test_a_permit_that_names_one_label_leaves_another_closed():
    both = replace(PILL, labels=("HIV",))
    said = permit(scope=("label:SEX",), given_by="Patient/1")
    assert not shows([said], both, actor=PARENT, born=date(2011, 1, 31))


def test_who_may_act_for_whom():
    assert GDPR.may_act("parent", 17) and not GDPR.may_act("parent", 18) and not GDPR.may_act("parent", None)
    assert GDPR.may_act("carer", None) and not GDPR.may_act("neighbour", 10)


# --- 6. break-glass --------------------------------------------------------------------------------

GRANT = Grant("Practitioner/7", "Patient/1", "unconscious, no history", NOW - HOUR, NOW + HOUR)


def test_a_grant_opens_direct_care_to_the_one_who_asked_for_it():
    no = permit("deny")
    assert shows([no], grants=[GRANT])
    assert not shows([no], grants=[GRANT], actor=Actor("Practitioner/8"))
    assert not shows([no], grants=[GRANT], actor=replace(DOCTOR, role="researcher"))
    assert not shows([permit("deny", MACHINE)], HEART, MACHINE, grants=[GRANT])
    assert not shows([], HEART, RESEARCH, grants=[GRANT])


def test_a_standing_denial_holds_all_the_same():
    standing = permit("deny", scope=("label:SUD",), standing=True)
    assert not shows([permit("deny"), standing], ALCOHOL, grants=[GRANT])
    assert shows([permit("deny"), standing], HEART, grants=[GRANT])


@pytest.mark.parametrize("hours", [(-5, 100), (-4, 100), (-2, 0), (1, 2)])
def test_a_grant_is_over_after_four_hours_at_the_latest(hours):
    since, until = (NOW + one * HOUR for one in hours)
    assert not shows([permit("deny")], grants=[replace(GRANT, since=since, until=until)])


def test_a_grant_opens_what_a_profile_closes():
    marked = replace(ALCOHOL, labels=("42CFRPart2",))
    assert shows([], marked, by=profile("hipaa"), grants=[GRANT])


def test_a_grant_needs_a_reason_and_a_time_zone():
    with pytest.raises(EvidenceError, match="reason"):
        replace(GRANT, reason=" ")
    with pytest.raises(EvidenceError, match="time zone"):
        replace(GRANT, since=datetime(2026, 1, 1))


# --- the rule itself -------------------------------------------------------------------------------


def test_a_machine_speaks_where_both_are_permitted():
    said = [permit("deny", MACHINE, scope=("label:SUD",))]
    both = Both(*(rule(said, [], GDPR, DOCTOR, one, NOW) for one in (DIRECT_CARE, MACHINE)))
    assert both.shows(HEART) and not both.shows(ALCOHOL)
    shut = rule([permit("deny", MACHINE)], [], GDPR, DOCTOR, MACHINE, NOW)
    assert Both(rule([], [], GDPR, DOCTOR, DIRECT_CARE, NOW), shut).constant is False


def test_a_rule_without_scope_or_period_is_one_answer():
    constant = [rule(one, [], GDPR, DOCTOR, DIRECT_CARE, NOW).constant for one in ([], [permit("deny")])]
    assert constant == [True, False]
    assert rule([permit("deny", scope=("label:SUD",))], [], GDPR, DOCTOR, DIRECT_CARE, NOW).constant is None


def test_what_is_no_request_is_refused():
    with pytest.raises(RefusedError, match=r"There is no purpose 'reserch'\. There are: research"):
        rule([], [], GDPR, DOCTOR, "reserch", NOW)
    with pytest.raises(RefusedError, match="time zone"):
        rule([], [], GDPR, DOCTOR, DIRECT_CARE, datetime(2026, 1, 1))
    with pytest.raises(EvidenceError, match="effect"):
        Permit("Patient/1", "allow")


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("ICD10CM/B20", "HIV"), ("ICD9CM/042", "HIV"), ("ATC/J05AR10", "HIV"), ("RxNorm/68244", "HIV"),
        ("text/Lamivudine 150 MG", "HIV"), ("ICD10CM/F1020", "ETHUD"), ("ICD10/F11.2", "OPIOIDUD"),
        ("ICD9CM/304.30", "SUD"), ("ICD10CM/F33.1", "PSY"), ("ATC/N06AB04", "PSY"),
        ("LOINC/44261-6", "PSY"), ("SNOMED/77386006", "SEX"), ("ICD10CM/O80", "SEX"),
        ("ICD10CM/A54.00", "STD"), ("ICD10/Q90.9", "GDIS"), ("MolecularSequence", "GDIS"),
        ("ICD10CM/T74.11XA", "SDV"), ("ICD10CM/F84.0", "DVD"),
    ],
)  # fmt: skip
def test_a_code_brings_its_label_with_what_is_broader(code, label):
    found = labels_of((code,))
    assert label in found and "R" in found
    assert "BH" in found or label not in ("ETHUD", "OPIOIDUD", "SUD", "PSY", "DVD")


@pytest.mark.parametrize(
    "code",
    ["LOINC/8867-4", "ICD10CM/I10", "ICD10CM/F17.210", "ICD9CM/305.1", "ICD9CM/995.86", "text/Aspirin 81 mg",
     "ICD9CM/55.69", "urn:x|F10", "|F10", "SNOMED/F10"],
)  # fmt: skip
def test_other_codes_bring_none(code):
    assert labels_of((code,)) == frozenset()
