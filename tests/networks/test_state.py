"""Files of weights: whatever is wrong with one, it is told in words, and no code of it runs."""

import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from harness.errors import DataError
from harness.networks.state import read_state

STATE = {"a": torch.arange(40.0), "b": torch.ones(3, 3)}


def pickled(path: Path, *, zipped: bool) -> bytes:
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    return path.read_bytes()


def read(path: Path, content: bytes) -> str:
    """What is told of a file that may be damaged; nothing where it can be read all the same."""
    path.write_bytes(content)
    try:
        read_state(path)
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_file_never_ends_in_a_traceback(zipped: bool, tmp_path: Path) -> None:
    path, generator = tmp_path / "weights.pth", random.Random(0)
    whole = pickled(path, zipped=zipped)
    assert {name: value.tolist() for name, value in read_state(path).items()} == {
        name: value.tolist() for name, value in STATE.items()
    }
    for size in range(0, len(whole) - 1, 37):
        assert str(path) in read(path, whole[:size]), size
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        read(path, bytes(damaged))


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>Too many users", bytes(500)])
def test_something_else_entirely(suffix: str, content: bytes, tmp_path: Path) -> None:
    """Above all the page that a download site shows in the place of a file."""
    assert "cannot be read as weights" in read(tmp_path / f"weights.{suffix}", content)


def test_a_cut_safetensors_file(tmp_path: Path) -> None:
    whole = save(STATE)
    assert read(tmp_path / "weights.safetensors", whole) == ""
    assert all(read(tmp_path / "weights.safetensors", whole[:size]) for size in range(0, len(whole), 37))


def test_no_file_and_no_state_dict(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*weights\.pth"):
        read_state(tmp_path / "weights.pth")
    for other in ([1, 2], {"a": 1}, {1: torch.ones(1)}):
        torch.save(other, tmp_path / "weights.pth")
        with pytest.raises(DataError, match=r"(?s)should be a state dict.*(list|dict)"):
            read_state(tmp_path / "weights.pth")


@pytest.mark.parametrize("name", ["params", "state_dict"])
def test_a_state_dict_inside_of_a_container(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"meta": {"epoch": 3}, name: STATE}, path)
    assert {key: value.tolist() for key, value in read_state(path).items()} == {
        key: value.tolist() for key, value in STATE.items()
    }
    torch.save({name: torch.ones(2)}, path)  # a layer may be called like that
    assert list(read_state(path)) == [name]
    torch.save({name: {"a": [1]}}, path)
    with pytest.raises(DataError, match="should be a state dict"):
        read_state(path)
