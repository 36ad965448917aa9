"""RSTT as a method: its window, its rate, its sizes; training's door."""

from pathlib import Path

import pytest
import torch

from harness.cards import CardLibrary
from harness.cards.protocol import Windows
from harness.clips.windows import plan_windows
from harness.errors import CardError, DataError, UsageError
from harness.training.options import training_options
from harness.training.trainable import trainable_of
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import RSTTMethodOptions
from harness.upscalers.registry import typed_options
from harness.upscalers.rstt import RSTTUpscaler
from tests.networks.clips import distance
from tests.networks.release import frames, loaded
from tests.parity.references import golden

SMALL = RSTTMethodOptions(depth=1, channels=16)


def clip(given: int = 4, *, height: int = 10, width: int = 13) -> torch.Tensor:
    return frames(given=given, height=height, width=width)[0]


@pytest.fixture
def upscaler() -> RSTTUpscaler:
    torch.manual_seed(0)
    upscaler = RSTTUpscaler(SMALL)
    upscaler.eval()
    return upscaler


def test_a_window_is_the_network_unpadded_and_as_it_is(upscaler: RSTTUpscaler) -> None:
    with torch.inference_mode():
        made = upscaler(clip(), 2)
        assert made.shape == (7, 3, 40, 52)
        assert torch.equal(made, upscaler.network(clip()[None])[0])
        assert torch.equal(next(upscaler.upscale_windows([(clip(), (0, 2, 4, 6))], 2)), made)
    assert upscaler.flows(clip()) is None


@pytest.mark.parametrize(("depth", "name"), [(4, "rstt-s"), (6, "rstt-m"), (8, "rstt-l")])
def test_cards_are_the_released_networks(depth: int, name: str) -> None:
    library = CardLibrary()
    card = library.method(name)
    assert card.options["depth"] == depth
    assert all(f"d{depth}w4" in file.file and file.git_blob for file in card.weights.values())
    assert list(card.weights) == ["authors"]
    built = build_upscaler(card, library, untrained=True, rate=2)
    assert built.input_frames == 4
    assert isinstance(built.upscaler, RSTTUpscaler)
    assert len(built.upscaler.network.get_submodule("encoders.0.blocks")._modules) == depth


def test_the_window_is_four_whatever_the_protocol_says() -> None:
    rules = Windows(input_frames={2: 7})
    planned = plan_windows(10, rate=2, windows=rules, input_frames=RSTTMethodOptions().window)
    assert [window.inputs for window in planned] == [(0, 2, 4, 6), (3, 5, 7, 9)]
    for window in (2, 7):
        with pytest.raises(CardError, match="window"):
            typed_options("rstt", {"window": window})


@pytest.mark.parametrize("given", [2, 3, 5])
def test_other_numbers_of_frames_are_refused(given: int, upscaler: RSTTUpscaler) -> None:
    with pytest.raises(DataError, match="4 frames"):
        upscaler(clip(given), 2)


@pytest.mark.parametrize("rate", [1, 3, 4])
def test_other_rates_are_refused_before_anything_runs(rate: int, upscaler: RSTTUpscaler) -> None:
    library = CardLibrary()
    with pytest.raises(UsageError, match="rate 2"):
        build_upscaler(library.method("rstt-s"), library, untrained=True, rate=rate)
    with pytest.raises(UsageError, match="rate 2"):
        upscaler(clip(), rate)


def test_another_scale_is_refused() -> None:
    with pytest.raises(UsageError, match="enlarges by 4"):
        RSTTUpscaler(SMALL, scale=2)


def test_training_sees_what_runs_see(upscaler: RSTTUpscaler) -> None:
    trainable = trainable_of(upscaler, training_options(CardLibrary().method("rstt-s")), method="rstt-s")
    clips = frames(batch=2, given=4, height=8, width=8)
    seen = trainable.predict(clips, rate=2)
    assert seen.frames.shape == (2, 7, 3, 32, 32)
    assert not seen.pictures
    assert torch.equal(trainable.normalise(clips), clips)
    with torch.inference_mode():
        assert distance(seen.frames[1], upscaler(clips[1], 2)) < 1e-5
    seen.frames.sum().backward()
    assert all(parameter.grad is not None for parameter in upscaler.parameters())


def test_blocks_are_left_out_in_training_alone(upscaler: RSTTUpscaler) -> None:
    often = RSTTUpscaler(RSTTMethodOptions(depth=1, channels=16, stochastic_depth=0.9))
    often.load_state_dict(upscaler.state_dict())
    with torch.no_grad():
        made = [often.train()(clip(), 2) for _ in range(2)]
        assert not torch.equal(*made)
        assert torch.equal(often.eval()(clip(), 2), upscaler(clip(), 2))


def test_the_authors_file_is_loaded(tmp_path: Path) -> None:
    library = CardLibrary()
    card = library.method("rstt-s")
    constants = {name: torch.zeros(64, 64, dtype=torch.int64) for name in golden("rstt-s").kept}
    path = tmp_path / card.weights["authors"].file
    path.parent.mkdir()
    torch.save({**golden("rstt-s").weights("public"), **constants}, path)
    built = build_upscaler(card, library, folder=tmp_path, rate=2)
    assert not built.untrained
    name = "decoders.3.blocks.3.cross_attention.bias_table"
    assert torch.equal(built.upscaler.trained.get_parameter(name), loaded("rstt-s").get_parameter(name))
