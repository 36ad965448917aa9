"""Recipes, schedules, averages, the card's options."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.cards import CardLibrary, MethodCard
from harness.errors import CardError
from harness.training.optimisation import Average, learning_rate, make_optimizer
from harness.training.options import training_options
from harness.training.recipe import Recipe, load_recipe, recipes


def test_the_papers_recipe() -> None:
    paper = load_recipe("paper")
    assert (paper.iterations, paper.batch, paper.crop, paper.frames) == (500_000, 30, 32, 7)
    assert (paper.optimizer, paper.betas, paper.precision, paper.ema) == ("adam", (0.9, 0.999), "fp32", 0)
    rates = [learning_rate(paper, iteration=i, progress=0) for i in (0, 99_999, 100_000, 499_999)]
    assert rates == pytest.approx([1e-4, 1e-4, 2.5e-5, 1e-4 / 4**4])


def test_every_shipped_recipe_loads() -> None:
    ours = {"paper", "evening", "minutes", "smoke", "s-sr", "random-times"}
    theirs = {"zooming-slow-mo", "tmnet", "tmnet-times", "rstt", "videoinr", "starnet", "davsr"}
    assert set(recipes()) == ours | theirs
    for name in recipes():
        assert load_recipe(name).summary


def test_every_card_with_a_training_table_is_understood() -> None:
    library = CardLibrary()
    for name in library.names(MethodCard):
        training_options(library.method(name))
    stinet = training_options(library.method("stinet"))
    assert (stinet.lambda_per, stinet.lambda_mcl, stinet.mcl_flow) == (0.1, 0.1, "farneback")
    assert training_options(library.method("stinet-official")).mcl_flow == "detached"


def test_changes_are_typed(tmp_path: Path) -> None:
    assert load_recipe("smoke", {"batch": 3}).batch == 3
    with pytest.raises(CardError, match="Did you mean 'batch'"):
        load_recipe("smoke", {"bacth": 3})
    with pytest.raises(CardError, match="accumulate"):
        load_recipe("smoke", {"accumulate": 3})
    with pytest.raises(CardError, match="Did you mean 'minutes'"):
        load_recipe("minute")
    own = tmp_path / "own.toml"
    own.write_text("iterations = 7\n")
    assert load_recipe(str(own)).iterations == 7
    own.write_text("iterations = 0\n")
    with pytest.raises(CardError, match=r"own\.toml"):
        load_recipe(str(own))


def test_the_cosine_follows_the_budget() -> None:
    recipe = Recipe(schedule="cosine", learning_rate=1.0, cosine_end=0.1, warmup=10)
    rates = [learning_rate(recipe, iteration=100, progress=part) for part in (0, 0.5, 1, 2)]
    assert rates == pytest.approx([1, 0.55, 0.1, 0.1])
    assert learning_rate(recipe, iteration=4, progress=0) == 0.5


def test_a_cosine_may_start_anew() -> None:
    recipe = Recipe(schedule="cosine", learning_rate=2.0, cosine_end=0.1, restart_every=100, restart_factor=0.5)
    rates = [learning_rate(recipe, iteration=i, progress=0.9) for i in (0, 50, 100, 150, 200)]
    assert rates == pytest.approx([2.0, 1.1, 1.0, 0.6, 1.0])
    last = [learning_rate(recipe, iteration=i, progress=0) for i in (99, 199)]
    assert all(0.2 < rate < 0.202 for rate in last)


def test_the_authors_recipes() -> None:
    slow_mo, rstt = load_recipe("zooming-slow-mo"), load_recipe("rstt")
    assert learning_rate(slow_mo, iteration=149_999, progress=0) == pytest.approx(1e-7, rel=0.1)
    assert learning_rate(slow_mo, iteration=150_000, progress=0) == pytest.approx(4e-4)
    assert learning_rate(rstt, iteration=400_000, progress=0) == pytest.approx(1e-4)
    assert learning_rate(rstt, iteration=1_999_999, progress=0) == pytest.approx(1e-7, rel=0.1)
    assert (load_recipe("videoinr").frames, load_recipe("tmnet-times").frames) == (9, 7)


def test_values_that_came_later_leave_keys_as_they_were() -> None:
    assert not Recipe().decisive().keys() & {"transpose", "restart_every", "restart_factor", "only"}
    assert Recipe(transpose=True).decisive() == {**Recipe().decisive(), "transpose": True}


def test_only_what_learns_is_optimised() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    module[0].requires_grad_(False)
    for kind, optimizer in (("adam", torch.optim.Adam), ("adamax", torch.optim.Adamax)):
        made = make_optimizer(Recipe.model_validate({"optimizer": kind}), module)
        assert isinstance(made, optimizer)
        assert sum(len(group["params"]) for group in made.param_groups) == 2


def test_the_average_by_hand() -> None:
    module = nn.BatchNorm1d(1)  # has a counter, which is copied
    average = Average(module, decay=0.5)
    with torch.no_grad():
        wanted, module.weight[0] = 1.0, 3.0
        module.get_buffer("num_batches_tracked").fill_(7)
    for iteration in range(12):
        decay = min(0.5, (1 + iteration) / (10 + iteration))
        wanted = decay * wanted + (1 - decay) * 3
        average.update(iteration)
    assert average.state["weight"].item() == pytest.approx(wanted)
    assert average.state["num_batches_tracked"].item() == 7
    with average.applied():
        assert module.weight.item() == pytest.approx(wanted)
    assert module.weight.item() == 3
    assert not math.isclose(wanted, 3, rel_tol=1e-6)
