"""The archive's columns against the schemas of the package `meds`, and a patient against the decoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import meds
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flexible_schema import SchemaValidationError
from meds import CodeMetadataSchema, DataSchema, DatasetMetadataSchema

from salus.record import fhir, intake
from salus.record.archive import Archive
from salus.record.bulk import read_place


def test_columns_are_meds(tmp_path: Path, data_set: Callable[[str], Path]) -> None:
    read_place(str(data_set("synthea-r4-100")), tmp_path / "a")
    archive = Archive.open(tmp_path / "a")
    made = tmp_path / "a" / archive.manifest.folder
    for shard in (made / "data").glob("*.parquet"):
        table = pl.read_parquet(shard).to_arrow()
        DataSchema.validate(DataSchema.align(table))
        rows = pl.read_parquet(shard)
        assert rows.equals(rows.sort("subject_id", "time", maintain_order=True))
        assert rows["code"].null_count() == 0
    CodeMetadataSchema.validate(
        CodeMetadataSchema.align(pl.read_parquet(made / "metadata" / "codes.parquet").to_arrow())
    )
    DatasetMetadataSchema.validate(json.loads((made / "metadata" / "dataset.json").read_text()))


def narrow(kind: pa.DataType) -> pa.DataType:
    """Return a type with 32-bit offsets in place of 64-bit ones."""
    if pa.types.is_large_string(kind):
        return pa.string()
    return pa.list_(narrow(kind.value_type)) if pa.types.is_large_list(kind) else kind


def test_the_files_as_they_lie_differ_from_meds_in_the_width_of_offsets_alone(tmp_path: Path) -> None:
    """Polars names no other type in a file, and says so: whoever validates aligns before."""
    one = {"resourceType": "Patient", "id": "p", "birthDate": "1950-01-01", "deceasedBoolean": True}
    (tmp_path / "x.ndjson").write_text(json.dumps(one))
    read_place(str(tmp_path / "x.ndjson"), tmp_path / "a")
    made = tmp_path / "a" / "gen-0001"
    (shard,) = (made / "data").glob("*.parquet")
    for path, schema in ((shard, DataSchema), (made / "metadata" / "codes.parquet", CodeMetadataSchema)):
        table = pq.read_table(path)
        with pytest.raises(SchemaValidationError, match="large_"):
            schema.validate(table)
        schema.validate(schema.align(table))
        for wanted in schema.schema():
            found = table.schema.field(wanted.name).type
            assert found == wanted.type or narrow(found) == wanted.type
    codes = pq.read_table(shard)["code"].to_pylist()
    assert {meds.birth_code, meds.death_code} <= {*codes}


def test_one_patient_is_the_same_from_the_archive_and_from_a_bundle(
    tmp_path: Path, data_set: Callable[[str], Path]
) -> None:
    read_place(str(data_set("synthea-r4-100")), tmp_path / "a")
    archive = Archive.open(tmp_path / "a")
    archive.write_back(tmp_path / "out")
    lines = [
        line
        for path in sorted((tmp_path / "out").glob("*.ndjson"))
        for line in path.read_bytes().splitlines()
    ]
    raw = (
        b'{"resourceType":"Bundle","entry":[' + b",".join(b'{"resource":%b}' % line for line in lines) + b"]}"
    )
    timelines, account = fhir.bundle(raw, "all")
    assert account.unaccounted() == 0
    assert [one.subject for one in timelines] == archive.subjects()
    for one in timelines:
        assert archive.timeline(one.subject) == one


@pytest.mark.parametrize("name", ["synthea-r4-100", "us-core-examples"])
def test_the_fast_way_gives_the_same_columns_as_the_reference(
    tmp_path: Path, data_set: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fast = read_place(str(data_set(name)), tmp_path / "fast")
    monkeypatch.setattr(intake, "SHEETS", {})
    slow = read_place(str(data_set(name)), tmp_path / "slow")
    assert fast.counts() == slow.counts()
    left, right = (Archive.open(tmp_path / way).scan().collect() for way in ("fast", "slow"))
    by = ["order", "code", "time", "value", "text_value"]
    assert left.sort(by).equals(right.sort(by))
