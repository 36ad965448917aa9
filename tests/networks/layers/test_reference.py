"""The shared layers against the authors' Zooming Slow-Mo (tests/references/zooming-slow-mo.npz), stage by stage."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from harness.networks.layers.pyramid import FinerLevel
from harness.ops.deform_conv import deform_conv
from tests.networks.layers.front import Layers

TOLERANCE = 1e-4


def errors(stages: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> dict[str, float]:
    """The largest difference of every stage."""
    assert {name: stage.shape for name, stage in stages.items()} == {name: reference[name].shape for name in stages}
    return {name: float((stage - reference[name]).abs().max()) for name, stage in stages.items()}


def test_stages_are_those_of_the_authors(layers: Layers, reference: Mapping[str, Tensor]) -> None:
    found = errors(layers.run(reference["x"]), reference)
    assert set(found) == set(reference) - {"x"}
    assert {name: error for name, error in found.items() if not error < TOLERANCE} == {}


def swapped(frames: Tensor, offsets: Tensor, *rest: Tensor, padding: int) -> Tensor:
    """Deformable convolution with (dx, dy) offsets."""
    return deform_conv(
        frames, offsets.reshape(len(offsets), -1, 2, *offsets.shape[2:]).flip(2).flatten(1, 2), *rest, padding=padding
    )


def test_swapped_offsets_are_noticed(
    layers: Layers, reference: Mapping[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.networks.layers.deformable.deform_conv", swapped)
    found = errors(layers.run(reference["x"]), reference)
    assert found.pop("mid_L3_fea") < TOLERANCE
    assert min(found.values()) > 0.01


def test_offset_features_that_do_not_grow_are_noticed(layers: Layers, reference: Mapping[str, Tensor]) -> None:
    for part in (layers.alignment, layers.lstm):
        for level in part.modules():
            if isinstance(level, FinerLevel):
                level.register_forward_pre_hook(lambda _level, given: (given[0], given[1], given[2] / 2, given[3]))
    found = errors(layers.run(reference["x"]), reference)
    assert found.pop("mid_L3_fea") < TOLERANCE
    assert min(found.values()) > 0.01


def test_a_reverse_that_is_not_turned_back_is_noticed(layers: Layers, reference: Mapping[str, Tensor]) -> None:
    def turn(_layer: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        forward, backward = given[0].chunk(2, dim=1)
        return (torch.cat((forward, backward.flip(0)), dim=1),)

    layers.lstm.fuse.register_forward_pre_hook(turn)
    found = errors(layers.run(reference["x"]), reference)
    assert found.pop("mid_blstm") > 0.01
    assert max(found.values()) < TOLERANCE


def test_halves_that_trade_places_are_noticed(layers: Layers, reference: Mapping[str, Tensor]) -> None:
    layers.alignment.register_forward_pre_hook(lambda _layer, given: given[::-1])
    found = errors(layers.run(reference["x"]), reference)
    assert found.pop("mid_L3_fea") < TOLERANCE
    assert min(found.values()) > 0.01
