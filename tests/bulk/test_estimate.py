"""What a run would take, held against what it takes."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.bulk.conftest import line_of, run
from typer.testing import CliRunner

from dovetail.bulk import BulkOptions, estimate
from dovetail.bulk.estimate import Estimate, estimated, half_width
from dovetail.bulk.shard import Counts
from dovetail.cli import app
from dovetail.cli.bulk_estimate_display import estimate_lines
from dovetail.errors import CorpusError


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More than is tried in no time: 10,000 documents in five files, one of which is none."""
    folder = tmp_path / "many"
    folder.mkdir()
    for part in range(5):
        lines = [line_of(number) for number in range(2000 * part, 2000 * part + 2000)]
        lines[7] = "{broken\n"
        (folder / f"{part}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def estimate_of(*inputs: Path, seconds: float = 0.0, **options: object) -> Estimate:
    return estimated("light", [*map(str, inputs)], BulkOptions(**options), seconds=seconds)


def test_what_is_tried_as_a_whole_is_what_the_run_counts(
    tmp_path: Path, names: Path, light: None
) -> None:
    found = estimate_of(names)
    assert found.counts == found.tried == run(tmp_path / "out", names).total
    assert found.spread == 0
    assert found.core_hours[0] == found.core_hours[1] == found.core_hours[2] > 0


@pytest.mark.parametrize("form", ["tables", "nested", "jsonl"])
def test_a_part_tells_what_the_whole_comes_to(
    tmp_path: Path, many: Path, light: None, form: str
) -> None:
    found = estimate_of(many, form=form)
    summary = run(tmp_path / "out", many, form=form, unit_documents=5000)
    assert found.tried.documents < 0.8 * summary.total.documents
    assert found.counts.documents + found.counts.failed == 10_000
    for name in ("sentences", "characters", "entities", "relations"):
        actual = getattr(summary.total, name)
        assert getattr(found.counts, name) == pytest.approx(actual, rel=0.05)
    folders = ("documents", "entities", "relations", "errors")
    files = [own for name in folders for own in (tmp_path / "out" / name).glob("*")]
    written = sum(own.stat().st_size for own in files)
    assert found.output_bytes == pytest.approx(written, rel=0.3)  # small tables pack badly
    assert found.units == len([*(tmp_path / "out" / "documents").iterdir()])


@pytest.mark.parametrize("packing", ["gz", "parquet"])
def test_packed_inputs_are_tried_in_parts_as_small_as_others(
    packing: str, tmp_path: Path, light: None
) -> None:
    lines = [line_of(number) for number in range(20_000)]
    path = tmp_path / "packed.jsonl.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    if packing == "parquet":
        path = tmp_path / "packed.parquet"
        table = {"text": [json.loads(line)["text"] for line in lines]}
        parquet.write_table(pa.table(table), path, row_group_size=20_000)
    found = estimate_of(path, unit_bytes=50_000)
    assert found.tried.documents < 0.4 * len(lines)
    assert found.counts.documents == len(lines)
    run(tmp_path / "out", path, unit_bytes=50_000, unit_documents=5000)
    units = len([*(tmp_path / "out" / "documents").iterdir()])
    assert found.units == pytest.approx(units, abs=1)


def test_inputs_that_are_broken_are_told(many: Path, light: None) -> None:
    (many / "5.csv").write_text("id,body\n1,a\n", encoding="utf-8")
    found = estimate_of(many)
    assert found.broken == (f"{many}/5.csv: has no column 'text'; it has 'id', 'body'",)
    assert any("5.csv: has no column 'text'" in line for line in estimate_lines(found, 1, None))


def test_some_inputs_stand_for_all(
    many: Path, light: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [own.stat().st_size for own in many.iterdir()]
    monkeypatch.setattr(estimate, "READ_BYTES", 2 * max(sizes))
    found = estimate_of(many)
    assert found.input_bytes == sum(sizes)
    assert found.counts.documents + found.counts.failed == pytest.approx(10_000, rel=0.02)
    assert found.spread > 0


def test_workers_share_the_units_and_nobody_is_faster_than_one_unit() -> None:
    found = Estimate(Counts(), Counts(), 0, 0, 10, 3600.0, 0.1, 36.0, 72.0, 0)
    assert found.hours(1) == pytest.approx(found.core_hours[0]) == pytest.approx(1.03)
    assert found.hours(3) == pytest.approx(0.03 + 0.4)  # one of them does four units
    assert found.hours(10) == found.hours(1000) == pytest.approx(0.03 + 0.1)
    assert found.core_hours[1:] == pytest.approx((0.93, 1.13))


def test_interval_is_none_for_equal_parts_and_narrows_with_more() -> None:
    assert half_width([1, 2, 3], [10, 20, 30], of=None) == 0
    assert half_width([1, 2], [1, 1], of=2) == 0
    assert math.isinf(half_width([1], [1], of=None))
    costs = [1.0, 1.2]
    widths = [half_width(costs * n, [1.0] * 2 * n, of=None) for n in (2, 4, 16)]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("parts", "quantile"), [(5, 2.776), (9, 2.306), (21, 2.086), (101, 1.984)])
def test_interval_of_a_mean_is_that_of_student(parts: int, quantile: float) -> None:
    """For parts of one size the ratio is a mean, whose interval is in every textbook."""
    costs = [1.0 + (number % 3) for number in range(parts)]
    mean = sum(costs) / parts
    deviation = math.sqrt(sum((own - mean) ** 2 for own in costs) / (parts - 1))
    expected = quantile * deviation / math.sqrt(parts) / mean
    assert half_width(costs, [7.0] * parts, of=None) == pytest.approx(expected, rel=0.01)


def test_command_says_it_and_writes_nothing(
    many: Path, light: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(many.parent)
    before = sorted(many.parent.rglob("*"))
    asked = ["bulk", "light", "many", "--estimate", "--price", "2", "--workers", "3"]
    told = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert told.exit_code == 0
    assert told.stdout.startswith("9,99")
    for what in ("core hours", "95 % interval", "with 3 workers", "cost", "2 shards", "told from"):
        assert what in told.stdout
    assert sorted(many.parent.rglob("*")) == before


def test_too_little_for_an_interval_is_said() -> None:
    found = Estimate(Counts(), Counts(), 0, 950, 1, 1.0, math.inf, 1.0, 1.0, 0)
    assert any("too little for an interval" in line for line in estimate_lines(found, 1, None))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--price", "2", "-o", "out"], "goes with --estimate"),
        (["--estimate", "-o", "out"], "writes nothing"),
        (["--estimate", "--resume"], "writes nothing"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(
    names: Path, options: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(names.parent)
    told = CliRunner().invoke(app, ["bulk", "light", str(names), *options])
    assert told.exit_code == 2
    assert message in told.output
    assert not Path("out").exists()


def test_without_output_and_estimate_it_says_what_is_missing(names: Path) -> None:
    told = CliRunner().invoke(app, ["bulk", "light", str(names)])
    assert told.exit_code == 2
    assert "--output" in told.output


def test_inputs_without_documents_are_refused(tmp_path: Path, light: None) -> None:
    path = tmp_path / "empty.jsonl.gz"
    path.write_bytes(b"no gzip")
    with pytest.raises(CorpusError, match="no document"):
        estimate_of(path)
