"""RSTT and VideoINR through the door of training: all of them learns, by the Charbonnier penalty alone."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.errors import UsageError
from harness.training.train import TrainRequest, plan_training, train
from tests.training.setting import Listener

SMALL = {
    "rstt-s": ("depth=1", "channels=16", "stochastic_depth=0"),
    "videoinr": ("channels=8", "feature_blocks=1", "reconstruction_blocks=1"),
}


def request(method: str, clips: Path, out: Path, **recipe: object) -> TrainRequest:
    return TrainRequest(
        method=method,
        data=str(clips),
        recipe="smoke",
        overrides=Overrides.parse([f"options.{option}" for option in SMALL[method]]),
        recipe_changes={"iterations": 2, "validation_clips": 0, **recipe},
        out=out,
    )


@pytest.mark.parametrize("method", SMALL)
def test_a_method_trains(method: str, clips: Path, tmp_path: Path) -> None:
    asked = request(method, clips, tmp_path)
    plan = plan_training(asked, CardLibrary())
    assert plan.options.reconstruction == "charbonnier"
    before = {name: value.clone() for name, value in plan.trainable.module.state_dict().items()}
    trained = train(asked, plan, Listener())
    after = load_file(trained.weights)
    assert after.keys() == before.keys()
    assert [name for name, value in after.items() if torch.equal(value, before[name])] == []
    losses = trained.record["losses"]
    assert isinstance(losses, dict)
    assert losses.keys() == {"rec", "total"}


@pytest.mark.parametrize("method", ["zooming-slow-mo", "tmnet", "rstt-s", "starnet"])
def test_a_card_names_its_authors_recipe(method: str, clips: Path, tmp_path: Path) -> None:
    tiny = {"crop": 8, "batch": 1, "validation_clips": 0}
    asked = TrainRequest(method=method, data=str(clips), recipe=None, recipe_changes=tiny, out=tmp_path)
    plan = plan_training(asked, CardLibrary())
    assert plan.names[-1] == {"rstt-s": "rstt"}.get(method, method)
    assert plan.recipe.iterations >= 300_000


def test_rates_that_rstt_does_not_know_are_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rate 2"):
        plan_training(request("rstt-s", clips, tmp_path, rate=4), CardLibrary())
