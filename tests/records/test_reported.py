"""The paper's numbers: complete, as printed, in agreement with what its own text says of them."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.cards import CardLibrary, DatasetCard
from harness.errors import RecordError
from harness.records.reported import load_reported
from harness.records.schema import ReportedLine

LINES = load_reported()
SETS = ("vid4", "vimeo-fast", "vimeo-medium", "vimeo-slow", "adobe240")


def cells(table: str, row: int) -> Mapping[tuple[str, str], float | None]:
    return {(line.dataset, line.metric): line.value for line in LINES if (line.table, line.row) == (table, row)}


def psnr(table: str, row: int) -> list[float]:
    values = [cells(table, row)[name, "psnr"] for name in SETS]
    return [value for value in values if value is not None]


def test_every_cell_of_the_six_tables_is_there_once() -> None:
    assert Counter(line.table for line in LINES) == {"I": 264, "II": 40, "III": 30, "IV": 90, "V": 60, "VI": 40}
    assert len({(line.table, line.row, line.dataset, line.metric) for line in LINES}) == 524


@pytest.mark.parametrize(
    ("table", "row", "name", "printed"),
    [
        ("I", 1, "SepConv+Bicubic", "23.51 0.6273 32.27 0.8890 30.61 0.8633 29.04 0.8290 26.61 0.7457"),
        ("I", 12, "ABME+ETDM", "26.38 0.7958 36.24 0.9365 35.08 0.9355 33.28 0.9138 30.54 0.8750"),
        ("I", 19, "STINet(Ours)", "26.79 0.8049 37.43 0.9465 35.87 0.9390 34.04 0.9180 30.75 0.8769"),
        ("II", 4, "STINet(5)", "23.88 0.6557 34.82 0.9277 32.97 0.9095 31.40 0.8786 28.30 0.8176"),
        ("IV", 8, "ST-GR→BDCL", "26.71 0.8045 37.40 0.9459 35.77 0.9380 33.93 0.9179 30.58 0.8738"),
        ("VI", 3, "TMNet w/ MCL", "26.64 0.8029 27.20 0.9439 35.69 0.9385 33.59 0.9163 30.68 0.8762"),
    ],
)
def test_rows_are_as_printed(table: str, row: int, name: str, printed: str) -> None:
    found = cells(table, row)
    assert [found[place, metric] for place in SETS for metric in ("psnr", "ssim")] == list(
        map(float, printed.split())
    )
    assert {line.name for line in LINES if (line.table, line.row) == (table, row)} == {name}


@pytest.mark.parametrize(
    ("better", "worse", "gains"),
    [
        # Sec. IV-C, STINet over the best two-stage method; then Sec. IV-D: without flows, without shared blocks.
        (("I", 19), ("I", 12), [0.41, 1.19, 0.79, 0.76, 0.21]),
        (("III", 3), ("III", 1), [0.64, 0.72, 0.57, 0.45, 0.75]),
        (("IV", 9), ("IV", 1), [0.29, 0.32, 0.20, 0.18, 0.32]),
    ],
)
def test_the_text_quotes_the_same_differences(
    better: tuple[str, int], worse: tuple[str, int], gains: list[float]
) -> None:
    assert [round(a - b, 2) for a, b in zip(psnr(*better), psnr(*worse), strict=True)] == gains


@pytest.mark.parametrize(
    ("method", "rows"),
    [("stinet", [("I", 19), ("III", 3), ("IV", 9), ("V", 6)]), ("tmnet", [("I", 16), ("VI", 1)])],
)
def test_a_method_has_the_same_numbers_in_every_table(method: str, rows: list[tuple[str, int]]) -> None:
    quality = [{key: value for key, value in cells(*row).items() if key[1] != "fps"} for row in rows]
    assert all(one == quality[0] for one in quality)
    assert {line.method for line in LINES if (line.table, line.row) in rows} == {method}


def test_speed_is_printed_for_table_one_only() -> None:
    speeds = {line.row: line.value for line in LINES if line.metric == "fps"}
    assert {line.table for line in LINES if line.metric == "fps"} == {"I"}
    assert speeds[14] == 16.50
    assert speeds[19] == 14.80
    assert [row for row, value in speeds.items() if value is None] == [1, 5, 15, 17]


def test_what_is_not_printed_is_null_and_says_so() -> None:
    empty = [line for line in LINES if line.value is None]
    assert Counter(line.method for line in empty) == {
        "davsr": 9,
        "videoinr": 7,
        "rstt-l": 2,
        "sepconv+bicubic": 1,
        "dain+bicubic": 1,
    }
    assert {line.note for line in empty} == {"not printed in the paper"}


def test_the_misprint_is_kept_and_noted() -> None:
    (line,) = [
        line for line in LINES if (line.method, line.dataset, line.metric) == ("tmnet-w-mcl", "vimeo-fast", "psnr")
    ]
    assert line.value == 27.20
    assert "37.20 must be meant" in line.note


def test_nothing_else_is_out_of_range() -> None:
    for line in LINES:
        if line.value is not None and not line.note:
            low, high = {"psnr": (23.5, 37.5), "ssim": (0.62, 0.95), "fps": (1, 20)}[line.metric]
            assert low <= line.value <= high, line
            if line.dataset == "vimeo-fast" and line.metric == "psnr":
                assert line.value > 32


def test_every_dataset_is_a_card_and_every_rate_has_its_table() -> None:
    assert {line.dataset for line in LINES} == set(SETS) <= set(CardLibrary().names(DatasetCard))
    assert {(line.table, line.rate) for line in LINES if line.table == "II"} == {("II", 4), ("II", 6)}
    assert {line.rate for line in LINES if line.table != "II"} == {2}


def test_rows_come_in_the_order_of_the_paper() -> None:
    tables = ["I", "II", "III", "IV", "V", "VI"]
    order = [(tables.index(line.table), line.row) for line in LINES]
    assert order == sorted(order)


# -- folders of one's own

CELL = {
    "source": "mine",
    "table": "I",
    "row": 1,
    "name": "Mine",
    "method": "mine",
    "rate": 2,
    "dataset": "vid4",
    "metric": "psnr",
    "value": 30.0,
}


def write(folder: Path, *lines: Mapping[str, object], name: str = "mine.jsonl") -> None:
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_lines_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    with (tmp_path / "stinet.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(line.model_dump_json() + "\n" for line in LINES)
    assert load_reported(tmp_path) == LINES


def test_several_sources_stand_side_by_side(tmp_path: Path) -> None:
    write(tmp_path, {**CELL, "value": None, "note": "not printed"})
    write(tmp_path, {**CELL, "source": "yours"}, name="yours.jsonl")
    assert [line.source for line in load_reported(tmp_path)] == ["mine", "yours"]
    assert load_reported(tmp_path)[1] == ReportedLine.model_validate({**CELL, "source": "yours"})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"vaule": 1}, "unknown key 'vaule'. Did you mean 'value'?"),
        ({"metric": "lpips"}, "metric: Input should be 'psnr', 'ssim' or 'fps'"),
        ({"value": "-"}, "value: Input should be a valid number"),
        ({"row": None}, "row: Input should be a valid integer"),
    ],
)
def test_a_line_that_is_none_is_told_by_its_number(tmp_path: Path, wrong: dict[str, object], words: str) -> None:
    write(tmp_path, CELL, {**CELL, "row": 2, **wrong})
    with pytest.raises(RecordError, match=r"mine\.jsonl, line 2 is not a reported number") as caught:
        load_reported(tmp_path)
    assert words in caught.value.found


@pytest.mark.parametrize("text", ["", "\n", "{", "[]", '"x"'])
def test_a_line_that_is_no_json_object_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.jsonl").write_text(json.dumps(CELL) + "\n" + text + "\n", encoding="utf-8")
    with pytest.raises(RecordError, match="line 2 is not a reported number"):
        load_reported(tmp_path)


def test_a_cell_is_reported_once(tmp_path: Path) -> None:
    write(tmp_path, CELL, {**CELL, "row": 2}, {**CELL, "value": 31.0})
    with pytest.raises(RecordError, match="line 3: this cell is there twice"):
        load_reported(tmp_path)


def test_the_source_is_the_name_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, CELL, name="yours.jsonl")
    with pytest.raises(RecordError, match="the source must be the file's own name"):
        load_reported(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such folder"):
        load_reported(tmp_path / "nowhere")
