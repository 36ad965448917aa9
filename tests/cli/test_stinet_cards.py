"""Every STINet card is where people look for it: in the list of methods, and in its tables of the paper."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cards import CardLibrary, MethodCard
from harness.cards.library import shipped_folder
from harness.cli.main import app

LIBRARY = CardLibrary()
CARDS = sorted(path.stem for path in (shipped_folder("methods") / "stinet").glob("*.toml"))
PAPER = {"I": 6, "II": 2, "III": 3, "IV": 9, "V": 6}
"""Rows of STINet and of its variants in each table."""

FULL_NAME = {"V": "MCL (STINet)"}
"""What the paper calls the whole STINet where it does not say so."""


def output(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def cards_of(table: str) -> list[MethodCard]:
    return [card for card in map(LIBRARY.method, CARDS) if any(row.table == table for row in card.rows)]


def test_all_are_listed_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    lines = output("list", "methods").splitlines()
    for name in CARDS:
        (line,) = (line for line in lines if line.split()[1] == name)
        if name == "stinet-s":  # whose weights are shipped
            assert "  ready  " in line
            continue
        assert " lacks weights " in line
        if LIBRARY.method(name).weights:
            assert f"{tmp_path / 'stinet' / 'stinet.pth'} is missing; get it from: " in line
        else:
            assert line.endswith(f"train it: harness train --method {name} --data DIR --recipe evening")
    assert len(CARDS) == 23


@pytest.mark.parametrize("table", PAPER)
def test_a_table_lists_its_variants(table: str, tmp_path: Path) -> None:
    rows = [(row, card) for card in cards_of(table) for row in card.rows if row.table == table]
    assert len(rows) == PAPER[table]
    lines = output("table", table, "--results", str(tmp_path)).splitlines()
    for _, card in rows:
        title = FULL_NAME.get(table, card.title) if card.name == "stinet" else card.title
        assert any(line.strip().startswith(title) for line in lines), title


def test_a_row_without_weights_is_refused_with_the_command_that_makes_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", "-m", "stinet-stgr-wo-et", "-d", "demo", "--results", str(tmp_path)])
    assert done.exit_code == 2
    assert "harness train --method stinet-stgr-wo-et" in done.stderr
    assert "--untrained" in done.stderr
