"""Zooming Slow-Mo and TMNet through the door of training, with the rows of Table VI that change loss or layers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.errors import UsageError
from harness.training.train import Plan, Trained, TrainRequest, plan_training, train
from tests.training.setting import Listener

SMALL = ("options.channels=8", "options.feature_blocks=1", "options.reconstruction_blocks=1")
HR = "options.super_resolution_stages=1"
S_SR = "hr.initialisation.super_resolution."


def request(method: str, clips: Path, out: Path, *sets: str, **recipe: object) -> tuple[TrainRequest, Plan]:
    asked = TrainRequest(
        method=method,
        data=str(clips),
        recipe="smoke",
        overrides=Overrides.parse([*SMALL, *sets]),
        recipe_changes={"iterations": 2, "crop": 8, "validation_clips": 0, **recipe},
        out=out,
    )
    return asked, plan_training(asked, CardLibrary())


def moved(plan: Plan, trained: Trained, before: dict[str, torch.Tensor]) -> set[str]:
    after = load_file(trained.weights)
    assert after.keys() == before.keys() == plan.trainable.module.state_dict().keys()
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


@pytest.mark.parametrize(
    ("method", "sets", "losses", "still"),
    [
        ("zooming-slow-mo", (), {"rec"}, ()),
        ("tmnet", (), {"rec"}, (".modulate.",)),
        ("tmnet-w-mcl", (), {"rec", "mcl_abs", "mcl_rel"}, (".modulate.",)),
        ("tmnet-w-stgr", (), {"rec"}, (".modulate.",)),
        ("tmnet-w-hr", (HR,), {"rec"}, (".modulate.", S_SR)),
    ],
)
def test_a_method_trains(
    method: str, sets: tuple[str, ...], losses: set[str], still: tuple[str, ...], clips: Path, tmp_path: Path
) -> None:
    asked, plan = request(method, clips, tmp_path, *sets)
    assert plan.options.reconstruction == "charbonnier"
    before = {name: value.clone() for name, value in plan.trainable.module.state_dict().items()}
    trained = train(asked, plan, Listener())
    kept = before.keys() - moved(plan, trained, before)
    assert kept == {name for name in before if any(part in name for part in still)}
    assert trained.record["losses"].keys() == losses | {"total"}  # type: ignore[attr-defined]
    assert bool(plan.notes) == (method == "tmnet-w-hr")


def test_the_loss_is_charbonniers(clips: Path, tmp_path: Path) -> None:
    """sqrt(d^2 + 1e-6), as the authors' but for the mean."""
    _, plan = request("tmnet", clips, tmp_path)
    prediction, truth = torch.tensor([0.5, 0.25]), torch.tensor([0.5, 0.65])
    loss = float(plan.objective.reconstruction(prediction, truth))
    assert loss == pytest.approx((1e-3 + (0.16 + 1e-6) ** 0.5) / 2)


def test_modulation_learns_where_frames_lie_elsewhere_than_half_way(clips: Path, tmp_path: Path) -> None:
    asked, plan = request("tmnet", clips, tmp_path, rate=3, input_frames=2)
    before = {name: value.clone() for name, value in plan.trainable.module.state_dict().items()}
    changed = moved(plan, train(asked, plan, Listener()), before)
    # Offsets start at zero: in the first step they alone move, and only then does what makes them.
    assert any(".modulate." in name for name in changed)


def test_times_are_learned_by_the_modulation_alone(clips: Path, tmp_path: Path) -> None:
    """The recipe of TMNet's second stage, from weights of its first."""
    asked, plan = request("tmnet", clips, tmp_path / "first")
    first = train(asked, plan, Listener()).weights
    tiny: dict[str, object] = {"iterations": 3, "batch": 1, "crop": 8, "validation_clips": 0, "checkpoint_every": 1}
    second = replace(asked, recipe="tmnet-times", recipe_changes=tiny, out=tmp_path / "second")
    with pytest.raises(UsageError, match="--init"):
        plan_training(second, CardLibrary())
    second = replace(second, initial=first)
    plan = plan_training(second, CardLibrary())
    before = {name: value.clone() for name, value in plan.trainable.module.state_dict().items()}
    assert all(torch.equal(before[name], value) for name, value in load_file(first).items())
    changed = moved(plan, train(second, plan, Listener()), before)
    assert changed and all(".modulate." in name for name in changed)
    assert plan.notes == ()


def test_something_must_learn(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)none with 'modulation'.*features\.0\.weight"):
        request("tmnet", clips, tmp_path, only="modulation")


def test_a_rate_that_the_network_does_not_know_is_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)rate 2.*rate 4"):
        request("zooming-slow-mo", clips, tmp_path, rate=4, input_frames=2)
