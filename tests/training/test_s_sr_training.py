"""S-SR first: trained by itself on single frames, then taken into STINet, frozen or not."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.errors import DataError, UsageError
from harness.training.folder import read_log
from harness.training.losses.objective import Objective, Truth
from harness.training.options import TrainingOptions
from harness.training.train import Plan, Trained, TrainRequest, plan_training, train
from harness.training.trainable import Units, trainable_of
from harness.upscalers.options import SSRStageOptions
from harness.upscalers.s_sr import SSR
from tests.parity.references import golden
from tests.training.setting import Listener

SIZES = ("options.channels=8", "options.super_resolution_stages=2")
SSR_OF_STINET = "initialisation.super_resolution."
CPU = torch.device("cpu")


def request(
    method: str,
    clips: Path,
    out: Path,
    *sets: str,
    recipe: str | None = None,
    initial: Path | None = None,
    **changes: object,
) -> TrainRequest:
    tiny = {"iterations": 2, "batch": 2, "crop": 4, "validation_clips": 1}
    overrides = Overrides.parse([*SIZES, *sets])
    return TrainRequest(method, str(clips), recipe, overrides, {**tiny, **changes}, out=out, initial=initial)


def trained(asked: TrainRequest) -> Trained:
    return train(asked, plan_training(asked, CardLibrary()), Listener())


@pytest.fixture(scope="module")
def alone(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    out = tmp_path_factory.mktemp("alone")
    return trained(request("s-sr", clips, out, iterations=20, learning_rate=0.003, ema=0.0, log_every=5))


def stinet(clips: Path, out: Path, *sets: str, initial: Path) -> tuple[TrainRequest, Plan]:
    small = ("training.lambda_per=0", "training.lambda_mcl=0", "options.interpolation_blocks=1", *sets)
    asked = request("stinet", clips, out, *small, recipe="smoke", initial=initial)
    return asked, plan_training(asked, CardLibrary())


def test_it_learns_alone(alone: Trained) -> None:
    losses, scores = alone.record["losses"], alone.record["validation"]
    assert isinstance(losses, dict) and losses.keys() == {"total", "rec"}
    assert isinstance(scores, list) and scores[-1].keys() == {"iteration", "psnr_y"}
    seen = [line["losses"]["rec"] for line in read_log(alone.folder / "log.jsonl") if line["event"] == "losses"]  # type: ignore[index]
    assert seen[-1] < 0.7 * seen[0]
    recipe = alone.record["recipe"]
    assert isinstance(recipe, dict)
    assert (recipe["input_frames"], recipe["rate"], recipe["rates"]) == (1, 1, [])
    module = SSR(SSRStageOptions(channels=8, super_resolution_stages=2))
    start = {name: value.clone() for name, value in module.trained.state_dict().items()}
    module.trained.load_state_dict(load_file(alone.weights))
    assert not any(torch.equal(value, start[name]) for name, value in module.trained.state_dict().items())


def test_the_loss_is_l2_of_each_frame() -> None:
    module = SSR(SSRStageOptions(channels=8, super_resolution_stages=1))
    trainable = trainable_of(module, TrainingOptions(), method="s-sr")
    truth = Truth(hr=torch.rand(2, 3, 3, 16, 16), lr=torch.rand(2, 3, 3, 4, 4))
    with torch.no_grad():
        losses = Objective(TrainingOptions(), device=CPU)(
            trainable.predict(truth.lr, rate=1), truth, Units(trainable, CPU)
        )
        pairs = zip(truth.lr.flatten(0, 1).split(1), truth.hr.flatten(0, 1).split(1), strict=True)
        each = [(module.network(module.normalise(lr)) - module.normalise(hr)).square().mean() for lr, hr in pairs]
    torch.testing.assert_close(losses.total, torch.stack(each).mean())


def test_it_learns_from_all_frames_of_clips_at_rate_1(clips: Path, tmp_path: Path) -> None:
    asked = request("s-sr", clips, tmp_path, recipe="smoke", rate=1, input_frames=3)
    assert trained(asked).record["iterations"] == 2


def test_time_is_its_budget_too(clips: Path, tmp_path: Path) -> None:
    asked = request("s-sr", clips, tmp_path, iterations=1_000_000, max_seconds=0.3, log_every=1)
    iterations = trained(asked).record["iterations"]
    assert isinstance(iterations, int) and 0 < iterations < 1_000_000


@pytest.mark.parametrize("ssr", ["frozen", "finetune"])
def test_stinet_takes_it(ssr: str, alone: Trained, clips: Path, tmp_path: Path) -> None:
    asked, plan = stinet(clips, tmp_path, f"training.ssr={ssr}", initial=alone.weights)
    theirs = {name.removeprefix("features."): value for name, value in load_file(alone.weights).items()}
    assert theirs.keys() >= {"head.weight", "head.bias"}

    def moved(state: dict[str, Tensor]) -> set[str]:
        ours = {name.removeprefix(SSR_OF_STINET): v for name, v in state.items() if name.startswith(SSR_OF_STINET)}
        assert ours.keys() == theirs.keys() - {"head.weight", "head.bias"}
        return {name for name, value in ours.items() if not torch.equal(value, theirs[name])}

    assert moved(plan.trainable.module.state_dict()) == set()
    assert plan.notes == ()
    after = moved(load_file(train(asked, plan, Listener()).weights))
    assert after == set() if ssr == "frozen" else len(after) > 20


OTHERS = [
    ("options.channels=16", "options.channels: 8 there, 16 here", r"entry\.0\.weight should be \(16, 3, 3, 3\)"),
    (
        "options.super_resolution_stages=3",
        "options.super_resolution_stages: 2 there, 3 here",
        r"last\.weight should be \(8, 24, 3, 3\) and is \(8, 16, 3, 3\)",
    ),
]


@pytest.mark.parametrize(("change", "option", "tensor"), OTHERS)
def test_other_sizes_are_named(
    change: str, option: str, tensor: str, alone: Trained, clips: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=rf"does not fit 'stinet'(?s:.*)Found: {option}\n"):
        stinet(clips, tmp_path, change, initial=alone.weights)
    bare = tmp_path / "bare.pth"  # does not say what it was trained with
    torch.save(load_file(alone.weights), bare)
    with pytest.raises(DataError, match=tensor):
        stinet(clips, tmp_path, change, initial=bare)
    with pytest.raises(DataError, match=f"does not fit 's-sr'(?s:.*)Found: {option}\n"):
        plan_training(request("s-sr", clips, tmp_path, change, initial=alone.weights), CardLibrary())


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_authors_file_is_a_start_for_it(prefix: str, clips: Path, tmp_path: Path) -> None:
    theirs = golden("dbpn").weights("public")
    torch.save({prefix + name: value for name, value in theirs.items()}, tmp_path / "s-sr.pth")
    full = ("options.channels=64", "options.super_resolution_stages=5")
    plan = plan_training(request("s-sr", clips, tmp_path, *full, initial=tmp_path / "s-sr.pth"), CardLibrary())
    state = plan.trainable.module.state_dict()
    assert torch.equal(state["features.entry.0.weight"], theirs["feat0.conv.weight"])
    assert torch.equal(state["head.bias"], theirs["output_conv2.conv.bias"])


def refused(asked: TrainRequest) -> str:
    with pytest.raises(UsageError) as caught:
        plan_training(asked, CardLibrary())
    return str(caught.value)


def test_recipes_that_do_not_suit_it(clips: Path, tmp_path: Path) -> None:
    assert "recipe.rate=1" in refused(request("s-sr", clips, tmp_path, recipe="smoke"))
    assert "2, 3" in refused(request("s-sr", clips, tmp_path, recipe="smoke", rates=[2, 3]))
    assert "three frames" in refused(request("s-sr", clips, tmp_path, "training.lambda_mcl=0.1"))
    asked = request("stinet", clips, tmp_path, "training.lambda_per=0", recipe="s-sr")
    assert "two frames or more" in refused(asked)
