"""What machine this is, against what the machine itself says."""

import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from harness import __version__
from harness.evaluation.machine import cpu_model, environment, git_state, machine_state, usable_cores, version_of


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ("git", "-C", str(folder), *identity, *arguments), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = (tmp_path / "checkout").resolve()
    (folder / "harness").mkdir(parents=True)
    (folder / "harness" / "code.py").write_text("one = 1\n")
    (folder / ".gitignore").write_text("*.log\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_versions_are_those_that_run() -> None:
    facts = environment()
    assert facts["harness"] == __version__
    assert facts["python"] == platform.python_version()
    assert facts["torch"] == torch.__version__
    assert facts["numpy"] == np.__version__
    assert facts["torch_threads"] == str(torch.get_num_threads())


def test_every_fact_is_text_and_none_is_empty() -> None:
    facts = environment()
    assert all(isinstance(value, str) and value for value in facts.values())
    assert {"os", "host", "cpu", "cpu_cores"} <= facts.keys()


def test_threads_are_read_when_asked() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert environment()["torch_threads"] == str(before + 1)
    finally:
        torch.set_num_threads(before)


def test_a_gpu_is_named_where_torch_has_one() -> None:
    facts = environment()
    assert ("gpu" in facts) == torch.cuda.is_available()
    assert ("cuda" in facts) == torch.cuda.is_available()


def test_no_path_and_no_user_is_told() -> None:
    told = " ".join(environment().values())
    assert str(Path.home()) not in told
    assert str(Path(__file__).parents[2]) not in told


def test_processor_and_cores() -> None:
    assert cpu_model()
    assert usable_cores() >= 1


def test_commit_of_a_clean_checkout(checkout: Path) -> None:
    assert git_state(checkout) == {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": "false"}


@pytest.mark.parametrize("name", ["harness/code.py", "harness/new.py", "methods/new.toml"])
def test_a_changed_or_new_file_that_decides_numbers_is_dirt(checkout: Path, name: str) -> None:
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("two = 2\n")
    assert git_state(checkout)["dirty"] == "true"


@pytest.mark.parametrize("name", ["results/run.json", "notes.txt", "harness/run.log"])
def test_results_and_ignored_files_are_none(checkout: Path, name: str) -> None:
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("x\n")
    assert git_state(checkout)["dirty"] == "false"


def test_somebody_elses_checkout_says_nothing(checkout: Path, tmp_path: Path) -> None:
    assert git_state(checkout / "harness") == {}
    assert git_state(tmp_path) == {}
    assert git_state(tmp_path / "missing") == {}


def test_a_checkout_without_a_commit_says_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert git_state(tmp_path.resolve()) == {}


def test_a_git_hooks_surroundings_do_not_answer(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert git_state(checkout)["commit"] == git_commit(checkout, monkeypatch)


def git_commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("GIT_DIR")
    return git(folder, "rev-parse", "HEAD")


def test_without_git_there_is_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_state(checkout) == {}


def test_version_of_what_is_not_installed() -> None:
    assert version_of("no-such-distribution") == ""


def test_state_is_text() -> None:
    assert all(isinstance(value, str) and value for value in machine_state().values())
