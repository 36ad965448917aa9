"""Exported weights: what is inside, and that the upscaler reads them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.cards.method import WeightsFile
from harness.errors import DataError, TrainingError, UsageError
from harness.training.export import export, read_record
from harness.training.options import TrainingOptions
from harness.training.trainable import Prediction, SupervisedTrainable, Units, trainable_of
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.weights import load_weights
from tests.training.conftest import Run
from tests.training.standin import Standin

NETWORKS = (("standin", Standin, True),)


def test_weights_say_how_they_were_made(run: Run) -> None:
    trained = run(sets=("training.lambda_mcl=0.001",))
    card, record = read_record(trained.weights)
    assert card["name"] == "standin"
    assert record == trained.record
    assert record["training"] == TrainingOptions(lambda_mcl=0.001).model_dump()
    assert record["iterations"] == 6
    assert record["data"]["clips"] == 2  # type: ignore[index]
    assert len(record["data"]["sha256"]) == 64  # type: ignore[index]
    assert {"torch", "python", "harness"} <= set(record["environment"])  # type: ignore[call-overload]
    assert str(Path.cwd()) not in str(record)


def test_the_upscaler_reads_them(run: Run) -> None:
    trained = run(ema=0)
    upscaler = Standin()
    file = WeightsFile(file=trained.weights.name, source="here", licence="ours")
    load_weights(upscaler, "mine", file, folder=trained.folder)
    kept = torch.load(trained.folder / "checkpoint.pt", weights_only=True)["model"]
    assert all(torch.equal(value, kept[name]) for name, value in upscaler.state_dict().items())


def test_the_average_is_what_is_exported(run: Run) -> None:
    trained = run(ema=0.9)
    kept = torch.load(trained.folder / "checkpoint.pt", weights_only=True)
    exported = load_file(trained.weights)
    assert torch.equal(exported["first.weight"], kept["average"]["first.weight"])
    assert not torch.equal(exported["first.weight"], kept["model"]["first.weight"])


def test_half(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    export({"a": torch.tensor([1 / 3]), "n": torch.tensor(7)}, path, card={}, record={}, half=True)
    read = load_file(path)
    assert (read["a"].dtype, read["n"].dtype) == (torch.float16, torch.int64)
    with pytest.raises(TrainingError, match=r"float16, the first: a"):
        export({"a": torch.tensor([1e6])}, path, card={}, record={}, half=True)
    with pytest.raises(TrainingError, match="finite"):
        export({"a": torch.tensor([float("nan")])}, path, card={}, record={})
    assert torch.equal(load_file(path)["a"], read["a"])


def test_foreign_files_have_no_record(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"none")
    with pytest.raises(DataError, match="has exported"):
        read_record(tmp_path / "x.safetensors")


def test_a_training_starts_from_weights(run: Run, tmp_path: Path) -> None:
    first = run(out="first")
    second = run(out="second", initial=first.weights)
    assert second.record["initial"] != ""
    assert not torch.equal(
        load_file(second.weights)["first.weight"], load_file(run(out="third").weights)["first.weight"]
    )
    export({"third.weight": torch.zeros(1)}, tmp_path / "other.safetensors", card={}, record={})
    with pytest.raises(DataError, match=r"third\.weight is unknown"):
        run(out="fourth", initial=tmp_path / "other.safetensors")


class Closed(Upscaler):
    """Offers nothing to train by."""

    def upscale(self, lr_clip: torch.Tensor, rate: int, *, flows: Flows | None) -> torch.Tensor:
        del rate, flows
        return lr_clip


def test_what_cannot_be_trained() -> None:
    with pytest.raises(UsageError, match="offers no `supervised`"):
        trainable_of(Closed(), TrainingOptions(), method="closed")
    with pytest.raises(UsageError, match="nothing to train"):
        trainable_of(Standin().requires_grad_(False), TrainingOptions(), method="standin")


def test_units_find_their_way_back() -> None:
    trainable = SupervisedTrainable(Standin())
    units = Units(trainable, torch.device("cpu"))
    frames = torch.rand(2, 7, 3, 4, 4)
    torch.testing.assert_close(units.to_rgb(units.to_network(frames)), frames)
    assert isinstance(trainable.predict(torch.rand(1, 4, 3, 4, 4), rate=2), Prediction)
