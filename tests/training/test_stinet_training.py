"""STINet through the door of training: it learns, and what its card freezes stays."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.training.losses.objective import Objective, Truth
from harness.training.losses.perceptual import Perceptual
from harness.training.options import TrainingOptions
from harness.training.recipe import Recipe
from harness.training.start import start
from harness.training.train import Plan, TrainRequest, plan_training, train
from harness.training.trainable import Units, trainable_of
from harness.upscalers.build import build_upscaler
from harness.upscalers.stinet import STINetUpscaler
from tests.parity.references import golden
from tests.training.setting import Listener

CPU = torch.device("cpu")
SSR = "initialisation.super_resolution"


def request(clips: Path, out: Path, *sets: str) -> tuple[TrainRequest, Plan]:
    asked = TrainRequest(
        method="stinet-official",
        data=str(clips),
        recipe="smoke",
        overrides=Overrides.parse(["training.lambda_per=0", "training.mcl_flow=farneback", *sets]),
        recipe_changes={"iterations": 2, "crop": 8, "validation_clips": 0},
        out=out,
    )
    return asked, plan_training(asked, CardLibrary())


def test_stinet_trains(clips: Path, tmp_path: Path) -> None:
    asked, plan = request(clips, tmp_path)
    before = {name: value.clone() for name, value in plan.trainable.module.state_dict().items()}
    trained = train(asked, plan, Listener())
    after = load_file(trained.weights)
    assert after.keys() == before.keys()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    still = {name for name in after if SSR in name}
    assert still and not moved & still
    assert any("phase_1_heads" in name for name in moved)
    losses = trained.record["losses"]
    assert isinstance(losses, dict)
    assert losses.keys() == {"total", "rec", "rec_lr", "rec_hr", "mcl_abs", "mcl_rel"}
    assert "frozen at random values" in plan.notes[0]


@pytest.fixture(scope="module")
def upscaler() -> STINetUpscaler:
    built = build_upscaler(CardLibrary().method("stinet-official"), CardLibrary(), untrained=True).upscaler
    assert isinstance(built, STINetUpscaler)
    return built


def test_what_the_card_freezes(upscaler: STINetUpscaler) -> None:
    ssr = upscaler.network.initialisation.super_resolution
    trainable_of(upscaler, TrainingOptions(ssr="finetune"), method="stinet")
    assert all(parameter.requires_grad for parameter in ssr.parameters())
    trainable_of(upscaler, TrainingOptions(), method="stinet")
    assert not any(parameter.requires_grad for parameter in ssr.parameters())


def test_where_deformable_sampling_starts(upscaler: STINetUpscaler) -> None:
    def spread() -> float:
        return sum(
            float(value.abs().sum())
            for name, value in upscaler.state_dict().items()
            if "offsets_and_mask.weight" in name
        )

    trainable_of(upscaler, TrainingOptions(offset_init="zero"), method="stinet")
    assert spread() == 0
    trainable_of(upscaler, TrainingOptions(offset_init="kaiming"), method="stinet")
    assert spread() > 0


def test_the_sum_is_that_of_eq_4(upscaler: STINetUpscaler) -> None:
    options = TrainingOptions(lambda_mcl=0.1)
    trainable = trainable_of(upscaler, options, method="stinet")
    units = Units(trainable, CPU)
    generator = torch.Generator().manual_seed(0)
    truth = Truth(
        hr=torch.rand(1, 7, 3, 16, 16, generator=generator), lr=torch.rand(1, 7, 3, 4, 4, generator=generator)
    )
    with torch.no_grad():
        prediction = trainable.predict(truth.lr[:, ::2], rate=2)
        losses = Objective(options, device=CPU)(prediction, truth, units)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    hr, lr = ((frames - mean) / deviation for frames in (truth.hr, truth.lr))
    wanted = {
        "rec": (prediction.frames - hr).square().mean(),
        "rec_lr": (prediction.pictures["lr"] - lr).square().mean(),
        "rec_hr": (prediction.pictures["hr"] - hr).square().mean(),
    }
    for name, value in wanted.items():
        torch.testing.assert_close(losses.terms[name], value)
    motion = losses.terms["mcl_abs"] + losses.terms["mcl_rel"]
    torch.testing.assert_close(losses.total, sum(wanted.values()) + 0.1 * motion)


class HostTraffic(TorchDispatchMode):
    """Notes what would make a GPU wait: tensors that go from one device to another.

    The device is "meta", which computes shapes alone, and refuses whoever asks it for a number.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's own is not annotated
        self.seen: list[str] = []

    def __torch_dispatch__(
        self,
        func: OpOverload[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        out = func(*args, **(kwargs or {}))
        devices = {value.device.type for value in (*args, out) if isinstance(value, torch.Tensor) and value.ndim}
        self.seen += [str(func)] if len(devices) > 1 else []
        return out


def test_a_step_does_not_wait_for_the_device(upscaler: STINetUpscaler) -> None:
    options, device = TrainingOptions(lambda_mcl=0.1, mcl_relative="exact"), torch.device("meta")
    trainable = trainable_of(deepcopy(upscaler).to(device), options, method="stinet")
    units, objective = Units(trainable, device), Objective(options, device=device)
    objective.perceptual = Perceptual(nn.Conv2d(3, 2, 3, device=device))
    hr, lr = torch.rand(1, 7, 3, 16, 16, device=device), torch.rand(1, 7, 3, 4, 4, device=device)

    def step() -> list[str]:
        traffic = HostTraffic()
        with traffic:
            losses = objective(trainable.predict(lr[:, ::2], rate=2), Truth(hr=hr, lr=lr), units)
            losses.total.backward()
            torch.nn.utils.clip_grad_norm_(trainable.module.parameters(), 1.0)
        return traffic.seen

    assert step() != []  # what is sent once and kept
    assert step() == []


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_authors_files_are_a_start(prefix: str, tmp_path: Path) -> None:
    upscaler = STINetUpscaler()
    theirs = golden("stinet").weights("public")
    alone = {prefix + key.removeprefix("DBPN."): value for key, value in theirs.items() if key.startswith("DBPN.")}
    trainable = trainable_of(upscaler, TrainingOptions(), method="stinet")
    for name, state in (("s-sr.pth", alone), ("stinet.pth", {prefix + key: value for key, value in theirs.items()})):
        torch.save(state, tmp_path / name)
        card, recipe = CardLibrary().method("stinet"), Recipe()
        warnings = start(trainable, tmp_path / name, card=card, recipe=recipe, device=CPU)
        assert warnings == ()
        entry = upscaler.network.initialisation.super_resolution.get_parameter("entry.0.weight")
        assert torch.equal(entry, theirs["DBPN.feat0.conv.weight"])
    assert torch.equal(
        upscaler.network.get_parameter("reconstruction.branches.hr.head.weight"), theirs["h_blending.weight"]
    )
