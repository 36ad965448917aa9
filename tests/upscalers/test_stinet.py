"""STINet as a method: frames in [0, 1] and a rate in, frames out; what flow has to do with it; training's door."""

import pytest
import torch

from harness.cards import CardLibrary
from harness.errors import UsageError
from harness.flow.farneback import Farneback
from harness.networks.layers.imagenet import DEVIATION, MEAN
from harness.upscalers.build import build_upscaler
from tests.networks.clips import distance
from tests.upscalers.small_stinet import clip, small

TOLERANCE = 1e-5


@pytest.mark.parametrize("rate", [1, 2, 4, 6])
@pytest.mark.parametrize("options", [{}, {"flow": "none"}, {"base": "bicubic"}, {"hr_features": False}], ids=str)
def test_a_window_becomes_all_frames(rate: int, options: dict[str, object]) -> None:
    with torch.inference_mode():
        frames = small(**options)(clip(3), rate)
    assert frames.shape == (2 * rate + 1, 3, 32, 36)
    assert frames.isfinite().all()
    assert frames.dtype == torch.float32


def test_normalisation_is_imagenets_there_and_back() -> None:
    upscaler, frames = small(), clip(2)
    normalised = upscaler.normalise(frames)
    for channel, (mean, deviation) in enumerate(zip(MEAN, DEVIATION, strict=True)):
        torch.testing.assert_close(normalised[:, channel], (frames[:, channel] - mean) / deviation)
    torch.testing.assert_close(upscaler.denormalise(normalised), frames)
    assert all(name.startswith("network.") for name in upscaler.state_dict()), "constants are no weights"


def test_a_window_is_the_network_between_normalisations() -> None:
    upscaler, frames = small(), clip(3)
    flow = Farneback()
    with torch.inference_mode():
        flows = flow(frames[:-1], frames[1:]), flow(frames[1:], frames[:-1])
        made = upscaler.network(upscaler.normalise(frames)[None], *(each[None] for each in flows), times=(0.5,))
        assert distance(upscaler(frames, 2), upscaler.denormalise(made[0])) < TOLERANCE


def test_the_grey_of_the_release_is_another_flow_and_another_result() -> None:
    ours, theirs, frames = small(), small(flow_grey="release"), clip(3)
    with torch.inference_mode():
        mine, release = ours.flows(frames), theirs.flows(frames)
        assert mine is not None
        assert release is not None
        assert all(distance(*pair) > 1e-2 for pair in zip(mine, release, strict=True))
        exchanged = ours.flows(frames.flip(1))  # red and blue
        assert exchanged is not None
        assert all(torch.equal(*pair) for pair in zip(exchanged, release, strict=True))
        assert distance(ours(frames, 2), theirs(frames, 2)) > 1e-3
        assert torch.equal(ours.upscale(frames, 2, flows=mine), ours(frames, 2))


def test_without_a_motion_feature_no_flow_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler = small(flow="none")

    def never(*_: object) -> None:
        raise AssertionError("flow was asked for")

    monkeypatch.setattr(Farneback, "along", never)
    monkeypatch.setattr(Farneback, "__call__", never)
    assert upscaler.component_versions == {}
    assert upscaler.flows(clip(3)) is None
    with torch.inference_mode():
        assert upscaler(clip(3), 2).shape[0] == 5
        assert next(upscaler.upscale_windows([(clip(3), (0, 2, 4))], 2)).shape[0] == 5
        assert upscaler.supervised(clip(3)[None]).frames.shape[1] == 5


def test_the_version_of_the_flow_is_known() -> None:
    assert small().component_versions == {"flow:farneback": str(Farneback.version)}
    assert small(flow="raw").component_versions == small().component_versions


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
def test_another_scale_is_refused(scale: int) -> None:
    library = CardLibrary()
    with pytest.raises(UsageError, match=f"(?s)enlarges by 4.*scale {scale}"):
        build_upscaler(library.method("stinet"), library, scale=scale, untrained=True)


# -- training's door


@pytest.mark.parametrize("rate", [1, 2, 4])
@pytest.mark.parametrize("flow", ["adapted", "none"])
def test_training_sees_the_frames_that_evaluation_sees(rate: int, flow: str) -> None:
    upscaler, frames = small(flow=flow), clip(3)
    with torch.inference_mode():
        supervised = upscaler.supervised(frames[None], rate=rate)
        expected = upscaler(frames, rate)
    assert distance(upscaler.denormalise(supervised.frames[0]), expected) < TOLERANCE
    shapes = {side: tuple(pictures.shape) for side, pictures in supervised.phase_1.items()}
    assert shapes == {"lr": (1, 2 * rate + 1, 3, 8, 9), "hr": (1, 2 * rate + 1, 3, 32, 36)}


def test_clips_of_a_batch_do_not_see_each_other() -> None:
    upscaler = small()
    clips = torch.stack([clip(3, seed=seed) for seed in range(3)])
    with torch.inference_mode():
        together = upscaler.supervised(clips)
        for index in range(3):
            alone = upscaler.supervised(clips[index : index + 1])
            assert distance(together.frames[index : index + 1], alone.frames) < TOLERANCE
            for side, pictures in alone.phase_1.items():
                assert distance(together.phase_1[side][index : index + 1], pictures) < TOLERANCE


def test_what_is_trained_is_the_network_but_for_s_sr() -> None:
    upscaler = small()
    assert upscaler.trained is upscaler.network
    upscaler.supervised(clip(3)[None]).frames.square().mean().backward()
    for name, parameter in upscaler.network.named_parameters():
        wanted = not name.startswith(("initialisation.super_resolution.", "phase_1_heads."))
        assert (parameter.grad is not None) == wanted, name
