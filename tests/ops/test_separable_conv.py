"""Kernels for every pixel against scalar loops; gradients, bands, and what must hold exactly."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError
from harness.ops import separable_conv as module
from harness.ops.separable_conv import separable_conv


def case(batch: int, channels: int, height: int, width: int, *, taps: int, seed: int = 0) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(
        batch, channels, height + taps - 1, width + taps - 1, generator=generator, dtype=torch.float64
    )
    kernels = torch.randn(2, batch, taps, height, width, generator=generator, dtype=torch.float64)
    return frames, kernels[0], kernels[1]


def by_loops(frames: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    batch, taps, height, width = vertical.shape
    x, v, h = frames.numpy(), vertical.numpy(), horizontal.numpy()
    result = np.zeros((batch, frames.shape[1], height, width))
    for b, c, y, at, i, j in np.ndindex(*result.shape, taps, taps):
        result[b, c, y, at] += v[b, i, y, at] * x[b, c, y + i, at + j] * h[b, j, y, at]
    return torch.from_numpy(result)


@pytest.mark.parametrize(
    ("shape", "taps"), [((2, 3, 4, 5), 5), ((1, 2, 3, 33), 4), ((1, 1, 2, 70), 3), ((1, 1, 1, 1), 51)], ids=str
)
def test_equals_scalar_loops(shape: tuple[int, int, int, int], taps: int) -> None:
    given = case(*shape, taps=taps)
    torch.testing.assert_close(separable_conv(*given), by_loops(*given), rtol=0, atol=1e-12)


def test_gradcheck() -> None:
    given = [each.requires_grad_() for each in case(2, 2, 3, 4, taps=3, seed=1)]
    assert torch.autograd.gradcheck(separable_conv, given)


@pytest.mark.parametrize("rows", [1, 3])
def test_bands_change_nothing(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [each.requires_grad_() for each in case(2, 3, 7, 40, taps=5, seed=2)]
    weights = torch.randn(2, 3, 7, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def results() -> list[Tensor]:
        made = separable_conv(*given)
        return [made, *torch.autograd.grad((made * weights).sum(), given)]

    whole = results()
    heights: list[int] = []
    band = module._band

    def counted(frames: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
        heights.append(vertical.shape[2])
        return band(frames, vertical, horizontal)

    monkeypatch.setattr(module, "_CPU_LIMIT", rows * 8 * 2 * 2 * 5 * 3 * 36)
    monkeypatch.setattr(module, "_band", counted)
    for banded, wanted in zip(results(), whole, strict=True):
        torch.testing.assert_close(banded, wanted, rtol=0, atol=1e-12)
    assert heights[: -(-7 // rows)] == [min(rows, 7 - first) for first in range(0, 7, rows)]
    assert len(heights) == 2 * -(-7 // rows)  # backward, once more: nothing was kept


def test_a_kernel_of_one_tap_moves_the_frame() -> None:
    frames, vertical, horizontal = case(1, 3, 6, 8, taps=5, seed=4)
    vertical.zero_()[:, 1], horizontal.zero_()[:, 3] = 1, 1
    assert torch.equal(separable_conv(frames, vertical, horizontal), frames[..., 1:7, 3:11])


def test_equal_kernels_are_a_plain_convolution() -> None:
    frames, vertical, horizontal = case(1, 1, 9, 11, taps=7, seed=5)
    v, h = vertical[:, :, :1, :1].expand_as(vertical), horizontal[:, :, :1, :1].expand_as(horizontal)
    kernel = torch.outer(v[0, :, 0, 0], h[0, :, 0, 0])[None, None]
    torch.testing.assert_close(separable_conv(frames, v, h), F.conv2d(frames, kernel), rtol=0, atol=1e-12)


def test_autocast_does_not_reach_it() -> None:
    given = [each.float() for each in case(1, 3, 5, 6, taps=5, seed=6)]
    wanted = separable_conv(*given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(separable_conv(*given), wanted)
        half = [each.bfloat16() for each in given]
        torch.testing.assert_close(separable_conv(half[0], *half[1:]).float(), wanted, rtol=0, atol=0.1)


@pytest.mark.parametrize("wrong", [(1, 5, 6, 7), (1, 5, 7, 6), (2, 5, 6, 6), (1, 4, 6, 6)], ids=str)
def test_shapes_must_fit(wrong: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"H \+ K - 1"):
        separable_conv(torch.zeros(1, 3, 10, 10), torch.zeros(1, 5, 6, 6), torch.zeros(wrong))
    with pytest.raises(DataError, match=r"H \+ K - 1"):
        separable_conv(torch.zeros(1, 3, 10, 10), torch.zeros(wrong), torch.zeros(wrong))
