"""Every card of STINet can be trained, and those that differ in their losses minimise something else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import typer
from safetensors.torch import load_file
from torch import Tensor
from typer.testing import CliRunner

from harness.cards import CardLibrary, MethodCard, Overrides
from harness.cards.library import shipped_folder
from harness.cli.train import train
from harness.networks.stinet.options import STINetOptions
from harness.training.folder import read_log
from harness.upscalers.build import build_upscaler

CARDS = sorted(path.stem for path in (shipped_folder("methods") / "stinet").glob("*.toml"))
LIBRARY = CardLibrary()
SMALL = (
    *("options.channels=8", "options.super_resolution_stages=1", "options.interpolation_blocks=1"),
    "training.lambda_per=0",  # whose weights are not shipped
    *("recipe.iterations=2", "recipe.crop=4", "recipe.validation_crop=4", "recipe.log_every=1"),
)
app = typer.Typer()
app.command()(train)


class Done(NamedTuple):
    """A training of two steps: the losses of each, and the weights."""

    steps: list[dict[str, float]]
    weights: dict[str, Tensor]


Train = Callable[..., Done]


@pytest.fixture(scope="module")
def done(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Trains a card as a user would, after a dry run; each only once."""
    kept: dict[tuple[str, ...], Done] = {}

    def go(name: str, *sets: str) -> Done:
        if (name, *sets) not in kept:
            out = tmp_path_factory.mktemp(name)
            settings = [part for text in (*SMALL, *sets) for part in ("--set", text)]
            given = ["-m", name, "--data", str(clips), "--recipe", "smoke", "--device", "cpu", "--json"]
            command = [*given, "--out", str(out / "training"), *settings]
            dry = CliRunner().invoke(app, [*command, "--dry-run"])
            assert dry.exit_code == 0, dry.exception
            assert json.loads(dry.stdout)["folder"] == str(out / "training")
            assert not list(out.iterdir())
            real = CliRunner().invoke(app, command)
            assert real.exit_code == 0, real.exception
            product = json.loads(real.stdout)
            lines = read_log(out / "training" / "log.jsonl")
            steps: list[dict[str, float]] = [line["losses"] for line in lines if line["event"] == "losses"]  # type: ignore[misc]
            kept[(name, *sets)] = Done(steps, load_file(product["weights"]))
        return kept[(name, *sets)]

    return go


@pytest.mark.parametrize("name", [name for name in CARDS if LIBRARY.method(name).options["base"] == "none"])
def test_every_layer_learns_but_those_of_a_frozen_s_sr(name: str, done: Train) -> None:
    """A base is another start: layers before one that is zero wait for it."""
    card = Overrides.parse(SMALL[:3]).apply(LIBRARY.method(name))
    start = build_upscaler(card, LIBRARY, untrained=True).upscaler.trained.state_dict()
    still = {key for key, value in done(name).weights.items() if torch.equal(value, start[key])}
    assert still == {key for key in start if key.startswith("initialisation.super_resolution.")}


@pytest.mark.parametrize("name", CARDS)
def test_every_card_trains(name: str, done: Train) -> None:
    card, trained = LIBRARY.method(name), done(name)
    sides = STINetOptions.model_validate(
        {key: value for key, value in card.options.items() if key in STINetOptions.model_fields}
    ).sides
    motion = {"mcl_abs", "mcl_rel"} if card.training["lambda_mcl"] else set()
    assert len(trained.steps) == 2
    assert trained.steps[0].keys() == {"total", "rec", *(f"rec_{side}" for side in sides), *motion}
    assert all(value.isfinite().all() for value in trained.weights.values())


def of_one_network() -> list[str]:
    """The cards that are `stinet` but for their losses."""
    options = LIBRARY.method("stinet").options
    return [name for name in CARDS if LIBRARY.method(name).options == options]


def test_other_losses_are_other_trainings(done: Train) -> None:
    names = of_one_network()
    assert len(names) == 7
    firsts = [done(name).steps[0] for name in names]
    assert len({first["rec"] for first in firsts}) == 1, "the same network sees the same crops"
    assert len({first["total"] for first in firsts}) == len(names)
    zero = {name: {term for term in ("mcl_abs", "mcl_rel") if done(name).steps[0].get(term) == 0} for name in names}
    assert zero.pop("stinet-mcl-wo-abs") == {"mcl_abs"}
    assert zero.pop("stinet-mcl-wo-rel") == {"mcl_rel"}
    assert not any(zero.values())
    for index, name in enumerate(names):
        for other in names[:index]:
            assert not same(done(name), done(other)), (name, other)


def test_the_releases_motion_loss_is_none(done: Train) -> None:
    """Without a gradient all rows of Table V are one training, that of "w/o MCL"."""
    without = done("stinet-wo-mcl")
    for name in ("stinet", "stinet-mcl-wo-abs", "stinet-mcl-rel-sc"):
        detached = done(name, "training.mcl_flow=detached")
        assert detached.steps[0]["total"] > without.steps[0]["total"]
        assert same(detached, without)


def same(one: Done, other: Done) -> bool:
    """Whether all weights are equal, bit by bit."""
    assert one.weights.keys() == other.weights.keys()
    return all(torch.equal(value, other.weights[name]) for name, value in one.weights.items())


def test_these_are_all() -> None:
    assert set(CARDS) >= {name for name in LIBRARY.names(MethodCard) if LIBRARY.method(name).network == "stinet"}
