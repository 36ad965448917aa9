"""Random times: each step draws its rate; crops are cut to it, whoever cuts them; what a training tells of them."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.cards.library import CardLibrary
from harness.cards.overrides import Overrides
from harness.errors import CardError, UsageError
from harness.training.batches import Batches
from harness.training.folder import read_log
from harness.training.frames import FileStore, FrameStore, MemoryStore, extent
from harness.training.losses.objective import Objective, Truth
from harness.training.options import TrainingOptions
from harness.training.recipe import Recipe, load_recipe
from harness.training.sampling import Sampler
from harness.training.sources import open_source
from harness.training.train import TrainRequest, plan_training
from harness.training.trainable import Units, trainable_of
from harness.upscalers.options import STINetMethodOptions
from harness.upscalers.stinet import STINetUpscaler
from tests.training.conftest import Run
from tests.training.setting import Listener
from tests.training.standin import Standin
from tests.training.test_loop import equal, losses
from tests.upscalers.small_stinet import SMALL, small

NETWORKS = (("standin", Standin, True),)
CPU = torch.device("cpu")
RATES = (2, 3, 4, 6)
GIVEN = {2: [1, 3, 5, 7], 3: [1, 4, 7], 4: [1, 5], 6: [1, 7]}
"""Of the frames 1 to 7 of a crop, those that the network is given."""


def sampler(folder: Path, *, seed: int = 0) -> Sampler:
    clips = open_source(str(folder), held_out=0, demo_clips=2).clips
    names = [clip.name for clip in clips]
    extents = [extent(clip, scale=4) for clip in clips]
    return Sampler(extents, names, frames=7, crop=8, seed=seed, reverse_time=True)


def batches(folder: Path, recipe: Recipe, *, slow: bool = False, rank: int = 0, processes: int = 1) -> Batches:
    clips = open_source(str(folder), held_out=0, demo_clips=2).clips
    store: FrameStore = FileStore(clips, scale=4) if slow else MemoryStore(clips, scale=4, device=CPU)
    return Batches(store, sampler(folder), recipe, device=CPU, rank=rank, processes=processes)


def test_a_rate_depends_on_seed_and_iteration_alone(clips: Path) -> None:
    one, again, other = sampler(clips), sampler(clips), sampler(clips, seed=1)
    drawn = [one.rate(i, RATES) for i in range(400)]
    assert drawn == [again.rate(i, RATES) for i in reversed(range(400))][::-1]
    assert drawn != [other.rate(i, RATES) for i in range(400)]
    assert {rate: drawn.count(rate) for rate in RATES} == pytest.approx(dict.fromkeys(RATES, 100), abs=30)
    assert {one.rate(i, (3,)) for i in range(9)} == {3}


def test_the_rate_says_nothing_of_the_crops(clips: Path) -> None:
    """Generators of fewer numbers are filled up with zeros: that of (seed, iteration) would be crop 0's."""
    drawn = [sampler(clips).rate(i, (0, 1, 2, 3)) for i in range(60)]
    assert drawn != [int(np.random.default_rng((0, i, 0)).integers(4)) for i in range(60)]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("slow", [False, True])
def test_a_crop_is_cut_to_its_rate(rate: int, slow: bool, clips: Path) -> None:
    plain = batches(clips, Recipe(batch=8, crop=8)).get(5)[0]
    recipe = Recipe(batch=8, crop=8, rates=(rate,))
    cutting = batches(clips, recipe, slow=slow)
    (cut,) = cutting.get(5)
    cutting.close()
    assert cutting.rate(5) == rate
    numbers = list(range(1, cut.hr.shape[1] + 1))
    assert numbers[::rate] == GIVEN[rate]
    assert numbers[-1] == GIVEN[rate][-1]
    assert cut.lr.shape[1] == cut.hr.shape[1] == recipe.frames_at(rate)
    backwards = [sampler(clips).draw(5, position).reverse for position in range(8)]
    assert len(set(backwards)) == 2
    for position, reverse in enumerate(backwards):
        time = slice(7 - len(numbers), None) if reverse else slice(len(numbers))
        assert torch.equal(cut.hr[position], plain.hr[position, time])
        assert torch.equal(cut.lr[position], plain.lr[position, time])


def test_processes_and_parts_of_a_batch_agree(clips: Path) -> None:
    recipe = Recipe(batch=4, crop=8, rates=RATES, accumulate=2)
    parties = [batches(clips, recipe, rank=rank, processes=2) for rank in range(2)]
    for iteration in range(12):
        (rate,) = {party.rate(iteration) for party in parties}
        lengths = {part.hr.shape[1] for party in parties for part in party.get(iteration)}
        assert lengths == {recipe.frames_at(rate)}


def test_interrupted_and_continued_is_as_undisturbed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed = run(out="undisturbed", rates=RATES, iterations=12)
    monkeypatch.setenv("STANDIN", "interrupt:5")
    with pytest.raises(KeyboardInterrupt):
        run(rates=RATES, iterations=12)
    monkeypatch.delenv("STANDIN")
    continued = run(rates=RATES, iterations=12)
    assert equal(continued.weights, undisturbed.weights)
    assert losses(continued.folder)[-3:] == losses(undisturbed.folder)[-3:]
    assert not equal(continued.weights, run(out="plain", iterations=12).weights)


def test_the_log_tells_rates(run: Run, clips: Path) -> None:
    listener = Listener()
    trained = run(rates=RATES, iterations=12, log_every=12, checkpoint_every=12, listener=listener)
    lines = read_log(trained.folder / "log.jsonl")
    drawing = sampler(clips)
    drawn = [drawing.rate(i, RATES) for i in range(12)]
    (told,) = (line["rates"] for line in lines if line["event"] == "losses")
    assert told == {str(rate): drawn.count(rate) for rate in RATES if rate in drawn}
    scores = trained.record["validation"]
    assert isinstance(scores, list)
    last = scores[-1]
    each = [last[f"psnr_y_x{rate}"] for rate in RATES]
    assert last["psnr_y"] == pytest.approx(sum(each) / 4)
    assert len(set(each)) == 4
    assert {key: value for line in lines if line["event"] == "validation" for key, value in line.items()}.items() >= (
        last.items()
    )
    assert any(re.search(r"dB \(.* at rate 2, .* at rate 6\)", words) for words in listener.words)


@pytest.mark.parametrize("rate", RATES)
def test_stinet_learns_at_every_rate(rate: int, clips: Path) -> None:
    upscaler, options = small(), TrainingOptions(lambda_mcl=0.1)
    trainable = trainable_of(upscaler, options, method="stinet")
    (truth,) = batches(clips, Recipe(batch=1, crop=8, rates=(rate,))).get(0)
    prediction = trainable.predict(truth.lr[:, ::rate], rate=rate)
    assert prediction.frames.shape == truth.hr.shape
    assert prediction.pictures["lr"].shape == truth.lr.shape
    Objective(options, device=CPU)(prediction, truth, Units(trainable, CPU)).total.backward()
    lost = [
        name
        for name, parameter in trainable.module.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    assert lost == []


@pytest.mark.parametrize("rate", [4, 6])
def test_truth_shows_the_given_frames_where_the_network_puts_them(rate: int, clips: Path) -> None:
    upscaler = STINetUpscaler(STINetMethodOptions.model_validate({**SMALL, "base": "bicubic"}))  # starts as bicubic
    trainable = trainable_of(upscaler, TrainingOptions(), method="stinet")
    (truth,) = batches(clips, Recipe(batch=1, crop=8, rates=(rate,))).get(0)
    shifted = Truth(hr=truth.hr.roll(1, dims=1), lr=truth.lr.roll(1, dims=1))
    with torch.no_grad():
        prediction = trainable.predict(truth.lr[:, ::rate], rate=rate)
        objective, units = Objective(TrainingOptions(), device=CPU), Units(trainable, CPU)
        right, wrong = (objective(prediction, wanted, units).terms["rec"] for wanted in (truth, shifted))
    assert right < wrong


def test_the_recipe() -> None:
    recipe, paper = load_recipe("random-times"), load_recipe("paper")
    assert (recipe.each_rate, recipe.frames, recipe.fine_tuning) == (RATES, 7, True)
    assert recipe.learning_rate < paper.learning_rate and recipe.iterations < paper.iterations
    assert [recipe.frames_at(rate) for rate in RATES] == [7, 7, 5, 7]


def test_recipes_that_cannot_be() -> None:
    with pytest.raises(CardError, match="rate 8 needs two given frames, and a crop has 7 frames"):
        load_recipe("smoke", {"rates": [2, 8]})
    with pytest.raises(CardError, match="greater than or equal to 1"):
        load_recipe("smoke", {"rates": [0]})
    with pytest.raises(CardError, match="rate 2 needs two given frames, and a crop has 1 frames"):
        load_recipe("smoke", {"input_frames": 1})


def test_fine_tuning_wants_weights(clips: Path, run: Run) -> None:
    asked = TrainRequest("standin", str(clips), "random-times", Overrides(), {"crop": 4})
    with pytest.raises(UsageError, match="--init"):
        plan_training(asked, CardLibrary())
    first = run()
    plan_training(
        TrainRequest("standin", str(clips), "random-times", Overrides(), {"crop": 4}, initial=first.weights),
        CardLibrary(),
    )
    plan_training(
        TrainRequest("standin", str(clips), "random-times", Overrides(), {"crop": 4, "fine_tuning": False}),
        CardLibrary(),
    )
