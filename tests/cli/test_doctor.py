"""The doctor: well here, and ill where something is taken away."""

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harness.cli import doctor
from harness.ops.deform_conv import explain

app = typer.Typer()
app.command()(doctor.doctor)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HARNESS_DATA", "HARNESS_RESULTS", "HARNESS_WEIGHTS", "HARNESS_CARDS"):
        monkeypatch.delenv(name, raising=False)


def examine(*arguments: str, code: int = 0) -> dict[tuple[str, str], dict[str, str]]:
    """The findings by section and name."""
    done = CliRunner().invoke(app, ["--json", *arguments])
    assert done.exit_code == code, done.output
    report = json.loads(done.stdout)
    assert report["ok"] == (code == 0)
    return {(line["section"], line["name"]): line for line in report["findings"]}


def test_all_is_well_here() -> None:
    found = examine()
    assert not [line for line in found.values() if line["state"] == "broken"]
    assert {"torch", "numpy", "python"} <= {name for section, name in found if section == "Versions"}
    assert found["Operators", "resize"]["text"] == "own PyTorch operator"
    assert found["Operators", "deform_conv"]["text"] == explain()
    assert found["Cards", "methods"]["state"] == "ok"


def test_people_read_the_same() -> None:
    done = CliRunner().invoke(app)
    assert done.exit_code == 0
    for words in ("Versions", "Devices", "Operators", "Folders", "Nothing is broken."):
        assert words in done.stdout


def test_the_environment_is_in_the_json() -> None:
    done = CliRunner().invoke(app, ["--json"])
    assert {"harness", "torch", "cpu"} <= json.loads(done.stdout)["environment"].keys()


def test_the_core_and_the_extras_are_those_of_the_package() -> None:
    wanted = doctor.requirements()
    assert {"torch", "numpy", "typer"} <= set(wanted[""])
    assert wanted["lpips"] == ["lpips", "torchvision"]
    assert "pytest" in wanted["test"]


def test_an_extra_that_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requirements", lambda: {"": ["numpy"], "rare": ["numpy", "no-such-thing"]})
    line = examine()["Extras", "rare"]
    assert line["state"] == "note"
    assert line["text"] == "without no-such-thing: pip install 'stvsr-harness[rare]'"


def test_a_core_package_that_does_not_import_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requirements", lambda: {"": ["numpy", "no-such-thing"]})
    line = examine(code=2)["Versions", "no-such-thing"]
    assert line["state"] == "broken"
    assert "pip install" in line["text"]


def test_without_torch_it_still_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # what an import of a missing package meets
    found = examine(code=2)
    assert found["Versions", "torch"]["state"] == "broken"
    assert found["Devices", "cpu"]["state"] == "ok"
    assert ("Devices", "cuda") not in found


def test_an_operator_that_does_not_import_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.OPERATORS, "magic", "harness.ops.no_such_operator")
    assert examine(code=2)["Operators", "magic"]["state"] == "broken"


def test_a_card_with_a_typo_is_broken(tmp_path: Path) -> None:
    (tmp_path / "mine" / "methods").mkdir(parents=True)
    (tmp_path / "mine" / "methods" / "odd.toml").write_text('title = "Odd"\nfamily = "baseline"\nnetwrok = "x"\n')
    line = examine("--cards", str(tmp_path / "mine"), code=2)["Cards", "cards"]
    assert "odd.toml" in line["text"]
    assert "netwrok" in line["text"]


def test_folders_that_are_not_there_are_worth_a_note_only() -> None:
    found = examine()
    assert found["Folders", "data"]["state"] == "note"
    assert "HARNESS_DATA" in found["Folders", "data"]["text"]
    assert found["Folders", "results"] == {
        "section": "Folders",
        "name": "results",
        "state": "ok",
        "text": "results: made by the first run",
    }


def test_folders_that_are_there_show_what_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "else" / "Vid4").mkdir(parents=True)
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "else"))
    found = examine("--data-root", str(tmp_path / "else"))
    assert found["Folders", "data"]["text"].endswith("else: Vid4")
    assert found["Folders", "weights"]["state"] == "ok"


def test_results_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("a file is in the way")
    line = examine("--results", str(tmp_path / "full" / "results"))["Folders", "results"]
    assert line["state"] == "note"
    assert "not writable" in line["text"]


def test_without_pyav_it_says_which_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    line = examine()["Video", "PyAV"]
    assert line["state"] == "note"
    assert "stvsr-harness[video]" in line["text"]
