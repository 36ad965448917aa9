"""Weights by path: what they say of themselves, and what they are refused for."""

import json
from pathlib import Path

import pytest
import torch

from harness.cards import CardLibrary, MethodCard, Overrides
from harness.errors import DataError, UsageError
from harness.training.export import export
from harness.upscalers.trained import training_of, with_weights

RECORD = {
    "key": "0123456789abcdef",
    "setting": "s",
    "recipe": {"batch": 16, "crop": 32, "max_seconds": 320.0},
    "data": {"name": "davis270"},
    "iterations": 3148,
    "initial": "",
    "seed": 7,
    "training": {"lambda_per": 0.0, "ssr": "finetune"},
}


def card(**options: object) -> MethodCard:
    changes = [f"options.{key}={value}" for key, value in options.items()]
    return Overrides.parse(changes).apply(CardLibrary().method("stinet"))


def weights(path: Path, method: MethodCard, record: object = RECORD) -> Path:
    assert isinstance(record, dict)
    export({"a": torch.ones(2)}, path, card=method.model_dump(mode="json"), record=record)
    return path


def test_training_is_read_from_the_record_inside(tmp_path: Path) -> None:
    found = training_of(weights(tmp_path / "w.safetensors", card()))
    assert found is not None
    assert found.budget == "3148 iterations in 320 s of 16 crops (32x32) from davis270"
    assert (found.seed, found.options["ssr"]) == (7, "finetune")


@pytest.mark.parametrize("record", [{}, {**RECORD, "iterations": "many"}, {**RECORD, "data": None}])
def test_what_is_no_record_says_nothing(tmp_path: Path, record: dict[str, object]) -> None:
    assert training_of(weights(tmp_path / "w.safetensors", card(), record)) is None


def test_files_of_other_kinds_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no safetensors")
    torch.save({"a": torch.ones(1)}, tmp_path / "w.pth")
    assert training_of(tmp_path / "w.safetensors") is None
    assert training_of(tmp_path / "w.pth") is None


def test_the_tag_is_the_training_or_the_file(tmp_path: Path) -> None:
    _, tag = with_weights(card(), weights(tmp_path / "w.safetensors", card()))
    assert tag == "01234567"
    torch.save({"a": torch.ones(1)}, tmp_path / "foreign.pth")
    changed, tag = with_weights(card(), tmp_path / "foreign.pth")
    assert tag == "foreign"
    assert changed.weights["foreign"].file == "foreign.pth"


def test_weights_of_other_options_are_refused_with_the_command(tmp_path: Path) -> None:
    raw = weights(tmp_path / "w.safetensors", card(flow="raw", hr_features="false"))
    with pytest.raises(DataError) as raised:
        with_weights(card(), raw)
    assert "--set options.flow=raw --set options.hr_features=false" in str(raised.value)
    with_weights(card(flow="raw", hr_features="false"), raw)


def test_a_card_of_another_version_is_left_to_the_shapes(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    export({"a": torch.ones(1)}, path, card={"options": {"new": json.dumps(1)}}, record=RECORD)
    with_weights(card(), path)


def test_two_networks_have_no_one_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one network"):
        with_weights(CardLibrary().method("farneback+bicubic"), tmp_path / "w.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        with_weights(card(), tmp_path / "nowhere.safetensors")
