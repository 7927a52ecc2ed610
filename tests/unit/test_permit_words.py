"""What a permit says, in one sentence to the patient; and that what is kept and is no permit is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from salus.core.consent import DIRECT_CARE, MACHINE, RESEARCH, TRAINING, Permit
from salus.core.errors import EvidenceError, UserError
from salus.privacy.labels import read as read_labels
from salus.privacy.labels import value_sets
from salus.privacy.permit_words import permit_from, sentence, spelled
from salus.privacy.profiles import profile, read, shipped

YEAR = datetime(2020, 1, 1, tzinfo=UTC)


def permit(effect: str, *purposes: str, **said: Any) -> Permit:
    return Permit("Patient/1", effect, purposes, **said)


HIV = permit("deny", scope=("label:HIV", "label:PSY"))


ALL, HELD = "Everyone whose work it is", "what is held about you"
FROM_2020 = {"actors": ("role:researcher", "Practitioner/7"), "data_period": (YEAR, None), "standing": True}
ODD = {"valid_period": (YEAR, YEAR), "unknown": ("modifierExtension",)}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (permit("permit", DIRECT_CARE), f"{ALL} may use {HELD} for your care."),
        (
            permit("deny", RESEARCH, TRAINING),
            f"{ALL} may not use {HELD} for research or to teach computer models.",
        ),
        (
            permit("deny", MACHINE),
            f"{ALL} may not use {HELD} to let computer models suggest something about you.",
        ),
        (
            permit("permit", exceptions=(HIV,)),
            f"{ALL} may use {HELD} for any purpose, but they may not use what is about HIV and AIDS or "
            "psychiatric disorder.",
        ),
        (
            permit("deny", DIRECT_CARE, scope=("class:Condition",), **FROM_2020),
            "Researchers and Practitioner/7 may not use entries of the type Condition dated from 2020-01-01 "
            "on for your care, not even in an emergency.",
        ),
        (
            permit("permit", "urn:x|y", **ODD),
            f"{ALL} may use {HELD} for a purpose that this system does not know (this counts from "
            "2020-01-01 to 2020-01-01) (with a condition that this system cannot read: it is taken in "
            "the stricter way).",
        ),
        (
            permit("", exceptions=(HIV,)),
            f"{ALL} may not use what is about HIV and AIDS or psychiatric disorder for any purpose.",
        ),
        (permit("deny", status="inactive"), "This no longer counts: it was withdrawn or never took effect."),
    ],
)
def test_a_permit_is_one_sentence(said: Permit, words: str):
    assert sentence(said) == words


@pytest.mark.parametrize("wrong", [None, [], {}, {"effect": "permit"}, "permit"])
def test_what_is_no_permit_is_refused(wrong: object):
    with pytest.raises(EvidenceError, match="kept as a permit is none"):
        permit_from(wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [("effect", "allow"), ("at", "soon"), ("at", "2026-01-01T00:00:00"), ("purposes", "care"),
     ("purposes", [1]),
     ("data_period", ["2026"]), ("exceptions", [{}]), ("recorded", True), ("standing", 1), ("subject", None),
     ("more", 1)],
)  # fmt: skip
def test_a_permit_that_was_spoilt_is_refused(name: str, value: object):
    with pytest.raises(EvidenceError):
        permit_from({**spelled(HIV), name: value})


PURPOSES = ", ".join(
    f'"{one}": {{"effect": "deny", "basis": "our law"}}'
    for one in (
        "direct-care",
        "second-opinion",
        "quality",
        "research",
        "model-training",
        "sharing",
        "machine",
    )
)


LINE = '"labels": ["HIV"], "lifted_by": "label", "basis": "x"'


def closed(line: str) -> str:
    return f', "closed": [{{{line}}}]'


def written(tmp_path: Path, more: str = "", purposes: str = PURPOSES) -> str:
    path = tmp_path / "ours.json"
    path.write_text(f'{{"name": "ours", "title": "Our law", "purposes": {{{purposes}}}{more}}}')
    return str(path)


def test_a_site_brings_its_own_profile(tmp_path: Path):
    found = profile(written(tmp_path, closed(LINE)))
    assert (found.name, found.closed[0].labels, found.closed[0].ages) == ("ours", {"HIV"}, None)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (', "closde": []', r"wrong at \$\.closde: there is: closed"),
        (', "closed": {}', r"wrong at \$\.closed: a list"),
        (closed('"labels": []'), r"wrong at \$\.closed\[0\]\.labels: name at least one"),
        (closed('"labels": ["HIV"], "lifted_by": "me"'), r"\$\.closed\[0\]\.lifted_by: write 'label'"),
        (closed('"labels": ["HIV"], "lifted_by": "label"'), r"\$\.closed\[0\]\.basis: say it in words"),
        (closed(f'{LINE}, "roles": ["proxi"]'), r"\$\.closed\[0\]\.roles: there is: proxy"),
        (closed(f'{LINE}, "ages": [18, 12]'), r"\$\.closed\[0\]\.ages: two whole years"),
        (
            ', "proxies": [{"relationship": "parent", "below": "18", "basis": "x"}]',
            r"\$\.proxies\[0\]\.below: an age",
        ),
    ],
)
def test_a_profile_that_is_wrong_is_refused_with_its_place(tmp_path: Path, more: str, says: str):
    with pytest.raises(EvidenceError, match=says):
        read(Path(written(tmp_path, more)))


@pytest.mark.parametrize(
    ("purposes", "says"),
    [
        (PURPOSES.replace("machine", "machines"), r"\$\.purposes\.machines: there is: machine"),
        (
            PURPOSES.replace('"deny"', '"no"', 1),
            r"\$\.purposes\.direct-care\.effect: write 'permit' or 'deny'",
        ),
        (PURPOSES.replace("our law", " ", 1), r"\$\.purposes\.direct-care\.basis: say it in words"),
        (PURPOSES.partition(", ")[0] + "}", r"is no JSON|is wrong"),
        ("", r"\$\.purposes: say what holds for 'direct-care' too"),
    ],
)
def test_every_purpose_is_said_with_its_basis(tmp_path: Path, purposes: str, says: str):
    with pytest.raises(EvidenceError, match=says):
        read(Path(written(tmp_path, purposes=purposes)))


def test_a_profile_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"There is no profile 'gdrp'\. There are: gdpr"):
        profile("gdrp")
    with pytest.raises(EvidenceError, match="cannot be read"):
        read(tmp_path / "none.json")
    assert {profile(one).name for one in shipped()} == set(shipped())


def test_value_sets_that_are_wrong_are_refused(tmp_path: Path):
    (tmp_path / "x.json").write_text('{"labels": ["HIV"]}')
    with pytest.raises(EvidenceError, match="need exactly: confidentiality, labels"):
        read_labels(tmp_path)
    head = '{"title": "x", "labels": ["HIV"], "confidentiality": "R", "not_covered": "x", "sets": '
    (tmp_path / "x.json").write_text(head + '[{"systems": ["LOINC"], "stems": ["1"], "source": "x"}]}')
    with pytest.raises(EvidenceError, match="no stems of LOINC"):
        read_labels(tmp_path)
    (tmp_path / "x.json").write_text(head + '[{"systems": ["LOINC"], "codes": ["1"]}]}')
    with pytest.raises(EvidenceError, match="'source' is needed"):
        read_labels(tmp_path)


def test_every_label_has_a_title_and_every_loinc_code_its_check_digit():
    sets = value_sets()
    assert sets.made() <= sets.titles.keys()
    for code in (one.removeprefix("LOINC/") for one in sets.exact if one.startswith("LOINC/")):
        number, digit = code.split("-")
        # LOINC Users' Guide, appendix C: modulus 10, doubling every other digit from the right.
        doubled = "".join(
            str(int(one) * (2 if at % 2 == 0 else 1)) for at, one in enumerate(reversed(number))
        )
        assert (10 - sum(map(int, doubled)) % 10) % 10 == int(digit), code


def test_every_snomed_code_has_its_check_digit():
    for code in (one.removeprefix("SNOMED/") for one in value_sets().exact if one.startswith("SNOMED/")):
        assert verhoeff(code), code


def verhoeff(code: str) -> bool:
    """Whether an SCTID ends in its check digit (SNOMED CT Release File Specifications 5.5; Verhoeff 1969)."""
    turned = [[(a + b) % 5 if a < 5 and b < 5 else 0 for b in range(10)] for a in range(10)]
    for a in range(10):
        for b in range(10):
            low, high = a % 5, b % 5
            flips = (a >= 5, b >= 5)
            turned[a][b] = {
                (False, False): (low + high) % 5, (False, True): (low + high) % 5 + 5,
                (True, False): (low - high) % 5 + 5, (True, True): (low - high) % 5,
            }[flips]  # fmt: skip
    steps = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    while len(steps) < 8:
        steps.append([steps[-1][one] for one in steps[1]])
    check = 0
    for at, digit in enumerate(reversed(code)):
        check = turned[check][steps[at % 8][int(digit)]]
    return check == 0
