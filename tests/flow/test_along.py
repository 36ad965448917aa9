"""The flows along a clip: those of its pairs, with every frame expanded once."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from harness.errors import DataError
from harness.flow import farneback
from harness.flow.farneback import Farneback, FarnebackSettings
from harness.flow.grey import GreyOrder


def clips(batch: int, frames: int, *, height: int = 20, width: int = 34, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, frames, 3, height, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("batch", "frames", "height", "width"), [(1, 2, 20, 34), (2, 4, 20, 34), (1, 3, 66, 70)])
@pytest.mark.parametrize("grey", ["rgb", "release"])
def test_flows_are_those_of_the_pairs(batch: int, frames: int, height: int, width: int, grey: GreyOrder) -> None:
    flow = Farneback(grey=grey)
    given = clips(batch, frames, height=height, width=width)
    forth, back = flow.along(given)
    assert forth.shape == back.shape == (batch, frames - 1, 2, height, width)
    for b in range(batch):
        for t in range(frames - 1):
            first, second = given[b, t : t + 1], given[b, t + 1 : t + 2]
            torch.testing.assert_close(forth[b, t], flow(first, second)[0], rtol=0, atol=1e-9)
            torch.testing.assert_close(back[b, t], flow(second, first)[0], rtol=0, atol=1e-9)
    assert float((forth + back).abs().max()) > 1e-3, "they are not each other's opposite"


@pytest.mark.parametrize("frames", [2, 5])
def test_every_frame_is_expanded_once(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expanded: list[int] = []
    own: Callable[..., Tensor] = farneback.polynomial_expansion

    def counting(images: Tensor, *, settings: FarnebackSettings) -> Tensor:
        expanded.append(len(images))
        return own(images, settings=settings)

    monkeypatch.setitem(Farneback.expand_grey.__globals__, "polynomial_expansion", counting)
    flow, given = Farneback(), clips(2, frames, height=66, width=70)
    flow.along(given)
    levels = len(flow.expand(given[:1, 0]))
    assert levels == 2
    assert expanded == [2 * frames] * levels + [1] * levels


def test_a_clip_of_one_frame_has_no_flow() -> None:
    forth, back = Farneback().along(clips(2, 1))
    assert forth.shape == back.shape == (2, 0, 2, 20, 34)


def test_autocast_does_not_reach_the_flow() -> None:
    given = clips(1, 3).float()
    expected = Farneback().along(given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = Farneback().along(given)
        half = Farneback().along(given.bfloat16())
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    assert {flow.dtype for flow in half} == {torch.float32}


def test_a_gradient_goes_through_where_nothing_is_rounded() -> None:
    given = clips(1, 3).float().requires_grad_()
    forth, back = Farneback(quantise=False).along(given)
    (gradient,) = torch.autograd.grad(forth.square().sum() + back.square().sum(), given)
    assert gradient.isfinite().all()
    assert all(bool(frame.any()) for frame in gradient[0])


def test_integers_are_refused() -> None:
    with pytest.raises(DataError, match=r"torch\.uint8"):
        Farneback().along(torch.zeros(1, 2, 3, 8, 8, dtype=torch.uint8))
