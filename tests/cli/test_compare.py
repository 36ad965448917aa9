"""`harness compare` at the command line."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.compare import compare
from harness.errors import UsageError
from tests.reports.fakes import fake_run, header, write_run

app = typer.Typer()
app.command()(compare)
CLIPS = [f"c{number}" for number in range(8)]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for dataset, clips in (("vid4", CLIPS[:4]), ("demo", CLIPS)):
        write_run(tmp_path, fake_run(header("alpha", dataset, title="Alpha", clips=clips), 25.0))
        write_run(tmp_path, fake_run(header("beta", dataset, title="Beta", clips=clips), 24.0))
    return tmp_path


def output(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_all_common_datasets_by_default(results: Path) -> None:
    text = output("alpha", "beta", "--results", str(results))
    assert "Demo, PSNR: Alpha is better than Beta (by 1.000 dB" in text
    assert "Vid4, PSNR: no claim is possible." in text
    assert "corrected for 4 tests" in text


def test_one_dataset_and_one_metric(results: Path) -> None:
    text = output("alpha", "beta", "-d", "vid4", "--metric", "ssim-y", "--results", str(results))
    assert "Demo" not in text
    assert "corrected for 1 tests" in text


def test_json_is_all_that_is_printed(results: Path) -> None:
    whole = json.loads(output("alpha", "beta", "--json", "--seed", "7", "--results", str(results)))
    assert whole["seed"] == 7
    assert [one["dataset"] for one in whole["comparisons"]] == ["demo", "demo", "vid4", "vid4"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["alpha", "gamma"], "Runs of 'gamma' are wanted"),
        (["alpha", "beta", "-d", "vimeo-fast"], "harness run --method alpha --method beta --dataset vimeo-fast"),
        (["alpha", "beta", "--rate", "4"], "Runs of 'alpha' are wanted"),
        (["alpha", "beta", "--metric", "psnr"], "no metric 'psnr'"),
        (["alpha", "beta", "--frames", "gven"], "Did you mean 'given'"),
    ],
)
def test_misuse_is_answered(arguments: list[str], words: str, results: Path) -> None:
    error = CliRunner().invoke(app, [*arguments, "--results", str(results)]).exception
    assert isinstance(error, UsageError)
    assert words in str(error)
