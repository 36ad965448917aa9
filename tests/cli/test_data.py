"""`harness data`: exit codes, what is printed where, and nothing heavy at import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.main import app
from tests.clips.making import noise, two_clips, write_frames

CARD = """
title = "Pair"
summary = "Two clips."
layout = "clip-folders"
folders = ["pair/GT"]
manifest = "pair.json"
download = "Ask the owner of the pair."
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HARNESS_DATA", "HARNESS_CARDS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """A user's folder of cards with one dataset, whose clips lie below data/."""
    _, manifest = two_clips(tmp_path / "data")
    folder = tmp_path / "cards"
    (folder / "datasets").mkdir(parents=True)
    (folder / "datasets" / "pair.toml").write_text(CARD)
    (folder / "datasets" / "pair.json").write_text(manifest.model_dump_json(exclude_none=True))
    return folder


def data(*arguments: str, cards: Path | None = None) -> Result:
    return CliRunner().invoke(app, ["data", *arguments, *(["--cards", str(cards)] if cards else [])])


def test_right_data(cards: Path) -> None:
    done = data("check", "pair", cards=cards)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "pair in data/pair",
        "  proven     one  7 frames 32x24, pixels as published",
        "  proven     two  9 frames 32x24, pixels as published",
        "2 clips: 2 proven",
    ]
    assert done.stderr == ""


def test_wrong_data(cards: Path) -> None:
    Path("data/pair/GT/one/3.png").unlink()
    torn = Path("data/pair/GT/two/5.png")
    torn.write_bytes(torn.read_bytes()[:-99])
    done = data("check", "pair", cards=cards)
    assert done.exit_code == 1
    assert "wrong      one  6 frames, not 7; number 3 left out" in done.stdout
    assert "5.png is damaged" in done.stdout
    assert "2 clips: 2 wrong" in done.stdout


def test_missing_data_says_where_it_can_be_had(cards: Path) -> None:
    Path("data/pair/GT/one").rename("data/pair/GT/zero")
    done = data("check", "pair", cards=cards)
    assert done.exit_code == 1
    assert "  missing    one\n  extra      zero\n" in done.stdout
    assert "Ask the owner" in done.stderr
    assert "Ask the owner" not in done.stdout


def test_nothing_there(cards: Path) -> None:
    done = data("check", "pair", "--data-root", "nowhere", cards=cards)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "nowhere/pair/GT" in done.stderr
    assert "Ask the owner" in done.stderr


def test_json_is_the_product_and_nothing_else(cards: Path) -> None:
    done = data("check", "pair", "--json", cards=cards)
    report = json.loads(done.stdout)
    assert report["right"] is True
    assert [(clip["clip"], clip["status"]) for clip in report["clips"]] == [("one", "proven"), ("two", "proven")]
    assert len(report["clips"][0]["pixels"]) == 64
    Path("data/pair/GT/one/3.png").unlink()
    done = data("check", "pair", "--json", cards=cards)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["clips"][0]["status"] == "wrong"


def test_many_clips_are_summed_up() -> None:
    for number in range(40):
        write_frames(Path("many") / f"clip{number}", noise(1, 8, 8))
    done = data("check", "frames", "--data-root", "many")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == ["frames in many", "40 clips: 40 plausible"]


def test_prepare_and_again(cards: Path) -> None:
    done = data("prepare", "pair", cards=cards)
    assert done.exit_code == 0, done.output
    assert done.stdout == "LR frames of 2 of 2 clips are in data/pair/LR_bicubic_x4\n"
    made = {path: path.stat().st_mtime_ns for path in Path("data/pair/LR_bicubic_x4").rglob("*.png")}
    assert len(made) == 16
    assert data("prepare", "pair", cards=cards).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert data("check", "pair", cards=cards).exit_code == 0


def test_prepare_goes_on_after_a_bad_clip(cards: Path) -> None:
    torn = Path("data/pair/GT/one/5.png")
    torn.write_bytes(torn.read_bytes()[:-99])
    done = data("prepare", "pair", cards=cards)
    assert done.exit_code == 1
    assert "5.png is damaged" in done.stderr
    assert "LR frames of 1 of 2 clips" in done.stdout
    assert (Path("data/pair/LR_bicubic_x4/two") / "8.png").exists()


def test_prepare_without_data(cards: Path) -> None:
    done = data("prepare", "pair", "--data-root", "nowhere", cards=cards)
    assert done.exit_code == 2
    assert "Ask the owner" in done.stderr


def test_demo_needs_nothing() -> None:
    done = data("prepare", "demo")
    assert (done.exit_code, "nothing to prepare" in done.stdout) == (0, True)
    done = data("check", "demo-slow")
    assert done.exit_code == 0
    assert "3 clips: 3 proven" in done.stdout


def test_without_a_command_it_lists_what_is_here(cards: Path) -> None:
    done = data(cards=cards)
    assert done.exit_code == 0
    assert "pair: Two clips.\n  in data/pair/GT\n" in done.stdout
    assert "vid4: " in done.stdout
    assert "  not below data\n  Put the ground truth of Vid4" in done.stdout


def test_unknown_names() -> None:
    done = data("check", "vid5")
    assert done.exit_code == 2
    assert "Did you mean 'vid4'?" in done.stderr


def test_nothing_heavy_is_imported() -> None:
    probe = "import sys, harness.cli.data; sys.exit(bool({'torch', 'numpy', 'PIL', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run((sys.executable, "-c", probe), check=False).returncode == 0
