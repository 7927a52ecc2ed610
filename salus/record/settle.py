"""Settle: what an intake gathered becomes the next generation of the archive, joined with the one before.

One copy of a resource (``Type/id``) stands (`copies`); the others lose their events but stay in the index and
in the verbatim copy. Everything is written into a new folder; the manifest is renamed last.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import salus
from salus.core.errors import EvidenceError
from salus.record import columns, drugs, refused, rest, superseded
from salus.record.copies import Chosen, chosen, unread
from salus.record.drugs import Called
from salus.record.fhir_terms import display_names
from salus.record.identity import people_columns
from salus.record.intake import EVENTS, ORDER_BITS, SUBJECTS, Intake, with_part
from salus.record.manifest import Manifest, publish
from salus.record.spill import Spill
from salus.record.strangers import Stranger, refuse, strangers
from salus.record.verbatim import Original

if TYPE_CHECKING:
    import polars as pl

_SORTED = ("subject_id", "time")
# At most this many rows in a row group: one patient costs one group or two, and a group is unpacked whole.
ROW_GROUP = 4_000


def settle(root: Path, intake: Intake, base: Manifest | None, work: Path) -> Manifest:
    """Write the next generation and make it the record; completes the intake's account."""
    settled = _Settled(root, intake, base, work)
    intake.pour()
    intake.copy.close()
    settled.index()
    settled.events()
    settled.metadata()
    intake.account.changed = list(dict.fromkeys(intake.account.changed))
    manifest = settled.manifest()
    intake.account.keep(settled.folder)
    publish(root, manifest)
    return manifest


class _Settled:
    def __init__(self, root: Path, intake: Intake, base: Manifest | None, work: Path) -> None:
        import polars as pl

        self.root, self.intake, self.base = root, intake, base
        self.parts = intake.parts
        self.old = root / base.folder if base else None
        self.generation = base.generation + 1 if base else 1
        self.folder = root / f"gen-{self.generation:04d}"
        width = (1 << 63) // self.parts + 1
        self.lost = Spill(work / "lost", self.parts, lambda: pl.col("subject_id") // width)
        # What Medications were called when, and which older evidence names one that was corrected now.
        self.lines, self.linked = drugs.framed({}), pl.DataFrame(schema=drugs.links())
        # Patient resources, by order, that no longer say who somebody is, and patients of whom none does.
        self.replaced: set[int] = set()
        self.nameless: list[pl.Series] = []
        self.codes: list[pl.Series] = []
        self.counts: list[pl.DataFrame] = []
        for inside in ("data", superseded.FOLDER, "index", "metadata"):
            (self.folder / inside).mkdir(parents=True)

    # --- the index: which copy of each resource stands -----------------------------------------

    def index(self) -> None:
        """Write the index and set aside the rows of evidence that no longer stand.

        Raises RefusedError where a Patient has the id of somebody else.
        """
        import polars as pl

        if self.old is not None:
            self._take_old_index(self.old)
        original, first = Original(self.root / "raw"), self.intake.number << ORDER_BITS
        kept = superseded.orders(superseded.shards(self.old) if self.old else [])
        met: list[Stranger] = []
        old = refused.kept(self.old) if self.old else refused.framed(())
        left, copies = pl.concat([old, refused.framed(self.intake.refused)]), list[list[int]]()
        corrected: dict[str, list[Called]] = {}
        for number in range(self.parts):
            rows = self.intake.index.part(number)
            if rows is None:
                continue
            if not self.intake.homes.same_ids:
                met += strangers(rows, first, original)
            found = chosen(rows.drop("part"), first, kept, original)
            if found.lost:
                self._replaced(found)
            patient, told = pl.col("source").str.starts_with("Patient/"), pl.col("fate") == EVENTS
            self.nameless.append(found.rows.filter(patient & pl.col("stands") & ~told)["source"])
            corrected |= drugs.history(found.rows, first, original)
            self.intake.account.changed += found.changed
            rest.write(found.rows, self.folder / "index" / f"{number:04d}.parquet", **WHOLE)
            if left.height:
                copies.append(unread(found.rows, left, original))
        refuse(met)
        self.intake.account.notes += sorted(one.note for one in met if not one.apart)
        # What is not told of is kept too: an older copy may come to stand, and it be the newer one again.
        refused.keep(self.folder, left.with_columns(told=pl.col("order").is_in(list(chain(*copies)))))
        self._correct_drugs(corrected, kept, original)

    def _correct_drugs(self, corrected: dict[str, list[Called]], kept: pl.Series, original: Original) -> None:
        """Learn what Medications were called when, and which older evidence is called as they are."""
        import polars as pl

        self.intake.near.medications.update({name: line[-1].codes for name, line in corrected.items()})
        before = drugs.load(self.old / "metadata") if self.old else drugs.framed({})
        same = ~pl.col("drug").is_in(list(corrected))
        self.lines = pl.concat([before.filter(same), drugs.framed(corrected)])
        if corrected and self.old is not None:
            old, new = (sorted((folder / "index").glob("*.parquet")) for folder in (self.old, self.folder))
            self.linked = drugs.orders_of(old, new, corrected, kept, (original, self.intake.near))

    def _take_old_index(self, old: Path) -> None:
        """Put the rows of the last generation before the new ones."""

        for path in sorted((old / "index").glob("*.parquet")):
            self.intake.index.add(with_part(rest.read(path), self.parts))

    def _replaced(self, found: Chosen) -> None:
        """Set aside the evidence, and who is who, of copies that do not stand; note what superseded them."""
        import polars as pl

        schema = {"order": pl.Int64, "newest": pl.Int64, "place": pl.Int64}
        lines = pl.DataFrame(found.lines, schema, orient="row")
        lost = pl.col("order").is_in(pl.Series(found.lost).implode())
        contested = lost | pl.col("order").is_in(lines["order"].implode())
        told = found.rows.filter(contested & (pl.col("fate") == EVENTS))
        self.replaced.update(told.filter(lost & pl.col("source").str.starts_with("Patient/"))["order"])
        self.lost.add(told.select("subject_id", "order").join(lines, on="order", how="left"))

    # --- the evidence ----------------------------------------------------------------------------

    def events(self) -> None:
        """Write the evidence, sorted by subject and time, one shard a part."""
        import polars as pl

        words = columns.word_list(self.intake.resolved())
        named = drugs.references(self.intake.words, self.lines["drug"].unique())
        account = self.intake.account
        for number in range(self.parts):
            loose, linked = self.intake.events.part(number), [self.linked]
            rows = None
            if loose is not None:
                rows = columns.finished(loose.sort(*_SORTED, maintain_order=True), words)
                linked.append(drugs.referring(loose, named))
            rows = self._with_old(number, rows)
            if rows is None or not rows.height:
                continue
            past, told = drugs.bases(self._superseded(number))
            rows, past = superseded.parted(rows, past, self.lost.part(number))
            rows, past = self._called(rows, past, pl.concat([*linked, told]).unique(["order", "source"]))
            if past is not None:
                past = past if "drug" in past.columns else past.with_columns(drug=pl.lit(None, pl.String))
                rest.write(past, self.folder / superseded.FOLDER / f"{number:04d}.parquet", **WRITTEN)
            if self.old is not None:
                rows = rows.sort(*_SORTED, maintain_order=True)
            rest.write(rows, self.folder / "data" / f"{number:04d}.parquet", **WRITTEN)
            new = rows
            if self.old is not None:
                new = rows.filter(pl.col("order") >= self.intake.number << ORDER_BITS)
            account.events += new.height
            account.subjects += new["subject_id"].n_unique()
            self._count(rows, number)

    def _called(
        self, rows: pl.DataFrame, past: pl.DataFrame | None, linked: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        first = self.intake.number << ORDER_BITS
        found = drugs.named(rows, past, linked, self.lines, first)
        self.intake.account.changed += found.changed
        return found.stands, found.past

    def _with_old(self, number: int, rows: pl.DataFrame | None) -> pl.DataFrame | None:
        """Return the last generation's rows of this part before the new ones."""
        import polars as pl

        old = self._of_old(number, sorted((self.old / "data").glob("*.parquet")) if self.old else [])
        if old is None:
            return rows
        told = self._with_drugs(old)
        changed = old.filter(old["code"] != told["code"])["source"].to_list() if told is not old else []
        self.intake.account.changed += changed
        old = told
        return old if rows is None else pl.concat([old, rows])

    def _superseded(self, number: int) -> pl.DataFrame | None:
        """Return what the last generation kept of superseded copies in this part; None when there is none."""
        old = self._of_old(number, superseded.shards(self.old) if self.old else [])
        return None if old is None else self._with_drugs(old)

    def _of_old(self, number: int, files: list[Path]) -> pl.DataFrame | None:
        """Return the rows of this part out of files of the last generation; None when there are no files."""
        import polars as pl

        if self.base and self.base.parts == self.parts:
            files = [path for path in files if int(path.stem) == number]
        if not files:
            return None
        width = (1 << 63) // self.parts + 1
        mine = pl.col("subject_id").is_between(number * width, (number + 1) * width, closed="left")
        return rest.scan(files).filter(mine).collect()

    def _with_drugs(self, old: pl.DataFrame) -> pl.DataFrame:
        """Give older rows that name a Medication its codes, when it has come since."""
        import polars as pl

        known = self.intake.near.medications
        if not known or not old["code"].str.starts_with("Medication/").any():
            return old
        drugs = pl.DataFrame(
            {"code": list(known), "_code": [codes[0] for codes in known.values()],
             "_others": [list(codes[1:]) or None for codes in known.values()]},
            schema={"code": pl.String, "_code": pl.String, "_others": pl.List(pl.String)},
        )  # fmt: skip
        joined = old.join(drugs, on="code", how="left", maintain_order="left")
        found = (
            pl.coalesce("_code", "code").alias("code"),
            # What an order called its drug gives way to what the Medication says: perhaps one code alone.
            pl.when(pl.col("_code").is_not_null())
            .then("_others")
            .otherwise("other_codes")
            .alias("other_codes"),
        )
        return joined.with_columns(*found).drop("_code", "_others")

    def _count(self, rows: pl.DataFrame, part: int) -> None:
        """Note the codes that occur, and of each subject the rows' place and the last moment known."""
        import polars as pl

        self.codes.append(rows["code"].unique())
        counted = rows.with_row_index("start").group_by("subject_id", maintain_order=True).agg(
            pl.col("start").first(),
            pl.len().alias("events"),
            pl.max_horizontal("known_at", "time").max().alias("last"),
        )  # fmt: skip
        self.counts.append(counted.with_columns(pl.lit(part, dtype=pl.UInt32).alias("part")))

    # --- what describes them -----------------------------------------------------------------------

    def metadata(self) -> None:
        """Write who the subjects are, what the codes mean, and what made this (MEDS 0.4 metadata)."""
        import polars as pl

        folder = self.folder / "metadata"
        subjects = self._subjects()
        rest.write(subjects, folder / "subjects.parquet", **WRITTEN)
        people = people_columns([who for at, who in self.intake.people if at not in self.replaced])
        if self.old is not None:
            before = rest.read(self.old / "metadata" / "people.parquet")
            people = pl.concat([before, people], how="diagonal")
            people = people.unique("subject", keep="last", maintain_order=True)
            people = people.filter(~pl.col("subject").is_in(pl.concat(self.nameless).implode()))
        rest.write(people, folder / "people.parquet", **WRITTEN)
        drugs.keep(folder, self.lines)
        rest.write(self._code_list(), folder / "codes.parquet", **WRITTEN)
        rest.write_bytes(folder / "dataset.json", msgspec.json.format(msgspec.json.encode(_dataset())))

    def _subjects(self) -> pl.DataFrame:
        """Return subject, its number, its events and the last moment known; refuse numbers that collide."""
        import polars as pl

        schema = {"subject": pl.String, "subject_id": pl.Int64}
        named = pl.concat([pl.DataFrame(schema=schema), *self.intake.subjects])
        if self.old is not None:
            before = rest.read(self.old / "metadata" / "subjects.parquet").select(*SUBJECTS)
            named = pl.concat([before, named])
        named = named.unique("subject", maintain_order=True)
        if named["subject_id"].n_unique() != named.height:
            raise EvidenceError("Two subjects share one subject number: read them into two archives.")
        if not self.counts:
            return named.clear().with_columns(
                events=pl.lit(None, pl.UInt32), last=pl.lit(None, pl.Datetime("us"))
            )
        return pl.concat(self.counts).join(named, on="subject_id", how="left").sort("subject_id")

    def _code_list(self) -> pl.DataFrame:
        import polars as pl

        names = dict(display_names())
        if self.old is not None:
            before = rest.read(self.old / "metadata" / "codes.parquet")
            names = {code: name for code, name, _ in before.rows() if name} | names
        every = sorted({code for found in self.codes for code in found})
        return pl.DataFrame(
            {
                "code": every,
                "description": [names.get(code) for code in every],
                "parent_codes": [None] * len(every),
            },
            schema={"code": pl.String, "description": pl.String, "parent_codes": pl.List(pl.String)},
        )

    def manifest(self) -> Manifest:
        """Return the manifest of the new generation."""
        base, counted = self.base, [frame["events"].sum() for frame in self.counts]
        return Manifest(
            generation=self.generation,
            folder=self.folder.name,
            previous=base.folder if base else "",
            parts=self.parts,
            events=sum(int(number) for number in counted),
            subjects=sum(frame.height for frame in self.counts),
            reads=[*(base.reads if base else []), self.intake.number],
            servers=self.intake.homes.kept(bool(self.intake.account.as_events)),
        )


WRITTEN: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "row_group_size": ROW_GROUP,
    "statistics": True,
}
# A part of the index is looked through as a whole.
WHOLE = WRITTEN | {"row_group_size": 1 << 16, "statistics": False}


def _dataset() -> dict[str, object]:
    """Return MEDS 0.4 DatasetMetadata."""
    return {
        "dataset_name": "salus-archive",
        "dataset_version": "1",
        "etl_name": "salus",
        "etl_version": salus.__version__,
        "meds_version": "0.4",
        "created_at": datetime.now(UTC).isoformat(),
    }
