"""The README's table of figures, made from the last full ``make bench`` and from nothing else.

A row names a figure by its path in ``benchmarks/results.json`` (``base.import_salus_cpu_ms``); a row whose
figure was not measured is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: in words, where it is, how it is written, and what was asked for ("" for nothing)."""

    says: str
    path: str
    form: str = "{}"
    wanted: str = ""


ROWS = (
    Row("the base installed, with all that it depends on", "base.base_install_mb", "{} MB"),
    Row("CPU time of `import salus`", "base.import_salus_cpu_ms", "{} ms", "≤ 80 ms"),
    Row("the demonstration: thirty patients, every model, from nothing", "base.demo.seconds", "{} s"),
    Row("MIMIC-IV demo read: resources", "bulk.sets.mimic-iv-fhir-demo.resources", "{:,}"),
    Row("of them unaccounted for", "bulk.sets.mimic-iv-fhir-demo.unaccounted", "{}", "0"),
    Row("Synthea read: resources", "bulk.sets.synthea-r4-617-clinical.resources", "{:,}"),
    Row("of them unaccounted for", "bulk.sets.synthea-r4-617-clinical.unaccounted", "{}", "0"),
    *(
        row
        for name, place in (("MIMIC-IV demo", "mimic-iv-fhir-demo"), ("Synthea", "synthea-r4-617-clinical"))
        for row in (
            Row(
                f"{name}, files to events: CPU speed against a script that gives each line of the same files "
                "to orjson",
                f"bulk.sets.{place}.percent_of_orjson_on_the_files",
                "{} %",
                "≥ 40 %",
            ),
            Row(
                "the same, with the verbatim copy",
                f"bulk.sets.{place}.percent_of_orjson_on_the_files_with_verbatim_copy",
                "{} %",
            ),
            Row(
                "the same, against orjson behind Salus' own reader of files",
                f"bulk.sets.{place}.percent_of_orjson_behind_our_reader",
                "{} %",
            ),
            Row(
                "the same, against orjson parsing what is unpacked in memory already",
                f"bulk.sets.{place}.percent_of_orjson_parse_alone",
                "{} %",
            ),
        )
    ),
    Row("MIMIC-IV demo to MEDS: times faster than fhir2meds", "bulk.peer.times_faster", "{} ×", "≥ 8 ×"),
    Row("one patient from an archive of many: p95", "one_patient.p95_ms", "{} ms", "≤ 10 ms"),
    Row("events that such a patient has, on average", "one_patient.events_each", "{}"),
    Row("a decision on consent from 50 provisions: p95", "permits.decision.p95_ms", "{} ms", "≤ 1 ms"),
    Row("a View of 10,000 events under such permits", "permits.view.p50_ms", "{} ms", "≤ 20 ms"),
    Row(
        "what permits add to reading and opening a population",
        "permits.population.added_percent",
        "{} %",
        "≤ 10 %",
    ),
    Row(
        "a CDS hook with a 1 MB prefetch, ledger entries on disk, 10 clients each once a second: p95",
        "hooks.ten_clients_one_a_second.p95_ms",
        "{} ms",
        "≤ 100 ms",
    ),
    Row(
        "the highest rate of such hooks that the machine sustains",
        "hooks.highest_rate.per_second",
        "{} a second",
    ),
    *(
        row
        for task, split, aim, least in (
            ("icu-mortality", "learnt on set-a, tested on set-b", "≥ 0.865", "≥ -0.01"),
            ("readmission-30d", "a fifth of the people held out", "≥ 0.685", "≥ -0.01"),
            ("survival-180d", "a fifth held out", "", ""),
            ("survival-180d-scores", "a fifth held out", "", ""),
        )
        for row in (
            Row(f"{task}, {split}: AUROC", f"learning.tasks.{task}.models.salus.auroc.value", "{:.3f}", aim),
            Row(
                "the same less LightGBM tuned on the training part: lower bound of the paired difference",
                f"learning.tasks.{task}.models.lightgbm.salus_less_it.low",
                "{:.4f}",
                least,
            ),
            Row(
                "the same: calibration slope",
                f"learning.tasks.{task}.models.salus.slope",
                "{:.2f}",
                "0.9 to 1.1" if task == "icu-mortality" else "",
            ),
            Row(
                "the same: ECE in ten bins",
                f"learning.tasks.{task}.models.salus.ece",
                "{:.3f}",
                "≤ 0.012" if task == "readmission-30d" else "",
            ),
        )
    ),
    Row(
        "survival-180d: physician with the model less the physician alone, lower bound",
        "learning.tasks.survival-180d.beside.difference.low",
        "{:.3f}",
        "> 0",
    ),
    *(
        Row(
            f"icu-mortality: predict and explain one patient, {which}",
            f"learning.tasks.icu-mortality.models.salus.predict_and_explain_ms.{which}",
            "{} ms",
            f"≤ {most} ms",
        )
        for which, most in (("p50", 1), ("p99", 5))
    ),
    Row(
        "the same by LightGBM with TreeSHAP, p50",
        "learning.tasks.icu-mortality.models.lightgbm.predict_and_explain_ms.p50",
        "{} ms",
    ),
    Row("load of that artefact", "learning.tasks.icu-mortality.models.salus.load_ms", "{} ms", "≤ 20 ms"),
    Row(
        "the candidate features of intensive care: events per CPU second",
        "learning.features.events_per_cpu_second",
        "{:,}",
        "≥ 1,000,000",
    ),
    Row(
        "training on a million rows of the shape of readmission-30d: CPU time",
        "training.sizes.1000000.cpu_s",
        "{} s",
        "≤ 60 s",
    ),
    *(
        Row(f"training on {size:,} such rows: CPU time", f"training.sizes.{size}.cpu_s", "{} s")
        for size in (10_000, 30_000, 100_000, 300_000)
    ),
    *(
        Row(f"memory at its most in training on {size:,} rows", f"training.sizes.{size}.peak_mb", "{:,} MB")
        for size in (10_000, 30_000, 100_000, 300_000, 1_000_000)
    ),
    Row("CPU time of training grows as rows to the power of", "training.exponent", "{}", "about 1 at most"),
)


def found(figures: Mapping[str, Any], path: str) -> Any:
    """Return the figure at `path`, or None."""
    at: Any = figures
    for part in path.split("."):
        if not isinstance(at, Mapping) or part not in at:
            return None
        at = at[part]
    return at


def table(report: Mapping[str, Any]) -> str:
    """Return the table of a report, with the day, machine and versions it was measured with."""
    rows = [(row, found(report["figures"], row.path)) for row in ROWS]
    lines = [
        f"| {row.says} | {row.form.format(value)} | {row.wanted} |"
        for row, value in rows
        if value is not None
    ]
    ran = report["ran"]
    versions = ", ".join(f"{name} {number}" for name, number in ran["versions"].items())
    head = f"Measured {ran['at'][:10]} on {ran['machine']}, Python {ran['python']} ({versions}).\n"
    return "\n".join([head, "| what | measured | asked for |", "|---|---|---|", *lines])


def filled(readme: str, report: Mapping[str, Any]) -> str:
    """Return `readme` with its table of figures made anew."""
    block = f"{BEGIN}\n{table(report)}\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, readme, flags=re.S)
