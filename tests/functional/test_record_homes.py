"""Two servers' patients with one id never become one subject in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salus import spine
from salus.cli import main
from salus.core.consent import Actor
from salus.core.errors import RefusedError
from salus.record import manifest
from salus.record.archive import Archive
from salus.record.bulk import read_place
from salus.record.fhir_reasons import ANOTHER_SERVERS
from salus.record.server import read_server
from tests.functional.test_record_server import CAPABLE, PATIENT, Fake, bundle, fake, observation

__all__ = ["fake"]
A, B = "https://a.example/fhir", "https://b.example/fhir"
WHO = Actor("Practitioner/7")


def patient(given: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": given, **more}


def heart_rate(given: str, whose: str = "Patient/1") -> dict[str, Any]:
    return {**observation(1), "id": given, "subject": {"reference": whose}}


def a_bundle(base: str, *resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.fixture
def place(tmp_path: Path) -> Any:
    count = iter(range(100))

    def write(*resources: dict[str, Any], name: str = "") -> str:
        path = tmp_path / (name or f"in-{next(count)}.ndjson")
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(one) + "\n" for one in resources))
        return str(path if not name else path.parent)

    return write


def servers(archive: Path) -> list[str]:
    found = manifest.load(archive)
    assert found is not None
    return found.servers


def untouched(archive: Path, evidence: set[str]) -> None:
    """Nothing of a refused read is there, not in part and not beside what was there."""
    found = manifest.load(archive)
    assert found is not None and found.generation == 1
    assert {one.source for one in Archive.open(archive).timeline("Patient/1")} == evidence
    assert [one.name for one in archive.glob("gen-*")] == [found.folder]
    assert len(list((archive / "raw").iterdir())) == 1


def test_bundles_of_two_servers_are_not_mixed(place: Any, tmp_path: Path) -> None:
    archive = tmp_path / "x"
    read_place(place(a_bundle(A, patient(), heart_rate("h1"))), archive)
    assert servers(archive) == [A]
    with pytest.raises(RefusedError) as refused:
        read_place(place(a_bundle(B, patient(), heart_rate("h2"))), archive)
    assert A in str(refused.value) and B in str(refused.value)
    assert "--archive" in str(refused.value) and "--same-ids" in str(refused.value)
    untouched(archive, {"Patient/1", "Observation/h1"})
    read_place(place(a_bundle(A, heart_rate("h3"))), archive)
    read_place(place(a_bundle(A.replace("https", "HTTP"), heart_rate("h4"))), archive)
    assert servers(archive) == [A]


def test_a_shared_index_of_patients_is_said_by_whoever_reads(place: Any, tmp_path: Path) -> None:
    archive = tmp_path / "x"
    read_place(place(a_bundle(A, patient(), heart_rate("h1"))), archive)
    read_place(place(a_bundle(B, patient(), heart_rate("h2"))), archive, same_ids=True)
    assert servers(archive) == [A, B]
    # From then on both are known.
    read_place(place(a_bundle(B, heart_rate("h3"))), archive)
    assert len(Archive.open(archive).timeline("Patient/1")) == 4


def test_in_one_read_another_servers_resources_are_rejects(place: Any, tmp_path: Path) -> None:
    both = place(a_bundle(A, patient(), heart_rate("h1")), a_bundle(B, patient(), heart_rate("h2")))
    account = read_place(both, tmp_path / "x")
    assert (account.resources, account.unaccounted()) == (4, 0)
    assert [one.reason for one in account.rejected] == [ANOTHER_SERVERS] * 2
    assert {one.source for one in Archive.open(tmp_path / "x").timeline("1")} == {
        "Patient/1",
        "Observation/h1",
    }


def test_a_context_of_another_server_is_no_patients_id(place: Any, tmp_path: Path) -> None:
    both = a_bundle(A, patient(), heart_rate("h1"))
    ward = a_bundle("https://directory.example", {"resourceType": "Organization", "id": "1"})
    read_place(place(both, ward), tmp_path / "x")
    assert servers(tmp_path / "x") == [A]


@pytest.mark.parametrize("kind", ["Observation", "Flag"])
def test_an_absolute_reference_to_another_servers_patient(place: Any, tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "x"
    read_place(place(a_bundle(A, patient(), heart_rate("h1"))), archive)
    told = heart_rate("h2", f"{B}/Patient/1")
    flag = {"resourceType": "Flag", "id": "f", "status": "active", "code": {"text": "x"}}
    other = told if kind == "Observation" else {**flag, "subject": told["subject"]}
    account = read_place(place(other, heart_rate("h3")), archive)
    assert [(one.line, one.reason) for one in account.rejected] == [(1, ANOTHER_SERVERS)]
    found = {one.source for one in Archive.open(archive).timeline("Patient/1")}
    assert found == {"Patient/1", "Observation/h1", "Observation/h3"}


def test_a_bulk_export_says_by_its_manifest_where_it_is_from(place: Any, tmp_path: Path) -> None:
    def export(base: str, name: str, request: str) -> str:
        told = {"transactionTime": "2026-01-01T00:00:00Z", "request": f"{base}/{request}", "output": []}
        place(told, name=f"{name}/manifest.json")
        return str(place(patient(), heart_rate(name), name=f"{name}/all.ndjson"))

    archive = tmp_path / "x"
    account = read_place(export(A, "one", "Group/7/$export?_type=Patient"), archive)
    assert (account.resources, account.rejected) == (2, [])
    assert account.notes == ["passed over: manifest.json (the export's own manifest)"]
    read_place(export(A, "two", "$export"), archive)
    with pytest.raises(RefusedError, match=r"b\.example"):
        read_place(export(B, "three", "Patient/$export"), archive)
    assert servers(archive) == [A]


def test_another_live_server_is_refused_before_it_is_asked_for_anyone(fake: Fake, tmp_path: Path) -> None:
    archive = tmp_path / "x"
    fake.says("/fhir/metadata", CAPABLE)
    fake.says("/fhir/Patient", bundle(PATIENT))
    fake.says("/fhir/Observation", bundle(observation(1)))
    read_server(fake.base, archive)
    assert servers(archive) == [fake.base]
    other = fake.base.replace("/fhir", "/other")
    fake.says("/other/metadata", CAPABLE)
    fake.asked.clear()
    with pytest.raises(RefusedError, match="/other"):
        read_server(other, archive)
    assert fake.asked == ["/other/metadata"]
    read_server(fake.base + "/", archive)
    assert servers(archive) == [fake.base]


def test_what_a_live_server_calls_itself_is_no_other_server(fake: Fake, tmp_path: Path) -> None:
    inside = "http://fhir-node-3:8080/r4"
    fake.says("/fhir/Patient", a_bundle(inside, PATIENT))
    fake.says("/fhir/Observation", a_bundle(inside, heart_rate("1", f"{inside}/Patient/p")))
    read_server(fake.base, tmp_path / "x")
    assert servers(tmp_path / "x") == [fake.base]
    assert len(Archive.open(tmp_path / "x").timeline("Patient/p")) == 2


def test_an_export_that_does_not_say_leaves_the_server_open(place: Any, tmp_path: Path) -> None:
    archive = tmp_path / "x"
    read_place(place(patient(), heart_rate("h1")), archive)
    read_place(place(a_bundle(A, heart_rate("h2"))), archive)
    assert servers(archive) == ["", A]
    found = manifest.load(archive)
    assert found is not None and found.server == ""
    with pytest.raises(RefusedError, match=r"b\.example"):
        read_place(place(a_bundle(B, heart_rate("h3"))), archive)


ANNA = patient(birthDate="1950-02-03", gender="female", name=[{"family": "Berg", "given": ["Anna"]}])
OTTO = patient(birthDate="1981-11-30", gender="male", name=[{"family": "Lind", "given": ["Otto"]}])


def mrn(one: dict[str, Any], value: str, system: str = "urn:mrn") -> dict[str, Any]:
    return {**one, "identifier": [{"system": system, "value": value}]}


@pytest.mark.parametrize(
    ("stands", "comes", "differs"),
    [
        (ANNA, OTTO, "another birth date and another family name"),
        (ANNA, {**ANNA, "birthDate": "1981-11-30", "gender": "male"}, "birth date and another gender"),
        (mrn(ANNA, "1"), mrn(OTTO, "2"), "another birth date and another family name"),
        (mrn(patient(gender="male"), "1"), mrn(patient(gender="male"), "2"), "other identifiers"),
        (mrn(ANNA, "1"), mrn({**ANNA, "name": [{"text": "Berta Berg"}]}, "2"), "other identifiers"),
        (patient(birthDate="1950", name=[{"text": "Berg, Anna"}]),
         patient(birthDate="1981", name=[{"text": "Otto Lind"}]), "another family name"),
    ],
)  # fmt: skip
def test_a_patient_who_is_somebody_else_is_refused_by_place(
    place: Any, tmp_path: Path, stands: Any, comes: Any, differs: str
) -> None:
    archive = tmp_path / "x"
    read_place(place(stands, heart_rate("h1")), archive)
    theirs = place(heart_rate("h2"), comes)
    with pytest.raises(RefusedError, match=differs) as refused:
        read_place(theirs, archive)
    assert f"{Path(theirs).name}:2: " in str(refused.value)
    for value in ("Berg", "Lind", "1950", "1981", "Patient/1"):
        assert value not in str(refused.value)
    untouched(archive, {"Patient/1", "Observation/h1"})
    read_place(theirs, archive, same_ids=True)
    assert len(Archive.open(archive).timeline("Patient/1")) >= 3


@pytest.mark.parametrize(
    "comes",
    [
        {**ANNA, "birthDate": "1950-02-13"},
        {**ANNA, "name": [{"family": "Holm", "given": ["Anna"]}]},
        {**ANNA, "birthDate": "1950", "name": [{"family": "Holm", "given": ["Anna"]}]},
        {
            **ANNA,
            "birthDate": "1951-01-01",
            "name": [{"family": "Holm"}, {"use": "maiden", "family": "BERG"}],
        },
        patient(),
        patient(birthDate="1981-11-30", gender="unknown"),
        mrn(ANNA, "2"),
        mrn(OTTO, "1"),
        mrn(OTTO, "2", "urn:other") | {"birthDate": "1950-02-03"},
    ],
)
def test_a_correction_a_marriage_and_what_says_less_are_new_versions(
    place: Any, tmp_path: Path, comes: dict[str, Any]
) -> None:
    archive = tmp_path / "x"
    read_place(place(mrn(ANNA, "1"), heart_rate("h1")), archive)
    account = read_place(place(comes), archive)
    assert account.changed == ["Patient/1"] and account.unaccounted() == 0


def test_two_people_in_one_folder_are_told_apart(place: Any, tmp_path: Path) -> None:
    place(ANNA, name="both/a.ndjson")
    with pytest.raises(RefusedError, match="the id of somebody else"):
        read_place(place(patient(), OTTO, name="both/b.ndjson"), tmp_path / "x")
    assert manifest.load(tmp_path / "x") is None


def test_what_one_file_says_twice_is_noted_and_refuses_nothing(place: Any, tmp_path: Path) -> None:
    account = read_place(place(ANNA, OTTO, name="one/a.ndjson"), tmp_path / "x")
    assert account.unaccounted() == 0
    (note,) = account.notes
    assert note.startswith("a.ndjson:2: this Patient and another copy of it differ (")


def test_versions_are_held_against_their_neighbours(place: Any, tmp_path: Path) -> None:
    history = [{**ANNA, "meta": {"versionId": "2"}, "birthDate": "1950-02-13"}]
    history.append({**history[0], "meta": {"versionId": "3"}, "name": [{"family": "Holm"}]})
    # Each version is held against its neighbour, whatever order they come in.
    account = read_place(place(history[1], {**ANNA, "meta": {"versionId": "1"}}, history[0]), tmp_path / "x")
    assert account.unaccounted() == 0


def test_the_ledger_keeps_that_the_ids_were_said_to_be_the_same(
    place: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--archive", str(tmp_path / "x"), "--json"]
    assert main(["read", place(a_bundle(A, patient(), heart_rate("h1"))), *where]) == 0
    other = place(a_bundle(B, patient(), heart_rate("h2")))
    assert main(["read", other, *where]) == RefusedError.exit_code
    assert B in capsys.readouterr().err
    assert main(["read", other, "--same-ids", *where]) == 0
    site = spine.open_site(tmp_path / "x")
    told = [site.store.newest("read", "abandon"), site.store.newest("abandon")]
    kept = [found[1] for found in told if found]
    site.close()
    assert [one.get("same_ids") for one in kept] == [True, None]
