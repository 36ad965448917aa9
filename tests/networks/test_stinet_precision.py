"""What of STINet stays in float32 while autocast runs the rest in half precision."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from harness.flow.farneback import Farneback
from harness.networks.layers.deformable import DeformableConvolution
from harness.networks.stinet.edges import EdgeAttributes, PlainEdges
from harness.networks.stinet.global_refinement import GraphSage
from harness.networks.stinet.interpolation import Motion
from tests.networks.clips import distance
from tests.upscalers.small_stinet import clip, small

HALF = [torch.bfloat16, torch.float16]


def tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors(part)


def watch(module: nn.Module) -> list[Tensor]:
    """Gets whatever the module returns."""
    seen: list[Tensor] = []
    module.register_forward_hook(lambda _module, _inputs, out: seen.extend(tensors(out)))
    return seen


def only(network: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    found = [module for module in network.modules() if isinstance(module, kind)]
    assert found
    return found


@pytest.mark.parametrize("dtype", HALF)
def test_positions_and_the_graph_are_in_float32(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    upscaler, read = small(), DeformableConvolution.read
    offsets: list[Tensor] = []

    def spy(layer: DeformableConvolution, offset_features: Tensor) -> tuple[Tensor, Tensor]:
        found = read(layer, offset_features)
        offsets.extend(found)
        return found

    monkeypatch.setattr(DeformableConvolution, "read", spy)
    kinds = {kind: [watch(module) for module in only(upscaler, kind)] for kind in (Motion, GraphSage, EdgeAttributes)}
    convolution = watch(upscaler.network.initialisation.super_resolution)
    with torch.inference_mode(), torch.autocast("cpu", dtype=dtype):
        frames = upscaler.upscale(clip(3), 2, flows=upscaler.flows(clip(3)))
    assert {tensor.dtype for tensor in convolution} == {dtype}, "the rest is in half precision"
    assert len(offsets) >= 4
    for seen in (offsets, *(seen for all_seen in kinds.values() for seen in all_seen)):
        assert seen
        assert {tensor.dtype for tensor in seen} == {torch.float32}
    assert frames.dtype == torch.float32
    assert frames.isfinite().all()


@pytest.mark.parametrize("options", [{"hr_features": False}, {"lr_features": False}, {"base": "bicubic"}], ids=str)
def test_frames_come_out_in_float32_from_every_variant(options: dict[str, object]) -> None:
    upscaler = small(**options)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        made = [upscaler(clip(3), 2), next(upscaler.upscale_windows([(clip(3), (0, 2, 4))], 2))]
        made.append(upscaler.supervised(clip(3)[None]).frames)
    assert {frames.dtype for frames in made} == {torch.float32}


def test_motion_and_flow_are_the_very_numbers_of_float32() -> None:
    upscaler = small()
    (motion,) = only(upscaler, Motion)
    seen = watch(motion)
    with torch.inference_mode():
        flows = upscaler.flows(clip(3))
        upscaler(clip(3), 2)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert all(
                torch.equal(*pair) for pair in zip(Farneback().along(clip(3)[None]), pairs(flows), strict=True)
            )
            upscaler(clip(3), 2)
    half = len(seen) // 2
    assert all(torch.equal(*pair) for pair in zip(seen[:half], seen[half:], strict=True))


def pairs(flows: tuple[Tensor, Tensor] | None) -> list[Tensor]:
    assert flows is not None
    return [flow.unsqueeze(0) for flow in flows]


@pytest.mark.parametrize("options", [{"graph_weights": "none"}, {"graph_edges": "causal"}], ids=str)
def test_the_graph_of_half_precision_features_is_that_of_the_same_features_in_float32(
    options: dict[str, object],
) -> None:
    stage = small(**options).network.global_refinement
    assert only(stage, PlainEdges if options.get("graph_weights") == "none" else EdgeAttributes)
    generator, times = torch.Generator().manual_seed(0), torch.arange(3.0)
    features = {
        side: torch.randn(3, 1, 8, size, size, generator=generator).bfloat16()
        for side, size in (("lr", 8), ("hr", 32))
    }
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        half = stage(features, times).gain
    with torch.inference_mode():
        whole = stage({side: maps.float() for side, maps in features.items()}, times).gain
    assert all(distance(half[side], whole[side]) < 1e-6 for side in features)
