"""The leaderboard and the table of one command."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.cards.method import LoadedWeights
from harness.errors import UsageError
from harness.records.reported import load_reported
from harness.reports.board import leaderboard, run_table
from harness.reports.emit import as_markdown, as_text
from harness.reports.model import Table
from harness.reports.paper import Measurements, paper_table
from tests.reports.fakes import FakeRun, assert_snapshot, card, fake_run, header, trained

ALL = ("psnr-y", "ssim-y", "lpips", "tof", "warping-error")


def runs() -> list[FakeRun]:
    extras: dict[str, Any] = {"lpips": 0.31, "tof": 1.25, "warping_error": 0.0031}
    better: dict[str, Any] = {"lpips": 0.21, "tof": 1.5, "warping_error": 0.0041}
    return [
        fake_run(header("bicubic", title="Bicubic", metrics=ALL), 23.0, **extras),
        fake_run(header("farneback+bicubic", title="Farneback + bicubic", metrics=ALL), 23.5, **better),
        fake_run(header("bicubic", "demo", title="Bicubic", clips=["a", "b"]), 30.0),
        fake_run(header("nearest+bicubic", "demo", title="Nearest + bicubic", clips=["a", "b"]), 29.0, done=1),
        fake_run(header("farneback+bicubic", title="Farneback + bicubic", rate=4), 21.0),
        fake_run(header("stinet", title="STINet", tag="authors"), 26.7),
        fake_run(header("stinet", title="STINet", tag="ours"), 26.2),
        fake_run(header("tmnet", title="TMNet", untrained=True), 99.0),
    ]


def test_leaderboard_snapshot() -> None:
    assert_snapshot(as_text(leaderboard(runs())), "leaderboard.txt")


def test_the_best_comes_first_and_weights_are_told_apart() -> None:
    names = [row.name for row in leaderboard(runs()).blocks[0].rows]
    assert names == ["STINet (authors)", "STINet (ours)", "Farneback + bicubic", "Bicubic", "Nearest + bicubic"]


def test_each_metric_has_its_own_arrow() -> None:
    arrows = {column.metric: column.arrow for column in leaderboard(runs()).columns}
    assert arrows == {"psnr-y": "↑", "ssim-y": "↑", "lpips": "↓", "tof": "↓", "warping-error": "↓"}


def test_a_metric_that_a_run_lacks_is_told_from_a_run_that_is_missing() -> None:
    built = leaderboard(runs())
    cells = {
        row.name: dict(zip(((c.dataset, c.metric) for c in built.columns), row.cells, strict=True))
        for row in built.blocks[0].rows
    }
    assert cells["STINet (ours)"]["vid4", "lpips"].notes == ("this metric was not computed",)
    assert cells["STINet (ours)"]["demo", "psnr-y"].notes == ("not measured yet",)


def test_lower_is_marked_where_lower_is_better() -> None:
    built = leaderboard(runs(), datasets=["vid4"])
    lpips = [column.metric for column in built.columns].index("lpips")
    marks = {row.name: row.cells[lpips].mark for row in built.blocks[0].rows}
    assert marks["Farneback + bicubic"] == "best"


def test_rates_are_blocks_of_their_own() -> None:
    assert [block.title for block in leaderboard(runs()).blocks] == ["Rate 2", "Rate 4"]


def test_nothing_measured_is_answered() -> None:
    with pytest.raises(UsageError, match="Nothing is measured yet"):
        leaderboard(runs()[-1:])


def test_changed_options_are_a_row_of_their_own() -> None:
    changed = card("stinet", hr_features=False)
    built = leaderboard([*runs(), fake_run(header("stinet", title="STINet", card=changed), 26.0)])
    assert "STINet (options.hr_features=False)" in [row.name for row in built.rows]


def test_other_losses_are_a_row_of_their_own() -> None:
    """Weights of a sweep are not those of the card: their run has the card's options, but not its losses."""
    sweep = [
        fake_run(trained("stinet", f"{value:g}" * 9, options={"lambda_per": value}), 20.0) for value in (0.1, 1.0)
    ]
    names = [row.name for row in leaderboard(sweep).rows]
    assert names == ["stinet (0.10.10.)", "stinet (11111111; training.lambda_per=1.0)"]


def test_run_table_keeps_the_order_of_the_command() -> None:
    built = run_table(runs()[:2])
    assert [row.name for row in built.rows] == ["Bicubic", "Farneback + bicubic"]
    assert [row.cells[0].mark for row in built.rows] == ["", "best"]
    assert_snapshot(as_markdown(built), "run-table.md")


def test_run_table_shows_a_limited_run_as_partial() -> None:
    built = run_table([fake_run(header("bicubic"), done=1), fake_run(header("nearest+bicubic"), done=1)])
    assert {note for row in built.rows for cell in row.cells for note in cell.notes} == {"partial: 1 of 4 clips"}
    assert not built.marks


def test_run_table_never_mixes_signatures() -> None:
    window = "protocol:tmnet.v1|rate:2|window:7in"
    built = run_table([fake_run(header("a"), 20.0), fake_run(header("b", signature=window), 30.0)])
    assert [column.heading for column in built.columns] == ["Vid4 [1]", "Vid4 [1]", "Vid4 [2]", "Vid4 [2]"]
    for index in range(4):
        assert len({row.cells[index].signature for row in built.rows} - {""}) == 1
    assert [text[:8] for text in built.signatures] == ["Vid4 [1]", "Vid4 [2]"]
    assert not built.marks


def test_run_table_of_untrained_networks_shows_no_number() -> None:
    built = run_table(runs()[-1:])
    assert built.rows == ()
    assert "no number is shown" in built.remarks[0]
    assert as_text(built)


def test_run_table_of_failures_alone_says_so() -> None:
    built = run_table([fake_run(header("bicubic"), fail=4)])
    assert built.rows[0].cells[0].notes == ("no number: 0 of 4 clips, 4 failed",)


def blurred(method: str, *, scale: int = 4) -> FakeRun:
    weights = LoadedWeights(tag="authors", file="w.pth", sha256="0" * 64, degradation="gaussian-blur")
    return fake_run(header(method, title=method, tag="authors", weights=(weights,), scale=scale), 25.0)


@pytest.mark.parametrize(
    ("build", "method"),
    [
        (run_table, "blend+etdm"),
        (leaderboard, "blend+etdm"),
        (lambda runs: paper_table("I", load_reported(), measured=Measurements(runs=runs)), "abme+etdm"),
        (lambda runs: paper_table("I", load_reported(), measured=Measurements(runs=runs)), "blend+etdm"),
    ],
)
def test_weights_that_expect_other_lr_frames_are_told_below_the_table(
    build: Callable[[list[FakeRun]], Table], method: str
) -> None:
    words = "the weights 'authors' expect LR frames made by a Gaussian blur"
    built = build([*runs(), blurred(method)])
    assert [row.method for row in built.rows if words in row.notes] == [method]
    assert words in as_text(built)
    assert words not in as_text(build(runs()))
    assert words not in as_text(build([*runs(), blurred(method, scale=1)])), "no LR frames are made there"
