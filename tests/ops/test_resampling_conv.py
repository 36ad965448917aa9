"""Convolutions by four against torch's own, as values and as gradients, in float64."""

import pytest
import torch
import torch.nn.functional as F

from harness.ops.resampling_conv import Enlarge, Reduce, enlarge_in_blocks, reduce_in_blocks


def noise(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("size", [(1, 1), (6, 7), (3, 8)])
@pytest.mark.parametrize("bias", [True, False])
def test_enlarge_is_the_transposed_convolution(size: tuple[int, int], bias: bool) -> None:
    maps, weight, shift = noise(2, 5, *size, seed=0), noise(5, 3, 8, 8, seed=1), noise(3, seed=2)
    ours = enlarge_in_blocks(maps, weight, shift if bias else None)
    theirs = F.conv_transpose2d(maps, weight, shift if bias else None, stride=4, padding=2)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    wanted = (maps, weight, shift) if bias else (maps, weight)
    for mine, other in zip(
        torch.autograd.grad(ours.square().sum(), wanted),
        torch.autograd.grad(theirs.square().sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("size", [(4, 4), (24, 28)])
@pytest.mark.parametrize("bias", [True, False])
def test_reduce_is_the_convolution(size: tuple[int, int], bias: bool) -> None:
    maps, weight, shift = noise(2, 3, *size, seed=0), noise(5, 3, 8, 8, seed=1), noise(5, seed=2)
    ours = reduce_in_blocks(maps, weight, shift if bias else None)
    theirs = F.conv2d(maps, weight, shift if bias else None, stride=4, padding=2)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    wanted = (maps, weight, shift) if bias else (maps, weight)
    for mine, other in zip(
        torch.autograd.grad(ours.square().sum(), wanted),
        torch.autograd.grad(theirs.square().sum(), wanted),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=1e-11, atol=1e-11)


def test_layers_have_the_names_and_shapes_of_torchs() -> None:
    for ours, theirs in (
        (Enlarge(5, 3), torch.nn.ConvTranspose2d(5, 3, 8, stride=4, padding=2)),
        (Reduce(5, 3), torch.nn.Conv2d(5, 3, 8, stride=4, padding=2)),
    ):
        assert {k: v.shape for k, v in ours.state_dict().items()} == {
            k: v.shape for k, v in theirs.state_dict().items()
        }
        ours.load_state_dict(theirs.state_dict())
        maps = torch.randn(1, 5, 8, 8)
        torch.testing.assert_close(ours(maps), theirs(maps))
        assert ours.to("meta")(maps.to("meta")).shape == theirs(maps).shape
