"""DAIN as a method: moments, given frames, the authors' file through the card, half precision."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.cards import CardLibrary
from harness.networks.dain.network import DAIN
from harness.upscalers import dain as module
from harness.upscalers.build import build_upscaler
from harness.upscalers.dain import DAINInterpolator
from harness.upscalers.interpolation import Blend
from harness.upscalers.two_stage import TwoStage
from tests.networks.clips import distance
from tests.networks.release import frames, loaded, reference, weights
from tests.parity.references import golden

LIBRARY = CardLibrary()


@pytest.fixture(scope="module")
def interpolator() -> DAINInterpolator:
    made = DAINInterpolator().eval()
    made.trained.load_state_dict(loaded("dain").state_dict())
    return made


def clip(length: int) -> Tensor:
    return frames(given=length, height=40, width=56)[0]


def blended(network: DAIN, first: Tensor, second: Tensor, times: Sequence[float]) -> Tensor:
    """In the place of the network between padded frames."""
    del network
    return torch.stack([(1 - t) * first + t * second for t in times], dim=1)


@pytest.mark.parametrize("rate", [2, 3, 4, 6])
def test_every_moment_of_every_pair(
    rate: int, interpolator: DAINInterpolator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "interpolate", blended)
    made = interpolator.interpolate(clip(3), rate, flows=None)
    assert torch.equal(made[::rate], clip(3))
    assert distance(made, Blend().interpolate(clip(3), rate, flows=None)) < 1e-6


def test_the_network_sees_rgb(interpolator: DAINInterpolator) -> None:
    """The frames of the authors' program, padding included."""
    arrays = reference("dain")
    given = torch.cat((arrays["frame0"], arrays["frame1"]))
    with torch.inference_mode():
        made = interpolator.interpolate(given, 2, flows=None)
    assert distance(made[1:2, :, ::2, ::2], arrays["pipe_rectified@2"]) < 1e-4


def test_nothing_is_made_where_nothing_is_missing(interpolator: DAINInterpolator) -> None:
    assert torch.equal(interpolator.interpolate(clip(3), 1, flows=None), clip(3))
    assert torch.equal(interpolator.interpolate(clip(1), 4, flows=None), clip(1))


def test_half_precision_is_close(interpolator: DAINInterpolator) -> None:
    given = clip(2)
    with torch.inference_mode():
        wanted = interpolator.interpolate(given, 2, flows=None)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = interpolator.interpolate(given, 2, flows=None)
    assert half.dtype == torch.float32
    assert half.isfinite().all()
    assert float((half - wanted).abs().mean()) < 0.1 * float(wanted.abs().mean())


def test_the_authors_file_loads_through_the_card(interpolator: DAINInterpolator, tmp_path: Path) -> None:
    file = tmp_path / "dain" / "best.pth"
    file.parent.mkdir()
    counters = {name: torch.tensor(0) for name in golden("dain").kept}
    torch.save({**weights("dain", "public"), **counters}, file)
    built = build_upscaler(LIBRARY.method("dain+bicubic"), LIBRARY, folder=tmp_path, rate=6)
    assert isinstance(built.upscaler, TwoStage)
    assert isinstance(built.upscaler.interpolator, DAINInterpolator)
    ours = built.upscaler.interpolator.trained.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in interpolator.trained.state_dict().items())
