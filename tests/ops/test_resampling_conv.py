"""Convolutions by four against torch's own, as values and as gradients, in float64."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.ops.resampling_conv import Enlarge, Reduce, enlarge_in_blocks, reduce_in_blocks

Operator = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def noise(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def enlarged(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv_transpose2d(maps, weight, bias, stride=4, padding=2)


def reduced(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv2d(maps, weight, bias, stride=4, padding=2)


@pytest.mark.parametrize(
    ("ours", "theirs", "weights", "size"),
    [
        *((enlarge_in_blocks, enlarged, (5, 3), size) for size in ((1, 1), (6, 7), (3, 8))),
        *((reduce_in_blocks, reduced, (3, 5), size) for size in ((4, 4), (24, 28))),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_the_same_as_torchs(
    ours: Operator, theirs: Operator, weights: tuple[int, int], size: tuple[int, int], bias: bool
) -> None:
    weight, shift = noise(*weights, 8, 8, seed=1), noise(3, seed=2)
    maps = noise(2, 5, *size, seed=0)
    values, wanted = (operator(maps, weight, shift if bias else None) for operator in (ours, theirs))
    torch.testing.assert_close(values, wanted, rtol=1e-12, atol=1e-12)
    arguments = (maps, weight, shift) if bias else (maps, weight)
    gradients = [torch.autograd.grad(result.square().sum(), arguments) for result in (values, wanted)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-11, atol=1e-11)


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
