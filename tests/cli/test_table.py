"""`harness table` at the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.table import table
from harness.errors import HarnessError, UsageError
from harness.records.study import Study, StudyCell, StudyRow
from tests.reports.fakes import fake_run, header, trained, write_run

app = typer.Typer()
app.command()(table)


def output(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def refused(*arguments: str) -> HarnessError:
    error = CliRunner().invoke(app, list(arguments)).exception
    assert isinstance(error, HarnessError), error
    return error


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_run(tmp_path, fake_run(header("bicubic", title="Bicubic"), 23.0))
    write_run(tmp_path, fake_run(header("farneback+bicubic", title="Farneback + bicubic"), 23.5))
    return tmp_path


@pytest.mark.parametrize("name", ["I", "ii", "III", "IV", "V", "vi"])
def test_tables_of_the_paper(name: str, tmp_path: Path) -> None:
    text = output(name, "--results", str(tmp_path))
    assert text.startswith(f"Table {name.upper()}. ")
    assert "Vimeo-Medium" in text


def test_sources(results: Path) -> None:
    both = output("I", "--results", str(results))
    assert "measured" in both
    assert "23.50" in both
    assert "23.50" not in output("I", "--source", "reported", "--results", str(results))
    assert "26.79" not in output("I", "--source", "measured", "--results", str(results))


def test_what_cannot_be_measured_says_why(results: Path) -> None:
    text = output("I", "--results", str(results))
    assert "cannot be measured here yet: lacks" in text


def test_leaderboard(results: Path) -> None:
    lines = output("leaderboard", "--results", str(results)).splitlines()
    names = [line.split("  ")[0] for line in lines]
    assert names.index("Farneback + bicubic") < names.index("Bicubic")


def test_formats_and_files(results: Path, tmp_path: Path) -> None:
    common = ("leaderboard", "--results", str(results))
    whole = json.loads(output(*common, "--format", "json"))
    assert whole["table"] == "leaderboard"
    path = tmp_path / "deep" / "board.tex"
    assert output(*common, "--format", "latex", "--standalone", "--output", str(path)) == ""
    assert path.read_text().startswith("\\documentclass")
    assert output(*common, "--format", "md").startswith("**Everything")


def write_study(results: Path) -> Study:
    """A study of two rows, one of them scored."""
    rows = (
        StudyRow(name="STINet", method="stinet", paper_row=9),
        StudyRow(name="w/o Inet", method="stinet", paper_row=2),
    )
    cells = tuple(StudyCell(row=index, seed=0, key=f"{index}" * 64, folder="x") for index in range(2))
    made = Study(
        name="inet-smoke",
        kind="ablation",
        table="IV",
        full=0,
        setting="setting-1",
        budget="4 iterations of 8 crops (8x8) from demo",
        datasets=("vid4",),
        rows=rows,
        cells=cells,
    )
    path = results / "studies" / made.name / "study.json"
    path.parent.mkdir(parents=True)
    path.write_text(made.model_dump_json())
    write_run(results, fake_run(trained("stinet", "0" * 64), 24.0))
    return made


def test_the_table_of_a_study(results: Path) -> None:
    made = write_study(results)
    text = output("inet-smoke", "--results", str(results))
    assert text.startswith("Ablation 'inet-smoke'")
    assert "24.00" in text
    assert made.budget in text
    assert "paper" in output("inet-smoke", "--source", "both", "--results", str(results)).splitlines()[3]
    assert json.loads(output("inet-smoke", "--format", "json", "--results", str(results)))["table"] == "inet-smoke"


def test_misuse_of_a_study_is_answered(results: Path) -> None:
    write_study(results)
    assert "Did you mean 'inet-smoke'" in str(refused("inet-smok", "--results", str(results)))
    reported = refused("inet-smoke", "--source", "reported", "--results", str(results))
    assert "harness table IV --source reported" in str(reported)
    assert "has no dataset 'demo'" in str(refused("inet-smoke", "--dataset", "demo", "--results", str(results)))
    (results / "studies" / "inet-smoke" / "study.json").write_text("{}")
    assert "is not a study" in str(refused("inet-smoke", "--results", str(results)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["leaderbord"], "Did you mean 'leaderboard'"),
        (["I", "--source", "papers"], "no source 'papers'"),
        (["I", "--format", "excel"], "no format 'excel'"),
        (["I", "--dataset", "vimeo-fats"], "Did you mean 'vimeo-fast'"),
        (["I", "--protocol", "tment"], "Did you mean 'tmnet'"),
        (["leaderboard", "--source", "reported"], "shows what was measured"),
        (["I", "--standalone"], "--format latex"),
    ],
)
def test_misuse_is_answered(arguments: list[str], words: str, results: Path) -> None:
    assert words in str(refused(*arguments, "--results", str(results)))


def test_nothing_measured(tmp_path: Path) -> None:
    assert isinstance(refused("leaderboard", "--results", str(tmp_path)), UsageError)
    assert "Nothing is measured yet" in output("I", "--results", str(tmp_path))


def test_heavy_packages_stay_out(results: Path) -> None:
    program = (
        "import sys, typer; from harness.cli.table import table\n"
        "app = typer.Typer(); app.command()(table)\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy', 'numpy', 'skimage'} & sys.modules.keys()\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    write_study(results)
    for name in ("I", "leaderboard", "inet-smoke"):
        command = [sys.executable, "-c", program, name, "--results", str(results)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
