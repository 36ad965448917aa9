"""VideoINR as a method: pairs, rates, scales, sizes; training's door."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.cards import CardLibrary
from harness.errors import DataError
from harness.training.options import training_options
from harness.training.trainable import trainable_of
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import VideoINRMethodOptions
from harness.upscalers.videoinr import VideoINRUpscaler
from tests.networks.clips import distance
from tests.networks.release import frames, loaded
from tests.parity.references import golden

SMALL = VideoINRMethodOptions(channels=8, feature_blocks=1, reconstruction_blocks=1)


def clip(given: int = 2, *, height: int = 8, width: int = 12) -> Tensor:
    return frames(given=given, height=height, width=width)[0]


def made_by(scale: int) -> VideoINRUpscaler:
    torch.manual_seed(0)
    upscaler = VideoINRUpscaler(SMALL, scale=scale)
    upscaler.eval()
    return upscaler


@pytest.fixture
def upscaler() -> VideoINRUpscaler:
    return made_by(4)


@pytest.mark.parametrize("rate", [1, 2, 4, 8])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_pair_at_any_rate_and_scale(rate: int, scale: int) -> None:
    upscaler = made_by(scale)
    times = torch.arange(rate + 1).unsqueeze(0) / rate
    with torch.inference_mode():
        made = upscaler(clip(), rate)
        assert made.shape == (rate + 1, 3, 8 * scale, 12 * scale)
        assert distance(made, upscaler.network(clip()[None], times, (8 * scale, 12 * scale))[0]) < 1e-5


def test_a_longer_window_goes_pair_by_pair(upscaler: VideoINRUpscaler) -> None:
    window = clip(4)
    with torch.inference_mode():
        pairs = [upscaler(window[k : k + 2], 2) for k in range(3)]
        wanted = torch.cat((*(pair[:2] for pair in pairs), pairs[-1][2:]))
        made = upscaler(window, 2)
        assert made.shape == (7, 3, 32, 48)
        assert distance(made, wanted) < 1e-5
        assert distance(pairs[0][2], made[2]) > 1e-4, "a given frame is made from the pair that it begins"
        together = upscaler.supervised(torch.stack((window, window.flip(0))), rate=2).frames
        assert distance(together[0], made) < 1e-5


def test_other_sizes_are_filled_up_with_zeros_and_cropped(upscaler: VideoINRUpscaler) -> None:
    window = clip(height=6, width=9)
    padded = torch.nn.functional.pad(window, (0, 3, 0, 2))
    with torch.inference_mode():
        made = upscaler(window, 2)
        assert made.shape == (3, 3, 24, 36)
        assert torch.equal(made, upscaler(padded, 2)[..., :24, :36])


def test_one_frame_is_refused(upscaler: VideoINRUpscaler) -> None:
    with pytest.raises(DataError, match="two or more frames"):
        upscaler(clip(1), 1)


def test_the_protocol_decides_the_window() -> None:
    library = CardLibrary()
    built = build_upscaler(library.method("videoinr"), library, scale=3, untrained=True, rate=8)
    assert built.input_frames is None
    assert built.upscaler.scale == 3


def test_training_looks_at_the_frames_as_they_are(upscaler: VideoINRUpscaler) -> None:
    trainable = trainable_of(upscaler, training_options(CardLibrary().method("videoinr")), method="videoinr")
    clips = frames(batch=2, given=3)
    assert torch.equal(trainable.normalise(clips), clips)
    testing = trainable.predict(clips, rate=2).frames
    trainable.module.train()
    training = trainable.predict(clips, rate=2)
    assert testing.shape == training.frames.shape == (2, 5, 3, 32, 32)
    assert not training.pictures
    with torch.no_grad():
        pair = upscaler.network(clips[1:, :2], torch.tensor([[0.0, 0.5]]), (32, 32), picture_scale=1)
        assert distance(training.frames[1:, :2].detach(), pair) < 1e-5
        assert distance(training.frames.detach(), testing.detach()) > 1e-5
    training.frames.sum().backward()
    assert all(parameter.grad is not None for parameter in upscaler.parameters())


def test_the_authors_file_is_loaded(tmp_path: Path) -> None:
    library = CardLibrary()
    card = library.method("videoinr")
    path = tmp_path / card.weights["authors"].file
    path.parent.mkdir()
    torch.save(golden("videoinr").weights("public"), path)
    built = build_upscaler(card, library, folder=tmp_path, rate=4)
    assert not built.untrained
    name = "decoder.colour.layers.4.weight"
    assert torch.equal(built.upscaler.trained.get_parameter(name), loaded("videoinr").get_parameter(name))
