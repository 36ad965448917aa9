"""`harness speed`: what it prints, keeps and refuses. Durations themselves are never tested."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.speed import parse_size, speed, speed_table
from harness.errors import CardError, UsageError
from harness.records.speed import SpeedRecord, read_speed, save_speed

app = typer.Typer()
app.command()(speed)
TINY = ("--size", "32x32", "--repeats", "2", "--warmup", "0", "--device", "cpu")


class Done(NamedTuple):
    exit_code: int
    stdout: str
    exception: BaseException | None


def call(*arguments: str) -> Done:
    done = CliRunner().invoke(app, list(arguments))
    return Done(done.exit_code, done.stdout, done.exception)


def refused(*arguments: str) -> str:
    """The words of the error that the arguments earn."""
    error = call(*arguments).exception
    assert isinstance(error, (UsageError, CardError)), error
    return str(error)


@pytest.fixture
def measured(tmp_path: Path) -> SpeedRecord:
    done = call("-m", "nearest+bicubic", *TINY, "--save", "--results", str(tmp_path))
    assert done.exit_code == 0, done.exception
    (record,) = read_speed(tmp_path)
    return record


def test_json_is_the_product_alone() -> None:
    done = call("-m", "nearest+bicubic", "-m", "farneback+bicubic", *TINY, "--json")
    assert done.exit_code == 0, done.exception
    first, second = json.loads(done.stdout)
    assert [first["method"], second["method"]] == ["nearest+bicubic", "farneback+bicubic"]
    assert (first["has_flow"], second["has_flow"]) == (False, True)
    assert first["ratio_to_first"] == [1, 1, 1]
    assert len(second["whole_ms"]) == 2
    assert first["setup"]["input_frames"] == 4  # as the protocol tmnet says at rate 2
    assert second["network_versions"].keys() == {"farneback", "flow:farneback", "bicubic"}


def test_stages_have_their_times_and_stages_by_themselves_none() -> None:
    done = call("-m", "farneback+bicubic", *TINY)
    assert "farneback+bicubic: interpolation " in done.stdout and ", super-resolution " in done.stdout
    done = call("-m", "farneback", *TINY, "--task", "interpolation", "--json")
    (record,) = json.loads(done.stdout)
    assert record["stages_ms"] == {}
    assert (record["setup"]["scale"], record["setup"]["rate"], record["setup"]["input_frames"]) == (1, 2, 2)
    done = call("-m", "s-sr", *TINY, "--task", "super-resolution", "--set", "options.channels=8", "--json")
    (record,) = json.loads(done.stdout)
    assert (record["setup"]["scale"], record["setup"]["rate"], record["setup"]["input_frames"]) == (4, 1, 7)


def test_operators_can_be_chosen() -> None:
    done = call("-m", "bicubic", *TINY, "--set", "ops.deform_conv=pytorch", "--json")
    (record,) = json.loads(done.stdout)
    assert record["network_versions"].keys() == {"blend", "bicubic"}
    assert "Did you mean 'torchvision'" in refused("-m", "bicubic", *TINY, "--set", "ops.deform_conv=torchvison")


def test_the_table_names_methods_setup_and_machine() -> None:
    done = call("-m", "nearest+bicubic", "-m", "bicubic", *TINY)
    assert "32x32 HR · scale 4 · rate 2 · window 4 -> 7 frames · fp32 · cpu" in done.stdout
    assert "time / nearest+bicubic" in done.stdout
    assert "has no flow" in done.stdout
    assert "machine: " in done.stdout


def test_nothing_is_kept_unless_asked(tmp_path: Path) -> None:
    assert call("-m", "bicubic", *TINY, "--results", str(tmp_path)).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_can_be_shown(measured: SpeedRecord, tmp_path: Path) -> None:
    assert measured.environment["torch"]
    done = call("--show", "--results", str(tmp_path))
    assert done.exit_code == 0
    assert "nearest+bicubic" in done.stdout


def test_machines_side_by_side_only_when_asked(measured: SpeedRecord, tmp_path: Path) -> None:
    elsewhere = measured.model_copy(update={"environment": {**measured.environment, "host": "elsewhere"}})
    save_speed(elsewhere, tmp_path)
    assert "--across-machines" in refused("--show", "--results", str(tmp_path))
    done = call("--show", "--across-machines", "--results", str(tmp_path))
    assert done.exit_code == 0
    assert "elsewhere" in done.stdout


def test_setups_have_tables_of_their_own(measured: SpeedRecord, tmp_path: Path) -> None:
    other = measured.model_copy(update={"setup": measured.setup.model_copy(update={"rate": 6})})
    save_speed(other, tmp_path)
    done = call("--show", "--results", str(tmp_path))
    assert done.stdout.count("time / nearest+bicubic") == 2


def test_showing_what_was_never_measured(measured: SpeedRecord, tmp_path: Path) -> None:
    assert "bicubic" in refused("--show", "-m", "bicubic", "--results", str(tmp_path))
    assert "--save" in refused("--show", "--results", str(tmp_path / "empty"))


def test_overrides_and_windows_reach_the_method() -> None:
    done = call("-m", "bicubic", *TINY, "--set", "options.window=3", "--json")
    assert json.loads(done.stdout)[0]["setup"]["input_frames"] == 3
    done = call("-m", "bicubic", *TINY, "--input-frames", "2", "--rate", "6", "--json")
    assert json.loads(done.stdout)[0]["setup"]["rate"] == 6


@pytest.mark.parametrize("size", ["720", "720x", "x576", "0x4", "720x-4", "a×b"])
def test_a_size_that_is_none(size: str) -> None:
    with pytest.raises(UsageError, match="720x576"):
        parse_size(size)


def test_bad_use_is_answered() -> None:
    assert "--method" in refused()
    assert "bicubic" in refused("-m", "bicubik", *TINY)
    assert "--size 32x32" in refused("-m", "bicubic", *TINY, "--size", "34x32")
    assert "fp32" in refused("-m", "bicubic", *TINY, "--precision", "fp8")


def test_columns_are_aligned(measured: SpeedRecord) -> None:
    long = measured.model_copy(update={"method": "a-method-with-a-long-name"})
    header, *rows = speed_table([measured, long])
    column = header.index("whole")
    assert all(row[column - 1] == " " and row[column] != " " for row in rows)
