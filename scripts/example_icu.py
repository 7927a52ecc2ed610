"""Invented people in intensive care: their first 48 hours, two hours a column."""

from __future__ import annotations

from datetime import datetime, timedelta

from scripts.example_records import Record, coded, on

CHALLENGE = "https://physionet.org/content/challenge-2012"
UNITS = "https://www.cdc.gov/nhsn/cdaportal/terminology/codesystem/hsloc.html"
HOW = "http://terminology.hl7.org/CodeSystem/discharge-disposition"


def _unit(record: Record, at: datetime, code: str, display: str) -> None:
    record.observed(coded(CHALLENGE, "ICUType"), at, valueCodeableConcept=coded(UNITS, code, display))


def very_ill() -> Record:
    """Pneumonia, septic shock, kidneys that fail, and no turn for the better."""
    record, start = Record("i1", "Halina", "Wrona", "female", "1946-08-11"), on("2026-03-02", "20:30")
    record.intensive(start)
    _unit(record, start, "1027-2", "Medical Critical Care")
    record.charted(start, {
        "pulse": "112 116 118 121 119 122 124 121 118 119 122 125 "
        "126 124 122 125 128 127 129 131 128 130 132 134",
        "breaths": "28 29 27 24 22 22 22 22 22 23 24 24 24 24 25 26 26 26 27 28 28 28 29 30",
        "SpO2": "90 91 92 94 95 94 94 93 94 94 93 92 92 93 92 91 91 92 90 91 90 89 90 89",
        "arterial pressure": "84/42 88/44 92/46 95/47 98/48 96/47 94/46 92/45 95/46 97/47 93/45 90/44 "
        "88/43 92/45 90/44 87/42 86/41 88/42 85/41 84/40 82/39 85/40 81/38 80/37",
        "temperature": "38.9 . 39.1 . 38.8 . 38.4 . 38.2 . 37.9 . 37.6 . 37.2 . 36.9 . 36.6 . 36.4 . 36.2 .",
        "GCS": "13 . 12 . 10 . 8 . 8 . 7 . 7 . 7 . 6 . 6 . 6 . 6 . 5 .",
        "FiO2": ". . 0.6 . 0.6 . 0.6 . 0.7 . 0.7 . 0.7 . 0.7 . 0.8 . 0.8 . 0.8 . 0.9 . 0.9 .",
        "urine": "40 35 30 30 25 30 25 20 20 25 20 15 15 20 15 10 10 15 10 10 5 10 5 5",
        "ventilated": ". . 1 . 1 . 1 . 1 . 1 . 1 . 1 . 1 . 1 . 1 . 1 . 1 .",
    })  # fmt: skip
    record.timed(start, {
        "weight": "1:64",
        "pH": "1:7.31 6:7.29 14:7.27 22:7.25 30:7.24 38:7.22 46:7.19",
        "PaCO2": "1:31 6:38 14:40 22:41 30:42 38:44 46:47",
        "PaO2": "1:61 6:74 14:70 22:68 30:66 38:63 46:60",
        "lactate": "1:4.1 6:4.6 14:4.9 22:5.6 30:6.4 38:7.3 46:8.8",
        "urea nitrogen": "1:48 14:55 26:63 38:72 46:79",
        "creatinine": "1:2.1 14:2.5 26:3.0 38:3.5 46:3.9",
        "sodium": "1:133 14:134 26:136 38:137 46:137",
        "potassium": "1:4.6 14:4.8 26:5.1 38:5.4 46:5.7",
        "bicarbonate": "1:18 14:17 26:16 38:15 46:14",
        "glucose": "1:168 14:181 26:159 38:122 46:96",
        "magnesium": "1:1.8 26:2.0 46:2.2",
        "haematocrit": "1:33 14:31 26:29 38:28 46:28",
        "white cells": "1:19.4 26:23.8 46:26.1",
        "platelets": "1:142 26:96 46:61",
        "bilirubin": "1:1.6 26:2.7 46:3.9",
        "albumin": "1:2.4 46:1.9",
    })  # fmt: skip
    return record


def getting_better() -> Record:
    """Two bypasses without a complication; the tube is out after nine hours."""
    record, start = Record("i2", "Piet", "Aalders", "male", "1964-11-30"), on("2026-03-03", "13:15")
    record.intensive(start)
    _unit(record, start, "1032-2", "Surgical Cardiothoracic Critical Care")
    record.charted(start, {
        "pulse": "88 90 89 88 87 86 86 85 84 84 83 82 82 81 80 80 79 79 78 78 77 78 77 76",
        "breaths": "14 14 14 15 16 17 17 16 16 16 17 16 16 16 15 16 16 16 16 15 16 16 16 16",
        "SpO2": "99 99 99 98 98 97 97 97 97 96 97 97 97 97 98 97 97 97 97 98 97 97 97 97",
        "arterial pressure": "108/56 112/58 115/60 117/60 119/61 120/62 118/61 121/62 119/61 122/63 120/62 "
        "121/62 123/63 122/62 124/63 122/64 . . . . . . . .",
        "pressure": ". . . . . . . . . . . . . . . . 121/66 123/68 122/67 124/68 122/66 125/68 123/67 124/68",
        "temperature": "35.9 . 36.4 . 36.9 . 37.1 . 37.2 . 37.1 . 37.0 . 37.0 . 36.9 . 36.9 . 36.8 . 36.8 .",
        "GCS": "3 . 8 . 14 . 15 . 15 . 15 . 15 . 15 . 15 . 15 . 15 . 15 .",
        "FiO2": "0.5 . 0.4 . 0.4 . . . . . . . . . . . . . . . . . . .",
        "urine": "260 220 180 160 150 140 130 140 150 160 150 140 "
        "150 160 170 160 150 160 170 160 150 160 150 160",
        "ventilated": "1 1 1 1 1 . . . . . . . . . . . . . . . . . . .",
    })  # fmt: skip
    record.timed(start, {
        "weight": "0:84", "height": "0:179",
        "pH": "1:7.38 5:7.40 9:7.41 16:7.42",
        "PaCO2": "1:40 5:39 9:40 16:39",
        "PaO2": "1:212 5:148 9:121 16:96",
        "urea nitrogen": "1:16 18:15 42:14",
        "creatinine": "1:0.9 18:0.9 42:0.8",
        "sodium": "1:139 18:138 42:139",
        "potassium": "1:4.3 9:4.1 18:4.4 42:4.2",
        "bicarbonate": "1:24 18:25 42:26",
        "glucose": "1:148 9:139 18:131 42:118",
        "magnesium": "1:2.1 18:2.0 42:2.0",
        "haematocrit": "1:29 9:30 18:31 42:32",
        "white cells": "1:11.2 18:12.4 42:9.8",
        "platelets": "1:158 18:164 42:181",
    })  # fmt: skip
    return record


def _pneumonia(record: Record, start: datetime) -> Record:
    """A pneumonia on a medical unit, oxygen by mask, charted by hand every few hours."""
    record.intensive(start)
    _unit(record, start, "1027-2", "Medical Critical Care")
    record.charted(start, {
        "pulse": "108 . 106 . 104 . 103 . 101 . 102 . 99 . 98 . 97 . 96 . 97 . 95 . 94 .",
        "breaths": "27 . 26 . 25 . 25 . 24 . 24 . 23 . 23 . 22 . 22 . 22 . 21 . 21 .",
        "SpO2": "91 . 93 . 94 . 94 . 93 . 94 . 95 . 94 . 95 . 95 . 94 . 95 . 95 .",
        "pressure": "104/58 . 108/60 . 110/61 . 112/60 . 114/62 . 113/62 . 116/63 . 118/64 . 117/63 . "
        "119/64 . 121/66 . 120/65 .",
        "temperature": "38.6 . 38.4 . 38.2 . 38.0 . 37.8 . 37.7 . 37.6 . 37.5 . 37.4 . 37.3 . 37.2 . 37.1 .",
        "GCS": "14 . . . 14 . . . 15 . . . 15 . . . 15 . . . 15 . . .",
        "FiO2": "0.6 . 0.6 . 0.5 . 0.5 . 0.5 . 0.4 . 0.4 . 0.4 . 0.4 . 0.4 . 0.4 . 0.4 .",
        "urine": "80 . 90 . 110 . 120 . 130 . 120 . 140 . 150 . 140 . 160 . 150 . 160 .",
    })  # fmt: skip
    record.timed(start, {
        "weight": "1:71",
        "pH": "1:7.36 20:7.38 44:7.40", "PaCO2": "1:38 20:39 44:40", "PaO2": "1:64 20:72 44:78",
        "urea nitrogen": "1:31 20:29 44:25",
        "sodium": "1:136 20:137 44:138", "potassium": "1:4.2 20:4.0 44:4.1",
        "bicarbonate": "1:22 20:23 44:24", "glucose": "1:152 20:139 44:128", "magnesium": "1:1.9 20:2.0",
        "haematocrit": "1:36 20:34 44:34", "white cells": "1:17.2 20:15.1 44:11.6",
        "platelets": "1:228 20:236 44:251",
    })  # fmt: skip
    return record


def in_range() -> Record:
    """The laboratory sends lactate in a unit that nobody defined, and keeps creatinine back."""
    start = on("2026-03-04", "06:00")
    record = _pneumonia(Record("i3", "Rosa", "Lindqvist", "female", "1957-02-19"), start)
    record.timed(start, {"creatinine": "1:withheld 20:withheld 44:withheld", "lactate": "1:2.2? 20:1.6?"})
    return record


def too_little() -> Record:
    """Everything that tells how awake somebody is, and how the kidneys do, was kept back."""
    start = on("2026-03-04", "09:00")
    record = _pneumonia(Record("i4", "Emil", "Haas", "male", "1941-05-07"), start)
    kept = [one for one in record.resources if not _is(one, "3094-0", "9269-2", "9187-6")]
    record.resources = kept
    for word in ("urea nitrogen", "creatinine", "GCS", "urine", "lactate"):
        record.timed(start, {word: "2:withheld 26:withheld 46:withheld"})
    return record


def _is(resource: dict[str, object], *codes: str) -> bool:
    return any(f"'{code}'" in str(resource.get("code")) for code in codes)


def too_early() -> Record:
    """Twenty hours into the stay."""
    record, start = Record("i5", "Samuel", "Adeyemi", "male", "1978-09-02"), on("2026-03-05", "22:10")
    record.intensive(start)
    _unit(record, start, "1030-6", "Surgical Critical Care")
    record.charted(start, {
        "pulse": "118 114 110 107 104 102 100 98 97 96",
        "arterial pressure": "92/50 98/54 104/56 108/58 110/60 112/60 114/62 116/62 117/63 118/64",
        "temperature": "38.1 . 37.9 . 37.8 . 37.6 . 37.5 .",
        "urine": "40 50 60 70 80 80 90 90 100 100",
    })  # fmt: skip
    record.timed(start, {"lactate": "1:3.4 8:2.4 16:1.8", "creatinine": "1:1.4 16:1.2"})
    return record


def went_home() -> Record:
    """A stay that is over, and how it ended is on record."""
    record, start = Record("i6", "Noor", "Haddad", "female", "1969-01-23"), on("2026-02-10", "17:40")
    left = {"dischargeDisposition": coded(HOW, "home", "Home")}
    record.intensive(start, start + timedelta(days=5, hours=2), hospitalization=left)
    record.charted(
        start, {"pulse": "96 94 95 92 90 88", "pressure": "118/64 121/66 120/66 122/68 124/68 126/70"}
    )
    return record


PEOPLE = {
    "icu-mortality-very-ill": very_ill,
    "icu-mortality-getting-better": getting_better,
    "icu-mortality-range": in_range,
    "icu-mortality-too-little": too_little,
    "icu-mortality-too-early": too_early,
    "icu-mortality-went-home": went_home,
}
