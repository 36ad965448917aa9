"""A user's card folder, written by the tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cards import CardLibrary

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def _no_user_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HARNESS_CARDS", raising=False)


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """An empty card folder."""
    folder = tmp_path / "cards"
    folder.mkdir()
    return folder


@pytest.fixture
def write(user: Path) -> Write:
    """Writes a file below the card folder."""

    def write_file(place: str, text: str) -> Path:
        path = user / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def library(user: Path) -> CardLibrary:
    """The shipped cards and those of the user's folder."""
    return CardLibrary((user,))
