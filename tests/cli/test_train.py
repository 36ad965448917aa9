"""`harness train`: what it prints, refuses and leaves."""

import json
import sys
from pathlib import Path

import pytest
import typer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from harness.cli.train import train
from harness.errors import CardError, DataError, MissingExtraError, UsageError
from harness.training import board
from harness.training.folder import read_log
from tests.training.setting import TINY, write_clips
from tests.training.standin import Standin

NETWORKS = (("standin", Standin, True),)
app = typer.Typer()
app.command()(train)
SETTINGS = [part for key, value in TINY.items() for part in ("--set", f"recipe.{key}={value}")]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def given(clips: Path, tmp_path: Path) -> list[str]:
    where = ["--results", str(tmp_path / "results"), "--device", "cpu"]
    return ["-m", "standin", "--data", str(clips), "--recipe", "smoke", *where, *SETTINGS]


def refused(*arguments: str) -> str:
    error = CliRunner().invoke(app, list(arguments)).exception
    assert isinstance(error, CardError | DataError | UsageError | MissingExtraError), error
    return str(error)


def test_it_says_what_it_left(given: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "results" / "training").iterdir()
    assert folder.name.startswith("standin--clips")
    assert "trained    6 iterations" in done.stdout
    assert "dB PSNR-Y" in done.stdout
    assert str(folder / "weights.safetensors") in done.stdout
    assert "iteration 6" in done.stderr


def test_other_options_go_to_other_folders(given: list[str], tmp_path: Path) -> None:
    CliRunner().invoke(app, given)
    CliRunner().invoke(app, [*given, "--set", "training.lambda_mcl=0.001"])
    CliRunner().invoke(app, [*given, "--set", "recipe.log_every=1"])
    assert len(list((tmp_path / "results" / "training").iterdir())) == 2


def test_json_is_the_product_alone(given: list[str]) -> None:
    done = CliRunner().invoke(app, [*given, "--json"])
    product = json.loads(done.stdout)
    assert product["record"]["iterations"] == 6
    assert Path(product["weights"]).is_file()
    assert done.stderr == ""


def test_a_dry_run_trains_nothing(given: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*given, "--dry-run"])
    assert "6 iterations of 2 crops" in done.stdout
    assert not (tmp_path / "results").exists()
    plan = json.loads(CliRunner().invoke(app, [*given, "--dry-run", "--json"]).stdout)
    assert plan["recipe"]["batch"] == 2


def test_ctrl_c(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN", "interrupt:3")
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 130
    assert "the same command continues" in done.stderr


def test_it_refuses(given: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "Did you mean 'batch'" in refused(*given, "--set", "recipe.bach=1")
    assert "Did you mean 'lambda_mcl'" in refused(*given, "--set", "training.lamda_mcl=1")
    monkeypatch.delenv("HARNESS_VGG19", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert "--set training.lambda_per=0" in refused(*given, "--set", "training.lambda_per=0.1")
    assert "no such folder" in refused("-m", "standin", "--data", "gone", "--recipe", "smoke")
    assert "names no recipe" in refused("-m", "standin", "--data", "demo")
    assert "cannot be trained" in refused("-m", "bicubic", "--data", "demo", "--recipe", "smoke")


def test_tensorboard(given: list[str]) -> None:
    done = CliRunner().invoke(app, [*given, "--tensorboard", "--json"])
    assert done.exit_code == 0, done.output
    folder = Path(json.loads(done.stdout)["folder"])
    logged = [line for line in read_log(folder / "log.jsonl") if line["event"] == "losses"]
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    points = [(point.step, point.value) for point in events.Scalars("losses/losses/total")]
    assert [step for step, _ in points] == [line["iteration"] for line in logged] != []
    wanted = [line["losses"]["total"] for line in logged if isinstance(line["losses"], dict)]
    assert [value for _, value in points] == pytest.approx(wanted)
    assert {"losses/lr", "validation/psnr_y"} <= set(events.Tags()["scalars"])


def test_tensorboard_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"stvsr-harness\[train\]"):
        board.open_board(tmp_path, iteration=0)
