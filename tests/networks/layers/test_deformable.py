"""Deformable convolution with its own offsets, and what stays in float32 when the rest does not."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn

from harness.networks.layers.deformable import DeformableConvolution, stand_still
from harness.ops.deform_conv import deform_conv
from harness.ops.precision import at_least_float32, full_precision


@pytest.fixture
def layer() -> DeformableConvolution:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return DeformableConvolution(8, groups=2)


def maps(*, seed: int = 0) -> Tensor:
    return torch.randn(2, 8, 5, 6, generator=torch.Generator().manual_seed(seed))


def test_offsets_and_masks_ignore_autocast(layer: DeformableConvolution) -> None:
    expected = layer.read(maps())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        read = layer.read(maps())
        assert layer(maps(seed=1), maps()).dtype == torch.bfloat16
    for ours, theirs in zip(read, expected, strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_offsets_of_a_network_in_another_precision(layer: DeformableConvolution, dtype: torch.dtype) -> None:
    layer.to(dtype)
    wanted = torch.promote_types(dtype, torch.float32)
    assert {tensor.dtype for tensor in layer.read(maps().to(dtype))} == {wanted}
    assert layer(maps().to(dtype), maps().to(dtype)).dtype == dtype


def test_offsets_scale(layer: DeformableConvolution) -> None:
    offsets, mask = layer.read(maps())
    far = deform_conv(maps(seed=1), 4 * offsets, mask, layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(maps(seed=1), maps(), offset_scale=4), far)
    assert not torch.allclose(layer(maps(seed=1), maps()), far)


def test_a_layer_that_stands_still_is_half_a_convolution(layer: DeformableConvolution) -> None:
    stand_still(nn.Sequential(layer))
    with torch.no_grad():
        layer.bias.fill_(0.5)
    plain = nn.functional.conv2d(maps(seed=1), layer.weight, padding=1)
    torch.testing.assert_close(layer(maps(seed=1), maps()), plain / 2 + 0.5)


def test_full_precision_is_for_autocast_alone() -> None:
    assert isinstance(full_precision("meta"), nullcontext)
    left, right = torch.ones(2, 2), torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with full_precision("cpu"):
            assert (left @ right).dtype == torch.float32
        assert (left @ right).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("float16", "float32"), ("bfloat16", "float32"), ("float32", "float32"), ("float64", "float64")],
)
def test_at_least_float32(given: str, wanted: str) -> None:
    tensor = torch.ones(1, dtype=getattr(torch, given))
    assert at_least_float32(tensor).dtype == getattr(torch, wanted)
    assert (at_least_float32(tensor) is tensor) == (given == wanted)


def test_compiles_inside_and_outside_of_autocast(layer: DeformableConvolution) -> None:
    torch.compiler.reset()
    compiled = torch.compile(layer.read, fullgraph=True, backend="eager")
    expected = layer.read(maps())
    for context in (nullcontext(), torch.autocast("cpu", dtype=torch.bfloat16), nullcontext()):
        with context:
            read = compiled(maps())
        for ours, theirs in zip(read, expected, strict=True):
            assert ours.dtype == torch.float32
            assert torch.equal(ours, theirs)
