"""Invented people of a practice: their visits, what was measured, and what they were told that they have."""

from __future__ import annotations

from scripts.example_records import Record, on


def no_disease_known() -> Record:
    """Three years of visits, raised pressure and cholesterol, no disease of heart or vessels."""
    record = Record("c1", "Marta", "Oliveira", "female", "1966-06-14")
    for day, pressure, total, hdl in (
        ("2023-02-07", "142/86", 228, 52),
        ("2024-03-19", "146/88", 236, 50),
        ("2026-02-24", "148/88", 241, 49),
    ):
        record.visit(on(day, "09:00"), on(day, "09:25"), "AMB")
        record.pressure("pressure", on(day, "09:10"), pressure)
        record.measured("total cholesterol", on(day, "09:15"), total)
        record.measured("HDL cholesterol", on(day, "09:15"), hdl)
    record.has("38341003", "Hypertensive disorder", on("2023-02-07"))
    return record


def had_a_stroke() -> Record:
    """A stroke between the last visit and now: nobody asks any more who may have one."""
    record = Record("c2", "Leif", "Bergström", "male", "1953-10-09")
    for day in ("2023-05-11", "2024-06-03", "2025-09-16"):
        record.visit(on(day, "10:00"), on(day, "10:20"), "AMB")
        record.pressure("pressure", on(day, "10:05"), "138/80")
    record.has("422504002", "Ischemic stroke", on("2025-12-28"))
    return record


def glucose_rises() -> Record:
    """Four years of visits, heavier each year, glucose near where diabetes begins."""
    record = Record("d1", "Kofi", "Mensah", "male", "1979-03-27")
    for day, weight, glucose in (
        ("2022-01-20", 91, 101), ("2023-02-02", 94, 106), ("2024-02-15", 97, 111), ("2026-01-29", 101, 118),
    ):  # fmt: skip
        record.visit(on(day, "15:00"), on(day, "15:20"), "AMB")
        record.measured("height", on(day, "15:05"), 176)
        record.measured("weight", on(day, "15:05"), weight)
        record.measured("glucose", on(day, "15:15"), glucose)
    return record


def has_diabetes() -> Record:
    """Diabetes on the list for years."""
    record = Record("d2", "Irena", "Novak", "female", "1961-12-03")
    for day, hba1c in (("2022-04-05", 6.9), ("2023-10-10", 7.1), ("2026-02-10", 7.0)):
        record.visit(on(day, "08:30"), on(day, "08:50"), "AMB")
        record.measured("HbA1c", on(day, "08:40"), hba1c)
    record.has("44054006", "Diabetes mellitus type 2", on("2021-11-18"))
    return record


def first_visit() -> Record:
    """Nobody knew her here a year ago."""
    record = Record("d3", "Aiko", "Tanabe", "female", "1988-07-30")
    record.visit(on("2026-02-17", "11:00"), on("2026-02-17", "11:20"), "AMB")
    record.measured("glucose", on("2026-02-17", "11:15"), 97)
    return record


PEOPLE = {
    "cvd-onset-not-trained": no_disease_known,
    "cvd-onset-had-a-stroke": had_a_stroke,
    "diabetes-onset-not-trained": glucose_rises,
    "diabetes-onset-has-it": has_diabetes,
    "diabetes-onset-first-visit": first_visit,
}
