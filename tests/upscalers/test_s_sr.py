"""S-SR by itself: the authors' numbers, a stage behind any interpolator, and what it says without weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from harness.cards import CardLibrary
from harness.errors import UsageError
from harness.networks.dbpn import dbpn
from harness.training.export import export
from harness.upscalers.build import build_upscaler
from harness.upscalers.interpolation import FlowInterpolation
from harness.upscalers.options import SSRStageOptions
from harness.upscalers.readiness import readiness
from harness.upscalers.s_sr import SSR
from harness.upscalers.weights import translate
from tests.networks.clips import distance
from tests.parity.references import REFERENCES, golden
from tests.upscalers.small_stinet import clip

SMALL = SSRStageOptions(channels=8, super_resolution_stages=2)
CARD = """
extends = "s-sr"
title = "Mine"
[options]
channels = 8
super_resolution_stages = 2
[weights.mine]
file = "mine.safetensors"
source = "harness train"
licence = "ours"
"""


def small() -> SSR:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SSR(SMALL).eval()


def test_the_authors_file_gives_the_authors_frames() -> None:
    module = SSR()
    state = {f"module.{name}": value for name, value in golden("dbpn").weights("public").items()}
    module.trained.load_state_dict(translate(state, "s-sr-release"))
    with np.load(REFERENCES / "dbpn.npz") as stored, torch.inference_mode():
        frames, expected = (torch.from_numpy(stored[name]) for name in ("x", "rgb"))
        made = module.super_resolve(module.units.denormalise(frames))
        assert distance(module.normalise(made), expected) < 1e-4


def test_every_frame_by_itself() -> None:
    module, frames = small(), clip(3)
    with torch.inference_mode():
        made = module.super_resolve(frames)
        alone = torch.cat([module.super_resolve(frame) for frame in frames.split(1)])
    assert made.shape == (3, 3, 32, 36)
    assert distance(made, alone) < 1e-5


def test_training_sees_what_is_super_resolved_in_the_networks_units() -> None:
    module, frames = small(), clip(6)
    with torch.inference_mode():
        seen = module.supervised(frames.unflatten(0, (2, 3)))
        assert distance(seen.frames.flatten(0, 1), module.normalise(module.super_resolve(frames))) < 1e-5
    assert (seen.frames.shape, seen.phase_1) == ((2, 3, 3, 32, 36), {})
    with pytest.raises(UsageError, match="rate 2"):
        module.supervised(frames.unsqueeze(0), rate=2)


def test_first_weights_are_kaimings() -> None:
    layers = [module for module in dbpn(channels=16).modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(layers) > 20
    for layer in layers:
        assert layer.bias is not None and not layer.bias.any()
        if layer.weight.numel() > 4000:
            assert layer.weight.std().item() == pytest.approx((2 / layer.weight[0].numel()) ** 0.5, rel=0.05)


def test_it_knows_one_scale() -> None:
    with pytest.raises(UsageError, match="scale 2"):
        SSR(scale=2)


def test_behind_an_interpolator(tmp_path: Path) -> None:
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "mine.toml").write_text(CARD)
    module = small()
    export(module.trained.state_dict(), tmp_path / "mine.safetensors", card={}, record={})
    library = CardLibrary((tmp_path,))
    built = build_upscaler(library.method("farneback+mine"), library, folder=tmp_path)
    assert built.network_versions["s-sr"] == "1"
    assert [weights.tag for weights in built.weights] == ["mine"]
    frames, between = clip(3), FlowInterpolation()
    with torch.inference_mode():
        expected = module.super_resolve(between.interpolate(frames, 2, flows=None))
        assert distance(built.upscaler(frames, 2), expected) < 1e-5


def test_without_weights_it_says_how_to_make_them(tmp_path: Path) -> None:
    library, command = CardLibrary(), "harness train --method s-sr --data DIR"
    for name in ("s-sr", "farneback+s-sr"):
        found = readiness(library.method(name), library, tmp_path)
        assert (found.status, found.lacks) == ("lacks weights", ("s-sr",))
        assert found.reason.endswith(f"train it: {command}")
    with pytest.raises(UsageError, match=command):
        build_upscaler(library.method("farneback+s-sr"), library, folder=tmp_path)
    with pytest.raises(UsageError, match=r"blend\+s-sr"):
        build_upscaler(library.method("s-sr"), library, untrained=True)


def test_its_options_are_stinets() -> None:
    card, stinet = CardLibrary().method("s-sr"), CardLibrary().method("stinet")
    assert card.options.keys() == SSRStageOptions.model_fields.keys()
    assert card.options.items() <= stinet.options.items()
