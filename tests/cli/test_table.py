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
from tests.reports.fakes import fake_run, header, write_run

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
    for name in ("I", "leaderboard"):
        command = [sys.executable, "-c", program, name, "--results", str(results)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
