"""The pyramid, its alignment and the recurrence on them: what must hold whatever the weights."""

from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError
from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from harness.networks.layers.key_map import BIDIRECTIONAL_LSTM, PYRAMID
from harness.networks.layers.pyramid import FeaturePyramid, SymmetricAlignment
from harness.networks.layers.renaming import prefixed, renamed
from harness.ops.deform_conv import deform_conv

SIZES = [(8, 8), (6, 5), (22, 28), (1, 1)]


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def test_parameters_are_the_papers() -> None:
    assert sum(parameter.numel() for parameter in BidirectionalConvLSTM().parameters()) == 5_063_392


def test_levels_halve_and_round_up() -> None:
    levels = FeaturePyramid(2)(noise(1, 2, 22, 9, dtype=torch.float32))
    assert [tuple(level.shape[2:]) for level in levels] == [(22, 9), (11, 5), (6, 3)]


@pytest.mark.parametrize("size", SIZES)
def test_alignment_of_any_size(size: tuple[int, int]) -> None:
    pyramid, alignment = FeaturePyramid(8).double(), SymmetricAlignment(8, groups=2).double()
    aligned = alignment(pyramid(noise(2, 8, *size)), pyramid(noise(2, 8, *size).flip(0)))
    assert aligned.shape == (2, 16, *size)
    assert aligned.isfinite().all()


@pytest.mark.parametrize("size", SIZES)
def test_sizes_are_padded_inside(size: tuple[int, int], small_lstm: BidirectionalConvLSTM) -> None:
    maps = noise(2, 1, 8, *size)
    height, width = size
    padded = F.pad(maps, (0, -width % 4, 0, -height % 4))
    expected = small_lstm(padded)[..., :height, :width]
    torch.testing.assert_close(small_lstm(maps), expected, rtol=0, atol=1e-12)
    small_lstm.pad_to = 1
    plain = small_lstm(maps)
    assert plain.shape == maps.shape
    assert torch.allclose(plain, expected) == (padded.shape == maps.shape)


def test_sequences_of_a_batch_do_not_see_each_other(small_lstm: BidirectionalConvLSTM) -> None:
    maps = noise(3, 3, 8, 6, 5)
    alone = torch.cat([small_lstm(sequence) for sequence in maps.split(1, dim=1)], dim=1)
    torch.testing.assert_close(small_lstm(maps), alone, rtol=0, atol=1e-12)


def test_time_runs_both_ways(small_lstm: BidirectionalConvLSTM) -> None:
    """Every frame hears every other; a reversed sequence gives the reverse where both directions weigh the same."""
    maps = noise(4, 1, 8, 4, 4).requires_grad_()
    result = small_lstm(maps)
    for t in range(4):
        (heard,) = torch.autograd.grad(result[t].sum(), maps, retain_graph=True)
        assert heard.flatten(2).any(dim=2).all()
    with torch.no_grad():
        small_lstm.fuse.weight[:, 8:] = small_lstm.fuse.weight[:, :8]
        turned = small_lstm(maps.flip(0)).flip(0)
        torch.testing.assert_close(small_lstm(maps), turned, rtol=0, atol=1e-12)


def test_both_directions_are_one_batch(small_lstm: BidirectionalConvLSTM) -> None:
    sizes: list[int] = []
    small_lstm.recurrence.gates.register_forward_hook(lambda _layer, given, _out: sizes.append(len(given[0])))
    small_lstm(noise(3, 2, 8, 4, 4))
    assert sizes == [4, 4, 4]


def test_every_parameter_learns(small_lstm: BidirectionalConvLSTM) -> None:
    small_lstm(noise(3, 1, 8, 6, 5)).square().mean().backward()
    for name, parameter in small_lstm.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_compiles_without_graph_breaks(small_lstm: BidirectionalConvLSTM) -> None:
    torch.compiler.reset()
    compiled = torch.compile(small_lstm, fullgraph=True, backend="eager")
    maps = noise(2, 1, 8, 6, 5)
    torch.testing.assert_close(compiled(maps), small_lstm(maps), rtol=0, atol=1e-12)


def test_nothing_waits_for_a_device() -> None:
    """On a device without numbers no value can be read."""
    with torch.device("meta"):
        lstm, maps = BidirectionalConvLSTM(), torch.empty(3, 1, 64, 30, 41)
    assert lstm(maps).shape == maps.shape


def test_offsets_stay_in_float32(small_lstm: BidirectionalConvLSTM, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[tuple[torch.dtype, torch.dtype]] = set()

    def listen(frames: Tensor, offsets: Tensor, mask: Tensor, *rest: Tensor, padding: int) -> Tensor:
        seen.add((offsets.dtype, mask.dtype))
        return deform_conv(frames, offsets, mask, *rest, padding=padding)

    monkeypatch.setattr("harness.networks.layers.deformable.deform_conv", listen)
    lstm, maps = small_lstm.float(), noise(3, 1, 8, 6, 5).float()
    expected = lstm(maps)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = lstm(maps)
    assert seen == {(torch.float32, torch.float32)}
    assert result.dtype == torch.bfloat16
    assert (result.float() - expected).abs().max() < 0.02


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_name_is_known(prefix: str, weights: Mapping[str, Tensor]) -> None:
    theirs = {prefix + key: value for key, value in weights.items() if key.startswith("ConvBLSTM.")}
    ours = renamed(theirs, prefixed(BIDIRECTIONAL_LSTM, theirs="ConvBLSTM", ours="lstm"))
    own = BidirectionalConvLSTM().state_dict()
    assert {name: tensor.shape for name, tensor in ours.items()} == {
        f"lstm.{name}": tensor.shape for name, tensor in own.items()
    }
    with pytest.raises(DataError, match=r"fea_L4_conv1\.weight"):
        renamed({"fea_L4_conv1.weight": torch.zeros(1)}, PYRAMID)
