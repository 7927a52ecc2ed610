"""The Patient page over HTTP: every reason leads into the record, every decision is kept once and by whom."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from salus import spine
from salus.core.consent import WITHHELD, Actor
from tests.browser.ward_site import CLINICIAN, Page, Ward, demonstration, served


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with demonstration(tmp_path_factory.mktemp("patient") / "archive") as found:
        yield found


def form_of(ward: Ward, path: str) -> dict[str, str]:
    """Return the hidden fields of the first review form on a page, and where it goes."""
    return next(dict(form) for form in Page(ward.get(path)).forms if "insight" in form)


def post(ward: Ward, form: dict[str, str], *, headers: dict[str, str] | None = None, **fields: str):
    action = form["action"].partition("#")[0]
    body = {name: value for name, value in form.items() if name != "action"} | fields
    return ward.client.post(action, data=body, headers=headers)


def test_every_link_into_the_page_arrives(ward: Ward) -> None:
    for name, path in ward.patients().items():
        page = Page(ward.get(path))
        assert len(page.ids) == len(set(page.ids)), (name, [x for x in page.ids if page.ids.count(x) > 1])
        assert set(page.jumps) <= set(page.ids), (name, set(page.jumps) - set(page.ids))
        assert set(page.pointed) <= set(page.ids), (name, set(page.pointed) - set(page.ids))


def test_every_reason_in_the_record_is_a_link_to_it(ward: Ward) -> None:
    path = ward.path("Rajesh")
    subject = ward.site.archive.timeline("Patient/ward-04").subject
    text = ward.get(path)
    for insight in spine.consult(ward.site, actor=Actor("test"), subject=subject):
        if not insight.judged:
            continue
        for source in (one for reason in insight.reasons for one in reason.evidence[:1]):
            assert f'href="#{source.replace("/", "-")}"' in text, source


def test_a_risk_is_a_natural_frequency_with_its_interval(ward: Ward) -> None:
    text = ward.get(ward.path("David"))
    assert re.search(r"About \d+ in 100", text)
    assert "no interval published" in text
    assert re.search(r'aria-label="\d+ of 100 people are filled in"', text)
    ranged = ward.get(ward.path("Margaret"))
    assert re.search(r"Between \d+ and \d+ in 100|About \d+ in 100", ranged)


def test_what_could_not_be_answered_says_what_is_missing(ward: Ward) -> None:
    text = ward.get(ward.path("Rajesh"))
    part = text[text.index('id="unanswered"') :]
    assert "Could not be answered" in part and "body mass index" in part


@pytest.mark.parametrize("page", ["patient", "card"])
def test_what_was_measured_is_called_what_it_is_with_its_source(ward: Ward, page: str) -> None:
    """Smith GB et al., Resuscitation 2013;84:465-70, abstract: NEWS, in observation sets, not in people."""
    text = ward.get(ward.path("Rajesh") if page == "patient" else "/models/news2")
    assert "AUROC of NEWS, death within 24 h 0.894 (0.887 to 0.902)" in text
    assert "198,755 observation sets of 35,585 admissions" in text and "198,755 people" not in text
    assert "Smith GB et al., Resuscitation 2013;84:465-70" in text


def test_every_chart_has_its_table(ward: Ward) -> None:
    text = ward.get(ward.path("Rajesh"))
    figures = re.findall(r'<figure class="chart">.*?</figure>', text, re.S)
    assert figures
    for figure in figures:
        drawn, listed = figure.count("<circle"), figure.count("<tr>") - 1
        assert drawn == listed > 1


def test_the_band_of_one_oxygen_scale_is_not_shown_for_the_other(ward: Ward) -> None:
    figures = re.findall(r'<figure class="chart">.*?</figure>', ward.get(ward.path("Margaret")), re.S)
    saturation = next(one for one in figures if "Oxygen saturation" in one)
    assert 'class="band"' not in saturation


def test_a_child_is_shown_no_band_for_adults(ward: Ward) -> None:
    text = ward.get(ward.path("Noah"))
    assert "No live model applies" in text and 'class="chart"' in text
    assert 'class="band"' not in text and "NEWS2 gives no points" not in text


def test_withheld_and_not_sent_read_the_same(ward: Ward) -> None:
    for path in ward.patients().values():
        text = ward.get(path).lower()
        # But for the one line that stands on every page alike.
        assert text.count("withheld") == text.count(WITHHELD.lower()) == 1
        assert "masked" not in text


def test_a_decision_is_recorded_once_and_seen(ward: Ward) -> None:
    path = ward.path("Fatima")
    form = form_of(ward, path)
    before, _ = ward.site.store.head()
    fields = {
        "decision": "overridden",
        "because": "patient-wish",
        "note": "Asked to wait <b>",
        "told_patient": "yes",
    }
    for _ in range(2):
        found = post(ward, form, **fields)
        assert found.status_code == 303
    (kept,) = ward.site.store.reviews(insight=form["insight"])
    assert (kept.by, kept.decision, kept.because) == (CLINICIAN.id, "overridden", "patient-wish")
    assert kept.told_patient and kept.note == "Asked to wait <b>"
    assert [line.did for line in ward.site.store.entries(after=before)].count("review") == 1
    text = ward.get(found.headers["location"])
    assert "Recorded." in text and "Asked to wait &lt;b&gt;" in text and "<b>" not in text
    assert "Dr A. Okafor disagreed" in ward.get("/ward")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"decision": ""}, "Choose what you decided"),
        ({"decision": "maybe"}, "Choose what you decided"),
        ({"decision": "overridden"}, "Choose why you disagree"),
        ({"decision": "overridden", "because": "other", "note": ""}, "Say in a few words"),
        ({"decision": "overridden", "because": "made-up"}, "Choose one of the reasons"),
        ({"decision": "accepted", "because": "evidence-wrong"}, "A reason goes with"),
        ({"decision": "modified", "note": ""}, "Say what you change"),
        ({"decision": "deferred", "note": "x" * 2001}, "Shorten the note"),
    ],
)
def test_a_decision_with_something_missing_comes_back_as_it_was(
    ward: Ward, fields: dict[str, str], says: str
) -> None:
    form = form_of(ward, ward.path("Olga"))
    found = post(ward, form, **{"note": "Kept & safe", **fields})
    assert found.status_code == 422
    assert says in found.text and 'role="alert"' in found.text
    assert "note" in fields or "Kept &amp; safe" in found.text
    assert not ward.site.store.reviews(insight=form["insight"])


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, None),
        ({"Sec-Fetch-Site": "same-site"}, None),
        ({"Origin": "https://evil.example"}, None),
        ({"Origin": "null"}, None),
        ({}, ""),
        ({}, "0.a.b"),
        ({}, "9999999999999999.x.é"),
    ],
)
def test_a_decision_from_elsewhere_is_not_recorded(
    ward: Ward, headers: dict[str, str], token: str | None
) -> None:
    form = form_of(ward, ward.path("Olga"))
    form = form if token is None else {**form, "token": token}
    found = post(ward, form, headers=headers, decision="accepted")
    assert found.status_code == 403
    assert not ward.site.store.reviews(insight=form["insight"])


def test_a_token_of_one_answer_is_no_token_of_another(ward: Ward) -> None:
    mine, other = form_of(ward, ward.path("Olga")), form_of(ward, ward.path("Chidi"))
    assert post(ward, {**mine, "token": other["token"]}, decision="accepted").status_code == 403
    elsewhere = {**other, "action": mine["action"]}
    assert post(ward, elsewhere, decision="accepted").status_code == 400
    assert not ward.site.store.reviews(insight=other["insight"])


def test_an_old_form_gives_back_what_was_written(ward: Ward) -> None:
    form = form_of(ward, ward.path("Olga"))
    old = post(
        ward, {**form, "token": f"1.{form['token'].partition('.')[2]}"}, decision="deferred", note="after CT"
    )
    assert old.status_code == 403 and "after CT" in old.text
    again = next(dict(one) for one in Page(old.text).forms if "token" in one)
    assert post(ward, again).status_code == 303
    assert ward.site.store.reviews(insight=form["insight"])[-1].note == "after CT"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 70_000, {"Content-Type": "application/x-www-form-urlencoded"}, 413),
        (b"{}", {"Content-Type": "application/json"}, 403),
        (b"--x\r\nbroken", {"Content-Type": "multipart/form-data; boundary=x"}, 403),
        (b"--x\r\n\r\n", {"Content-Type": "multipart/form-data"}, 400),
    ],
)
def test_a_body_that_is_no_form_is_told_so(
    ward: Ward, body: bytes, headers: dict[str, str], status: int
) -> None:
    action = form_of(ward, ward.path("Olga"))["action"].partition("#")[0]
    found = ward.client.post(action, content=body, headers=headers)
    assert found.status_code == status
    assert "<h1>" in found.text


@pytest.mark.parametrize("path", ["/patients/x", "/patients/-1", "/models/x"])
def test_what_is_not_here_is_a_page_of_its_own(ward: Ward, path: str) -> None:
    assert "There is no such page" in ward.get(path, 404)


@pytest.mark.parametrize("path", ["/patients/1", "/patients/1/record"])
def test_who_is_not_here_is_not_available(ward: Ward, path: str) -> None:
    assert "<h1>Not available</h1>" in ward.get(path, 404)


def test_the_whole_record_is_there_page_by_page(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salus.delivery.web.pages.record.PER_PAGE", 30)
    view = ward.site.archive.timeline("Patient/ward-04")
    path, seen = f"{ward.path('Rajesh')}/record", []
    start = path
    while start:
        text = ward.get(start)
        seen += re.findall(r"<code>([A-Za-z]+/[^<]+)</code>", text)
        found = re.search(r'<a href="([^"]+)" rel="next"', text)
        start = f"{path}{found[1]}" if found else ""
    assert sorted(seen) == sorted({event.source for event in view})


def test_coded_answers_are_in_the_words_of_the_record(ward: Ward) -> None:
    text = ward.get(ward.path("Rajesh"))
    assert "Acute confusion" in text and "SNOMED/130987000" not in text


def test_who_looked_is_told(ward: Ward) -> None:
    path = ward.path("Giovanni")
    ward.get(path)
    text = ward.get(path)
    assert CLINICIAN.id in text[text.index('id="looked-h"') :]


SMALL = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "resource": {
                "resourceType": "Patient",
                "id": "x1",
                "gender": "female",
                "birthDate": "1960",
                "name": [{"family": "<script>alert(1)</script>", "given": ["\"'&"]}],
                "identifier": [{"system": "urn:x", "value": "<img src=x onerror=alert(1)>"}],
            }
        },
        *(
            {
                "resource": {
                    "resourceType": "Observation",
                    "id": f"o{number}",
                    "status": "final",
                    "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                    "subject": {"reference": "Patient/x1"},
                    "effectiveDateTime": "2026-01-01T10:00:00Z",
                    "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": unit},
                }
            }
            for number, (code, value, unit) in enumerate(
                [
                    ("8867-4", 135, "/min"),
                    ("9279-1", 28, "/min"),
                    ("59408-5", 90, "%"),
                    ("8310-5", 39.5, "Cel"),
                    ("8480-6", 88, "mm[Hg]"),
                ]
            )
        ),
    ],
}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Ward]:
    """One patient with a hostile name, in an archive of her own, with every model live."""
    (tmp_path / "one.json").write_text(json.dumps(SMALL))
    site = spine.open_site(tmp_path / "archive")
    spine.read(site, str(tmp_path / "one.json"), actor=Actor("test"))
    for model in spine.models(site):
        spine.approve(site, model.name, by="Dr Test", because="tests")
    with served(site) as found:
        yield found


def test_what_the_record_says_is_text_and_never_code(small: Ward) -> None:
    text = small.get("/ward")
    path = re.search(r'href="(/patients/\d+)"', text)
    assert path is not None
    for page in (text, small.get(path[1]), small.get(path[1] + "/record")):
        assert "<script>alert" not in page and "<img src=x" not in page
        assert "&lt;script&gt;alert" in page
    assert "65 or 66" in small.get(path[1])


def test_a_correction_marks_the_answer_that_was_decided_on(small: Ward, tmp_path: Path) -> None:
    path = re.search(r'href="(/patients/\d+)"', small.get("/ward"))
    assert path is not None
    assert post(small, form_of(small, path[1]), decision="accepted").status_code == 303
    corrected = json.loads(json.dumps(SMALL))
    corrected["entry"][1]["resource"]["valueQuantity"]["value"] = 80
    corrected["entry"][1]["resource"]["status"] = "corrected"
    (tmp_path / "two.json").write_text(json.dumps(corrected))
    spine.read(small.site, str(tmp_path / "two.json"), actor=Actor("test"))
    text = small.get(path[1])
    earlier = text[text.index('id="earlier-h"') :]
    assert "out of date" in earlier and "Dr A. Okafor agreed" in earlier


def test_another_decision_from_the_same_form_is_a_second_one(small: Ward) -> None:
    path = re.search(r'href="(/patients/\d+)"', small.get("/ward"))
    assert path is not None
    form = form_of(small, path[1])
    assert post(small, form, decision="accepted").status_code == 303
    again = {"decision": "overridden", "because": "evidence-wrong", "note": "cuff too small"}
    assert post(small, form, **again).status_code == 303
    assert post(small, form, **again).status_code == 303
    assert [one.decision for one in small.site.store.reviews()] == ["accepted", "overridden"]


def test_a_form_that_comes_twice_at_once_is_recorded_both_times_and_kept_once(small: Ward) -> None:
    path = re.search(r'href="(/patients/\d+)"', small.get("/ward"))
    assert path is not None
    form = form_of(small, path[1])
    with ThreadPoolExecutor(4) as many:
        sent = [many.submit(post, small, form, decision="accepted") for _ in range(8)]
    assert {one.result().status_code for one in sent} == {303}
    assert len(small.site.store.reviews()) == 1


def test_a_note_that_cannot_be_kept_as_it_is_comes_back(small: Ward) -> None:
    path = re.search(r'href="(/patients/\d+)"', small.get("/ward"))
    assert path is not None
    form = form_of(small, path[1])
    found = post(small, form, decision="modified", note="halve\0 the dose", told_patient="yes")
    assert found.status_code == 422
    assert "a character that cannot be kept" in found.text and ">halve the dose</textarea>" in found.text
    assert small.site.store.reviews() == []
    assert post(small, form, decision="modified", note="halve the dose").status_code == 303


def test_an_invisible_note_is_no_reason(small: Ward) -> None:
    path = re.search(r'href="(/patients/\d+)"', small.get("/ward"))
    assert path is not None
    form = form_of(small, path[1])
    assert post(small, form, decision="overridden", because="other", note="\u200b").status_code == 422


def test_a_record_without_any_date_is_not_called_fresh(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(SMALL["entry"][0]["resource"]))
    site = spine.open_site(tmp_path / "archive")
    spine.read(site, str(tmp_path / "one.json"), actor=Actor("test"))
    with served(site) as bare:
        ward = bare.get("/ward")
        path = re.search(r'href="(/patients/\d+)"', ward)
        assert path is not None
        assert "no dated evidence" in ward and "last evidence" not in ward
        assert "how old it is is not known" in bare.get(path[1])
