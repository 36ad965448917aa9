"""`harness plot` at the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.plot import app
from harness.errors import HarnessError
from tests.reports.fakes import fake_run, trained, write_run


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for index, weight in enumerate((0.0, 0.1, 1.0)):
        head = trained("stinet", f"{index}" * 64, options={"lambda_per": weight}, title="STINet")
        write_run(tmp_path, fake_run(head, 24.0 + index, fail=int(index == 2)))
    return tmp_path


def test_the_plot_lies_where_reports_lie(results: Path) -> None:
    done = CliRunner().invoke(app, ["loss-weights", "--results", str(results)], catch_exceptions=False)
    path = results / "reports" / "loss-weights--stinet--vid4.png"
    assert done.stdout == f"plot     {path}\n"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "λ₁ = 1, λ₂ = 0.1, seed 0 (3 of 4 clips, 1 failed)" in done.stderr


def test_json_alone_draws_nothing(results: Path) -> None:
    arguments = ["loss-weights", "--results", str(results), "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    points = json.loads(done.stdout)["panels"][0]["curves"][0]["points"]
    assert [point["lambda_per"] for point in points] == [0.0, 0.1]
    assert not (results / "reports").exists()
    both = CliRunner().invoke(app, [*arguments, "-o", str(results / "f.svg")], catch_exceptions=False)
    assert json.loads(both.stdout)
    assert (results / "f.svg").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "vid5"], "Did you mean 'vid4'"),
        (["--study", "nothing"], "There is no study 'nothing'"),
        (["--setting", "0123"], "none that fit, of these"),
        (["-o", "figure.gif"], "The suffix of a picture says its format"),
    ],
)
def test_misuse_is_answered(arguments: list[str], words: str, results: Path) -> None:
    error = CliRunner().invoke(app, ["loss-weights", "--results", str(results), *arguments]).exception
    assert isinstance(error, HarnessError), error
    assert words in str(error)
