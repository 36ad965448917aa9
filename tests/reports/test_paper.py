"""The paper's tables: its own order and digits, and our numbers beside them, never among them."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.records.reported import load_reported
from harness.records.speed import SpeedRecord, SpeedSetup
from harness.reports.emit import FORMATS, as_latex, as_markdown, as_text, emit, write_tables
from harness.reports.layouts import paper_layouts
from harness.reports.model import Cell, Row, Table
from harness.reports.paper import Measurements, paper_table
from tests.reports.fakes import FakeRun, assert_latex_fits, assert_snapshot, card, fake_run, header, trained

REPORTED = load_reported()
PAPER = Path(__file__).parents[2] / "results" / "reported" / "stinet.jsonl"


def baselines() -> list[FakeRun]:
    """Complete, partial, failed, doubled, under another protocol, untrained, of other options."""
    many = [f"00001/{number:04d}" for number in range(1225)]
    blend = card("bicubic")
    return [
        fake_run(header("bicubic", title="Bicubic", card=blend), 23.0),
        fake_run(header("bicubic", title="Bicubic", card=blend, precision="fp16", device="NVIDIA H200"), 99.0),
        fake_run(header("farneback+bicubic", title="Farneback + bicubic"), 23.5, fail=1),
        fake_run(header("nearest+bicubic", title="Nearest + bicubic"), 22.0),
        fake_run(header("nearest+bicubic", title="Nearest + bicubic", protocol="zooming-slow-mo"), 99.0),
        fake_run(header("bicubic", "vimeo-fast", title="Bicubic", clips=many, card=blend), 31.0, done=3),
        fake_run(header("stinet", title="STINet", tag="authors", card=card("stinet")), 26.7),
        fake_run(header("tmnet", title="TMNet", untrained=True), 99.0),
    ]


def table(key: str = "I", **options: object) -> Table:
    runs = options.pop("runs", baselines())
    return paper_table(key, REPORTED, measured=Measurements(runs=runs), **options)  # type: ignore[arg-type]


def row(built: Table, name: str) -> Row:
    return next(found for found in built.rows if found.name == name)


def cell(built: Table, name: str, dataset: str, metric: str) -> Cell:
    places = [(column.dataset, column.metric) for column in built.columns]
    return row(built, name).cells[places.index((dataset, metric))]


@pytest.mark.parametrize("key", list(paper_layouts().tables))
def test_every_row_and_number_of_the_paper_is_there_in_its_order(key: str) -> None:
    built = paper_table(key, REPORTED, source="reported")
    lines = [json.loads(text) for text in PAPER.read_text().splitlines()]
    lines = [one for one in lines if one["table"] == key]
    assert [found.name for found in built.rows] == list(dict.fromkeys(one["name"] for one in lines))
    for one in lines:
        found = cell(built, one["name"], one["dataset"], one["metric"])
        assert found.value == one["value"]
        assert bool(found.notes) == bool(one["note"])
    assert len(lines) == sum(len(found.cells) for found in built.rows)


def test_marks_are_those_that_the_paper_prints() -> None:
    """Red and blue of Table I on Vid4 and Vimeo-Fast, read off the paper; its best two-stage method."""
    built = paper_table("I", REPORTED, source="reported")

    def names(metric: str, dataset: str, mark: str) -> set[str]:
        return {found.name for found in built.rows if cell(built, found.name, dataset, metric).mark == mark}

    assert names("psnr", "vid4", "best") == {"STINet(Ours)", "ABME+ETDM"}
    assert names("psnr", "vid4", "second") == {"TMNet", "RSTT-L", "ABME+TTVSR"}
    assert names("ssim", "vid4", "second") == {"STARnet", "ABME+TTVSR"}
    assert names("fps", "vid4", "best") == {"Zooming Slow-Mo", "SepConv+EDVR"}
    assert {"ABME+TTVSR"} <= names("psnr", "adobe240", "best")


def test_ties_within_table_v_share_the_mark() -> None:
    built = paper_table("V", REPORTED, source="reported")
    best = [found.name for found in built.rows if cell(built, found.name, "vimeo-fast", "ssim").mark == "best"]
    assert best == ["MCL w/ l_{abs-AJ}", "MCL (STINet)"]


def test_measured_numbers_stand_beside_and_never_in_the_papers_columns() -> None:
    built = table(source="both")
    for column in built.columns:
        assert (column.metric in ("psnr", "ssim", "fps")) == (column.source == "paper")
    sources = {
        column.dataset: {c.source for c in built.columns if c.dataset == column.dataset} for column in built.columns
    }
    assert sources["vid4"] == sources["vimeo-fast"] == {"paper", "measured"}
    assert sources["adobe240"] == {"paper"}  # nobody measured it
    assert cell(built, "STINet(Ours)", "vid4", "psnr-y").value == pytest.approx(26.7)
    assert cell(built, "STINet(Ours)", "vid4", "psnr").value == 26.79


def test_a_table_without_a_measured_row_has_no_measured_column() -> None:
    assert {column.source for column in table("VI").columns} == {"paper"}
    assert "Nothing is measured yet" in table("VI").remarks[0]


def test_reported_alone_looks_at_no_run() -> None:
    assert table(source="reported") == paper_table("I", REPORTED, source="reported")


def test_baselines_that_are_not_in_the_paper_get_a_block_of_their_own() -> None:
    built = table()
    assert built.blocks[-1].title == "Not in the paper"
    assert [found.name for found in built.blocks[-1].rows] == ["Bicubic", "Farneback + bicubic", "Nearest + bicubic"]
    assert not any(block.title == "Not in the paper" for block in table("II").blocks)


def test_partial_and_failed_runs_are_noted_and_never_marked() -> None:
    built = table()
    partial = cell(built, "Bicubic", "vimeo-fast", "psnr-y")
    assert partial.notes == ("partial: 3 of 1225 clips",)
    assert partial.partial
    broken = cell(built, "Farneback + bicubic", "vid4", "psnr-y")
    assert broken.notes == ("partial: 3 of 4 clips, 1 failed",)
    assert broken.mark == ""
    assert cell(built, "Bicubic", "vid4", "psnr-y").mark == "best"


def test_fp32_is_preferred_and_the_choice_is_noted() -> None:
    shown = cell(table(), "Bicubic", "vid4", "psnr-y")
    assert shown.text == "23.00"
    assert shown.notes == ("fp32 on cpu is shown; also measured: fp16 on NVIDIA H200",)


def test_the_most_complete_of_equals_is_preferred() -> None:
    runs = [fake_run(header("bicubic", device="a"), 20.0, done=2), fake_run(header("bicubic", device="b"), 21.0)]
    assert cell(table(runs=runs), "bicubic", "vid4", "psnr-y").value == 21.0


def test_untrained_networks_never_appear() -> None:
    for source in ("both", "measured"):
        assert "99.00" not in as_text(table(source=source))
    assert cell(table(), "TMNet", "vid4", "psnr-y").notes == ("not measured yet",)


def test_other_signatures_are_left_out_by_name() -> None:
    built = table()
    assert any("--protocol zooming-slow-mo" in remark and "nearest+bicubic" in remark for remark in built.remarks)
    assert cell(built, "Nearest + bicubic", "vid4", "psnr-y").text == "22.00"
    other = table(protocol="zooming-slow-mo")
    assert cell(other, "Nearest + bicubic", "vid4", "psnr-y").text == "99.00"
    assert cell(other, "STINet(Ours)", "vid4", "psnr-y").notes == ("measured, but left out (see below)",)


def test_one_column_one_signature_whatever_was_run() -> None:
    windows = [
        fake_run(header(f"m{n}", signature=f"protocol:tmnet.v1|rate:2|window:{n}in"), 20.0 + n) for n in range(4)
    ]
    shown = {one.signature for found in table(runs=windows).rows for one in found.cells} - {""}
    assert len(shown) == 2  # one for PSNR, one for SSIM
    standard = table(runs=[*windows, fake_run(header("mine"), 10.0)])
    # The protocol's own signature counts more than how many runs another one has.
    assert [found.name for found in standard.blocks[-1].rows] == ["mine"]


def test_a_run_with_changed_options_does_not_stand_in_its_methods_row() -> None:
    changed = card("stinet", hr_features=False)
    built = table(runs=[fake_run(header("stinet", title="STINet", card=changed), 26.0), *baselines()[-2:]])
    assert cell(built, "STINet(Ours)", "vid4", "psnr-y").value == pytest.approx(26.7)
    assert any("options.hr_features=False" in remark for remark in built.remarks)


def test_released_weights_come_before_our_own_of_any_number_of_runs() -> None:
    ours = [fake_run(trained("stinet", "f" * 64, dataset), 20.0) for dataset in ("vid4", "vimeo-fast")]
    assert cell(table(runs=ours), "STINet(Ours)", "vid4", "psnr-y").text == "20.00"
    built = table(runs=[*ours, baselines()[-2]])
    assert cell(built, "STINet(Ours)", "vid4", "psnr-y").text == "26.70"


def test_weights_of_a_sweep_do_not_stand_in_the_methods_row() -> None:
    built = table(runs=[fake_run(trained("stinet", "a" * 64, options={"lambda_mcl": 1.0}), 20.0), baselines()[0]])
    assert cell(built, "STINet(Ours)", "vid4", "psnr-y").value is None
    assert any("training.lambda_mcl=1.0" in remark for remark in built.remarks)


def test_rates_do_not_mix() -> None:
    runs = [fake_run(header("stinet", rate=rate), 20.0 + rate) for rate in (2, 4, 6)]
    built = table("II", runs=runs)
    assert [cell(built, name, "vid4", "psnr-y").text for name in ("STINet(3)", "STINet(5)")] == ["24.00", "26.00"]
    assert cell(table("III", runs=runs), "STINet", "vid4", "psnr-y").text == "22.00"
    assert [text.split(":")[0] for text in built.signatures] == ["Vid4 at rate 4", "Vid4 at rate 6"]


def test_measured_alone_leaves_out_what_nobody_measured() -> None:
    assert {column.dataset for column in table(source="measured").columns} == {"vid4", "vimeo-fast"}
    nothing = table(source="measured", runs=[])
    assert {column.dataset for column in nothing.columns} == set(paper_layouts().datasets)
    assert "Nothing is measured yet" in nothing.remarks[0]


def test_reasons_are_footnotes() -> None:
    measured = Measurements(baselines(), reasons={"tmnet": "lacks weights"})
    built = paper_table("I", REPORTED, measured=measured)
    assert cell(built, "TMNet", "vid4", "psnr-y").notes == ("lacks weights",)


def test_every_empty_cell_says_why() -> None:
    for key in paper_layouts().tables:
        for found in table(key).rows:
            assert all(one.value is not None or one.notes for one in found.cells)


def test_the_misprint_is_kept_and_noted() -> None:
    shown = cell(table("VI"), "TMNet w/ MCL", "vimeo-fast", "psnr")
    assert shown.text == "27.20"
    assert "37.20 must be meant" in shown.notes[0]


def test_dataset_filter() -> None:
    built = table(datasets=["vimeo-fast"])
    assert {column.dataset for column in built.columns} == {"vimeo-fast"}
    with pytest.raises(UsageError, match="Did you mean 'vimeo-fast'"):
        table(datasets=["vimeo-fats"])
    with pytest.raises(UsageError, match="no table 'VII'"):
        table("VII")


def speed(
    method: str, milliseconds: float, *, host: str = "here", measured: str = "2026-01-01", width: int = 720
) -> SpeedRecord:
    setup = SpeedSetup(width=width, height=576, scale=4, rate=2, input_frames=4, precision="fp32", device="cpu")
    return SpeedRecord(
        session="s",
        measured=measured,
        method=method,
        method_card={},
        network_versions={},
        setup=setup,
        warmup=1,
        whole_ms=(milliseconds,),
        without_flow_ms=(milliseconds,),
        with_io_ms=(milliseconds * 2,),
        has_flow=False,
        parameters=0,
        flops=0,
        environment={"host": host},
    )


def test_measured_speed_is_that_of_one_machine() -> None:
    speeds = [
        speed("stinet", 100.0),
        speed("tmnet", 50.0),
        speed("tmnet", 1.0, host="elsewhere"),
        speed("rstt-l", 1.0, width=448),
    ]
    built = paper_table("I", REPORTED, measured=Measurements(speeds=speeds))
    fps = [index for index, column in enumerate(built.columns) if column.metric == "fps"]
    assert [built.columns[index].source for index in fps] == ["paper", "measured"]
    assert row(built, "STINet(Ours)").cells[fps[1]].text == "10.00"
    assert row(built, "TMNet").cells[fps[1]].text == "20.00"
    assert row(built, "RSTT-L").cells[fps[1]].value is None
    assert any("Speed was measured on here" in remark and "1 other" in remark for remark in built.remarks)


def test_snapshots() -> None:
    assert_snapshot(as_text(paper_table("I", REPORTED, source="reported")), "table-I-reported.txt")
    assert_snapshot(as_text(table()), "table-I-both.txt")
    assert_snapshot(as_text(table(source="measured"), width=80), "table-I-measured-narrow.txt")
    assert_snapshot(as_markdown(table(datasets=["vid4"])), "table-I-vid4.md")
    assert_snapshot(as_latex(table(datasets=["vid4"])), "table-I-vid4.tex")
    assert_snapshot(emit(table(datasets=["vid4"]), "csv"), "table-I-vid4.csv")
    assert_snapshot(as_markdown(paper_table("VI", REPORTED, source="reported")), "table-VI-reported.md")
    assert_snapshot(
        as_latex(paper_table("IV", REPORTED, source="reported"), standalone=True), "table-IV-reported.tex"
    )


@pytest.mark.parametrize("form", list(FORMATS))
def test_every_format_ends_with_one_newline(form: str) -> None:
    text = emit(table(), form)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_unknown_format_is_answered() -> None:
    with pytest.raises(UsageError, match="Known names: csv, json, latex, md, text"):
        emit(table(), "excel")


def test_json_and_csv_carry_everything() -> None:
    built = table()
    whole = json.loads(emit(built, "json"))
    places = [(column["dataset"], column["metric"], column["source"]) for column in whole["columns"]]
    lines = list(csv.DictReader(io.StringIO(emit(built, "csv"))))
    assert len(lines) == len(places) * len(built.rows)
    by_place = {(one["method"], one["dataset"], one["metric"], one["source"], one["rate"]): one for one in lines}
    for block in whole["blocks"]:
        for found in block["rows"]:
            for place, one in zip(places, found["cells"], strict=True):
                flat = by_place[found["method"], *place, str(found["rate"])]
                assert flat["value"] == ("" if one["value"] is None else str(one["value"]))
                assert flat["mark"] == one["mark"]
                assert all(note in flat["notes"] for note in one["notes"])
                assert one["value"] is not None or one["notes"]


def test_latex_is_well_formed() -> None:
    for key in paper_layouts().tables:
        assert_latex_fits(table(key))


WHOLE = table()


@settings(max_examples=15, deadline=None)
@given(st.integers(20, 260))
def test_text_stays_within_the_width_and_loses_nothing(width: int) -> None:
    wide, narrow = as_text(WHOLE), as_text(WHOLE, width=width)
    grid = [text for text in narrow.splitlines() if "─" in text]
    widest_dataset = 26 + 4 * 13
    assert all(len(text) <= max(width, widest_dataset) for text in grid)
    number = re.compile(r"\d+\.\d{2,4}[*+]?")
    assert sorted(number.findall(wide)) == sorted(number.findall(narrow))


def test_write_tables(tmp_path: Path) -> None:
    paths = write_tables(table(), tmp_path / "new")
    assert [path.name for path in paths] == ["table-I.md", "table-I.tex", "table-I.csv", "table-I.json"]
    assert paths[0].read_text() == as_markdown(table())
