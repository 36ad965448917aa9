"""The table of a study: means over seeds, differences paired by seed, and everything that is missing, by name."""

import csv
import io
import json
import statistics
from typing import Any

import pytest

from harness.errors import UsageError
from harness.records.reported import load_reported
from harness.records.statistics import compare_paired, pair_clips
from harness.records.study import Study, StudyCell, StudyRow
from harness.reports.emit import as_latex, as_markdown, as_text, emit
from harness.reports.model import Cell, Table
from harness.reports.study_table import study_table
from tests.reports.fakes import LIBRARY, FakeRun, assert_latex_fits, assert_snapshot, fake_run, header, line, trained

BUDGET = "trained:davis270|recipe:minutes(batch:8,crop:32,iterations:300,precision:fp32,lr:0.0001)"
ROWS = ("ST-FI w/o share", "ST-LR w/o Inet", "ST-LR w/o s^H", "ST-GR→BDCL", "STINet")
FULL = 4
PSNR = {0: 24.00, 1: 24.10, 2: 24.05}
"""What the full row scores, by seed."""
BELOW = (0.50, 0.10, 0.01, 0.20)
"""How far the other rows lie below it."""


def key(row: int, seed: int) -> str:
    return f"{row}{seed}" * 32


def study(*, seeds: int = 3, **changes: object) -> Study:
    fields: dict[str, object] = {
        "name": "table-iv-minutes",
        "kind": "ablation",
        "table": "IV",
        "full": FULL,
        "setting": "setting-1",
        "budget": BUDGET,
        "datasets": ("vid4",),
        "rows": tuple(
            StudyRow(name=name, method="stinet", paper_row=number)
            for name, number in zip(ROWS, (1, 2, 3, 8, 9), strict=True)
        ),
        "cells": tuple(
            StudyCell(row=row, seed=seed, key=key(row, seed), folder=f"training/{row}-{seed}")
            for row in range(len(ROWS))
            for seed in range(seeds)
        ),
        "command": "harness ablate IV --recipe minutes",
        **changes,
    }
    return Study.model_validate(fields)


def run(row: int, seed: int, dataset: str = "vid4", *, fail: int = 0, **more: Any) -> FakeRun:  # noqa: ANN401
    """A run of one cell: below the full row by `BELOW`, and by a little more or less from seed to seed."""
    below = BELOW[row] + 0.02 * (seed - 1) if row != FULL else 0.0
    return fake_run(
        trained("stinet", key(row, seed), dataset, seed=seed, title="STINet", **more), PSNR[seed] - below, fail=fail
    )


def everything() -> list[FakeRun]:
    return [run(row, seed) for row in range(len(ROWS)) for seed in range(3)]


def mixed() -> list[FakeRun]:
    """Whole, with a seed missing, scored elsewhere only, failed, under another signature, and not at all."""
    return [
        *(run(FULL, seed) for seed in range(3)),
        *(run(0, seed) for seed in range(3)),
        *(run(1, seed) for seed in range(2)),
        run(1, 2, "demo"),
        *(run(2, seed) for seed in range(3)),
        run(3, 0, fail=1),
        run(3, 1, fail=1),
        run(3, 2, protocol="zooming-slow-mo"),
        fake_run(header("bicubic"), 99.0),
        fake_run(trained("stinet", "f" * 64), 99.0),
    ]


def table(runs: list[FakeRun], planned: Study | None = None, **options: object) -> Table:
    return study_table(planned or study(), runs, library=LIBRARY, **options)  # type: ignore[arg-type]


def cell(built: Table, name: str, title: str) -> Cell:
    titles = [column.title for column in built.columns]
    row = next(row for row in built.rows if row.name == name)
    return row.cells[titles.index(title)]


def test_means_and_differences_against_plain_arithmetic() -> None:
    built = table(everything())
    assert [row.name for row in built.rows] == list(ROWS)
    assert [column.title for column in built.columns] == ["PSNR", "Δ PSNR", "SSIM", "Δ SSIM"]
    expected = [PSNR[seed] - (0.5 + 0.02 * (seed - 1)) for seed in range(3)]
    mean = cell(built, ROWS[0], "PSNR")
    assert mean.value == pytest.approx(statistics.fmean(expected))
    assert mean.seeds is not None
    assert mean.seeds.deviation == pytest.approx(statistics.stdev(expected))
    assert (mean.text, mean.spread, mean.notes) == ("23.55", " ± 0.04", ())
    delta = cell(built, ROWS[0], "Δ PSNR")
    assert delta.seeds is not None
    assert delta.value == pytest.approx(-0.5)
    # Paired: what the seeds have in common is not in it. Unpaired it would be 0.07.
    assert delta.seeds.deviation == pytest.approx(0.02)
    assert (delta.text, delta.spread) == ("-0.50", " ± 0.02")


def test_the_full_row_has_no_difference_and_says_why() -> None:
    shown = cell(table(everything()), "STINet", "Δ PSNR")
    assert (shown.text, shown.value) == ("–", None)
    assert shown.notes == ("the row that the others are compared with",)


def test_differences_within_the_spread_are_noted_from_three_seeds_on() -> None:
    built = table(everything())
    within = [row.name for row in built.rows if any("within the spread" in note for note in row.cells[1].notes)]
    assert within == ["ST-LR w/o s^H"]
    two = table(everything(), study(seeds=2))
    assert not any("within the spread" in note for row in two.rows for note in row.cells[1].notes)
    assert any("fewer than 3 seeds" in remark for remark in two.remarks)
    assert not any("fewer than 3 seeds" in remark for remark in built.remarks)


def test_one_seed_has_no_spread() -> None:
    built = table(everything(), study(seeds=1))
    assert cell(built, ROWS[0], "PSNR").spread == ""
    assert cell(built, ROWS[0], "Δ PSNR").text == "-0.48"
    assert "±" not in as_text(built)


def test_what_is_missing_is_said() -> None:
    built = table(mixed())
    assert cell(built, ROWS[1], "PSNR").notes == ("2 of 3 seeds (seed 2: trained, not scored on Vid4 yet)",)
    assert cell(built, ROWS[1], "Δ PSNR").notes == ("paired over 2 of 3 seeds",)
    partial = cell(built, ROWS[3], "PSNR")
    assert partial.notes == (
        "partial: 3 of 4 clips, 1 failed",
        "2 of 3 seeds (seed 2: measured, but left out (see below))",
    )
    assert (partial.done, partial.expected) == (3, 4)
    assert cell(built, ROWS[3], "Δ PSNR").notes == ("done on other clips than the full row",)
    assert any("--protocol zooming-slow-mo" in remark and "ST-GR→BDCL, seed 2" in remark for remark in built.remarks)
    assert any(
        "9 of 15 trainings are scored" not in r and "11 of 15 trainings are scored" in r for r in built.remarks
    )


def test_nothing_measured_is_a_table_of_reasons() -> None:
    built = table([])
    assert {note for row in built.rows for note in row.cells[0].notes} == {"not measured yet"}
    assert cell(built, ROWS[0], "Δ PSNR").notes == ("not measured yet",)
    assert any("harness ablate IV --recipe minutes" in remark for remark in built.remarks)


def test_marks_are_for_rows_with_every_seed_and_clip() -> None:
    better = [fake_run(trained("stinet", key(1, seed), seed=seed), 30.0) for seed in range(2)]
    built = table(
        [*(one for one in mixed() if one.header.weights and key(1, 0)[:8] not in one.header.method), *better]
    )
    marks = {row.name: row.cells[0].mark for row in built.rows}
    assert marks == {ROWS[0]: "", ROWS[1]: "", ROWS[2]: "second", ROWS[3]: "", "STINet": "best"}
    assert cell(built, ROWS[1], "PSNR").partial


def test_a_seed_that_did_other_clips_is_not_in_the_mean() -> None:
    runs = [*(run(0, seed) for seed in range(2)), run(0, 2, fail=2), *(run(FULL, seed) for seed in range(3))]
    shown = cell(table(runs), ROWS[0], "PSNR")
    assert shown.notes == ("2 of 3 seeds (seed 2: 2 of 4 clips, 2 failed)",)
    assert shown.value == pytest.approx(statistics.fmean(PSNR[seed] - (0.5 + 0.02 * (seed - 1)) for seed in range(2)))


def test_other_trainings_of_the_method_do_not_count() -> None:
    assert "99.00" not in as_text(table(mixed()))


def test_two_signatures_never_share_a_column() -> None:
    other = "protocol:tmnet.v1|rate:2|window:7in"
    runs = [*(run(0, seed) for seed in range(3)), *(run(FULL, seed, signature=other) for seed in range(3))]
    built = table(runs)
    assert {row.cells[0].signature for row in built.rows} - {""} == {built.rows[0].cells[0].signature}
    assert cell(built, "STINet", "PSNR").notes == ("measured, but left out (see below)",)
    assert "nothing to compare with" in cell(built, ROWS[0], "Δ PSNR").notes[0]


def test_the_budget_is_part_of_every_signature() -> None:
    built = table(everything())
    assert built.signatures
    assert all(text.endswith(f"|{BUDGET}") for text in built.signatures)
    assert cell(built, "STINet", "PSNR").signature.endswith(f"|{BUDGET}")
    assert any("not with the paper's Table IV" in remark for remark in built.remarks)


def test_iterations_under_a_clock_are_said() -> None:
    runs = [
        fake_run(trained("stinet", key(row, seed), seed=seed, iterations=300 - 10 * seed, max_seconds=60.0), 24.0)
        for row in (0, FULL)
        for seed in range(3)
    ]
    assert table(runs).rows[0].notes == ("280 to 300 iterations",)
    assert table(everything()).rows[0].notes == ()


def test_other_precisions_are_said() -> None:
    runs = [*(run(0, seed) for seed in range(3)), *(run(FULL, seed, precision="bf16") for seed in range(2))]
    assert any("STINet, seed 0 in bf16; STINet, seed 1 in bf16" in remark for remark in table(runs).remarks)
    assert not any("Measured in" in remark for remark in table(everything()).remarks)


def test_the_papers_differences_stand_beside_ours() -> None:
    built = table(everything(), source="both", reported=load_reported())
    assert [(column.source, column.title) for column in built.columns][4:] == [
        ("paper", "Δ PSNR"),
        ("paper", "Δ SSIM"),
    ]
    # Table IV, Vid4: 26.50 and 0.8015 against 26.79 and 0.8049.
    assert [one.text for one in built.rows[0].cells[4:]] == ["-0.29", "-0.0034"]
    assert built.rows[FULL].cells[4].value is None
    assert any("sign and order" in remark for remark in built.remarks)
    with pytest.raises(UsageError, match="stands for no table of the paper"):
        table([], study(table=None), source="both")


def test_a_study_without_a_full_row_has_no_differences() -> None:
    built = table(everything(), study(kind="sweep", table=None, full=None))
    assert [column.title for column in built.columns] == ["PSNR", "SSIM"]
    assert built.caption.startswith("Sweep ")


def test_datasets_of_a_study() -> None:
    planned = study(datasets=("vid4", "demo"))
    assert {column.dataset for column in table([], planned).columns} == {"vid4", "demo"}
    assert {column.dataset for column in table([], planned, datasets=["demo"]).columns} == {"demo"}
    with pytest.raises(UsageError, match="has no dataset 'vid5'"):
        table([], planned, datasets=["vid5"])


def test_clips_say_what_compare_would_say_of_one_seed() -> None:
    clips = [f"c{index}" for index in range(9)]

    def scores(row: int) -> FakeRun:
        head = trained("stinet", key(row, 0), clips=clips, metrics=("psnr-y",))
        base = {clip: 25.0 + 0.3 * index - 0.1 * (row == 0) * (index % 4) for index, clip in enumerate(clips)}
        return FakeRun(head, {clip: line(clip, {"psnr-y": (value, value + 1)}) for clip, value in base.items()})

    runs = [scores(0), scores(FULL)]
    built = table(runs, study(seeds=1), clips=True)
    found = cell(built, ROWS[0], "Δ PSNR").over_clips
    pairs = pair_clips(runs[0].lines.values(), runs[1].lines.values(), "psnr-y")
    wanted = compare_paired(pairs, higher_is_better=True)
    assert found is not None
    assert (found.clips, found.interval, found.p) == (9, wanted.interval, wanted.p)
    assert found.holm_p == wanted.p  # the only test
    assert cell(table(runs, study(seeds=1)), ROWS[0], "Δ PSNR").over_clips is None


def test_clips_see_the_mean_over_seeds() -> None:
    """Seeds that lie on both sides of the full row by as much leave nothing for clips to see."""
    runs = [run(FULL, seed) for seed in range(2)]
    runs += [
        fake_run(trained("stinet", key(0, seed), seed=seed), PSNR[seed] + (0.1, -0.1)[seed]) for seed in range(2)
    ]
    found = cell(table(runs, study(seeds=2), clips=True), ROWS[0], "Δ PSNR").over_clips
    assert found is not None
    assert found.interval == pytest.approx((0.0, 0.0), abs=1e-9)


def test_json_and_csv_carry_seeds() -> None:
    built = table(mixed(), clips=True)
    whole = json.loads(emit(built, "json"))
    first = whole["blocks"][0]["rows"][0]["cells"]
    assert first[0]["printed"] == "23.55 ± 0.04"
    assert first[0]["seeds"] == {str(seed): pytest.approx(PSNR[seed] - 0.5 - 0.02 * (seed - 1)) for seed in range(3)}
    assert first[0]["seeds_expected"] == 3
    assert set(first[1]["over_clips"]) == {"clips", "interval", "p", "holm_p"}
    lines = list(csv.DictReader(io.StringIO(emit(built, "csv"))))
    one = next(found for found in lines if found["name"] == ROWS[1] and found["metric"] == "psnr-y")
    assert (one["seeds_done"], one["seeds_expected"]) == ("2", "3")
    assert float(one["deviation"]) == pytest.approx(
        statistics.stdev(PSNR[seed] - 0.02 * (seed - 1) for seed in range(2))
    )


def test_latex_is_well_formed() -> None:
    assert_latex_fits(table(mixed(), source="both", reported=load_reported()))
    assert_latex_fits(table(everything(), study(seeds=1, datasets=("vid4", "demo"))))


def test_snapshots() -> None:
    built = table(mixed(), source="both", reported=load_reported())
    assert_snapshot(as_text(built), "study.txt")
    assert_snapshot(as_markdown(built), "study.md")
    assert_snapshot(as_latex(built, standalone=True), "study.tex")
