"""Zooming Slow-Mo beside the authors' numbers, beside a straightforward program, and what must hold in any case."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from benchmarks.straightforward_tmnet import Straightforward
from benchmarks.timing import Calls
from harness.errors import DataError
from harness.networks.layers.pyramid import FinerLevel
from harness.networks.zooming_slow_mo.build import build_zooming_slow_mo
from harness.networks.zooming_slow_mo.key_map import from_release
from harness.networks.zooming_slow_mo.network import ZoomingSlowMo
from harness.networks.zooming_slow_mo.options import ZoomingSlowMoOptions
from harness.ops.deform_conv import deform_conv
from tests.networks.clips import distance
from tests.networks.release import errors, frames, loaded, reference, weights
from tests.parity.references import golden

TOLERANCE = 1e-4
SMALL = ZoomingSlowMoOptions(channels=8, feature_blocks=1, reconstruction_blocks=1)


@pytest.fixture(scope="module")
def arrays() -> dict[str, Tensor]:
    return reference("zooming-slow-mo")


@pytest.fixture(scope="module")
def authors() -> ZoomingSlowMo:
    network = loaded("zooming-slow-mo")
    assert isinstance(network, ZoomingSlowMo)
    return network


@contextmanager
def changed(module: nn.Module, change: object) -> Iterator[None]:
    """A module whose arguments are changed on their way in."""
    handle = module.register_forward_pre_hook(change)  # type: ignore[arg-type]
    yield
    handle.remove()


def swapped(maps: Tensor, offsets: Tensor, *rest: Tensor, padding: int) -> Tensor:
    """Deformable convolution with (dx, dy) offsets."""
    turned = offsets.reshape(len(offsets), -1, 2, *offsets.shape[2:]).flip(2).flatten(1, 2)
    return deform_conv(maps, turned, *rest, padding=padding)


def test_swapped_offsets_are_noticed(
    authors: ZoomingSlowMo, arrays: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.networks.layers.deformable.deform_conv", swapped)
    found = errors("zooming-slow-mo", authors, arrays)
    assert found.pop("mid_L1_fea") < TOLERANCE
    assert found.pop("mid_L3_fea") < TOLERANCE
    assert min(found.values()) > 0.01


def test_offset_features_that_do_not_grow_are_noticed(arrays: dict[str, Tensor]) -> None:
    network = loaded("zooming-slow-mo")
    for level in network.modules():
        if isinstance(level, FinerLevel):
            level.register_forward_pre_hook(lambda _level, given: (given[0], given[1], given[2] / 2, given[3]))
    found = errors("zooming-slow-mo", network, arrays)
    assert found.pop("mid_L3_fea") < TOLERANCE
    assert found["y"] > 0.01


def test_a_reverse_that_is_not_turned_back_is_noticed(authors: ZoomingSlowMo, arrays: dict[str, Tensor]) -> None:
    def turn(_layer: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        forward, backward = given[0].chunk(2, dim=1)
        return (torch.cat((forward, backward.flip(0)), dim=1),)

    with changed(authors.recurrence.fuse, turn):
        found = errors("zooming-slow-mo", authors, arrays)
    wrong = {name for name, error in found.items() if error > TOLERANCE}
    assert wrong == {"mid_blstm", "mid_recon_trunk", "y"}
    assert found["mid_blstm"] > 0.01


def test_halves_that_trade_places_are_noticed(authors: ZoomingSlowMo, arrays: dict[str, Tensor]) -> None:
    with changed(authors.interpolation.align, lambda _layer, given: given[::-1]):
        found = errors("zooming-slow-mo", authors, arrays)
    assert found["mid_pcd_aligned_pair0"] > 0.01
    assert found["y"] > 0.01


def test_a_block_that_is_activated_at_its_end_is_noticed(arrays: dict[str, Tensor]) -> None:
    network = loaded("zooming-slow-mo")
    network.get_submodule("trunk.0").register_forward_hook(lambda _block, _given, out: out.relu())
    assert errors("zooming-slow-mo", network, arrays)["y"] > 0.001


@pytest.mark.parametrize("shape", [(2, 3, 8, 12), (1, 2, 4, 4), (1, 5, 12, 8)], ids=str)
def test_it_is_the_straightforward_program(shape: tuple[int, int, int, int]) -> None:
    """With weights that the reference has not, at sizes and lengths that it has not."""
    batch, given, height, width = shape
    clip = frames(batch=batch, given=given, height=height, width=width)
    straightforward = Straightforward(weights("zooming-slow-mo", "other"))
    with torch.inference_mode():
        upscaled = loaded("zooming-slow-mo", salt="other")(clip)
        assert upscaled.shape == (batch, 2 * given - 1, 3, 4 * height, 4 * width)
        assert distance(upscaled, straightforward(clip)) < TOLERANCE


def test_parameters_are_the_papers() -> None:
    network = build_zooming_slow_mo()
    assert sum(parameter.numel() for parameter in network.parameters()) == 11_102_771
    assert golden("zooming-slow-mo").parameters == 11_102_771


def test_offsets_start_where_they_stand_and_blocks_close_to_the_identity() -> None:
    network = build_zooming_slow_mo()
    offsets = [value for name, value in network.named_parameters() if "offsets_and_mask" in name]
    assert offsets
    assert not any(bool(value.any()) for value in offsets)
    spread = network.get_parameter("trunk.0.first.weight").detach().std()
    assert float(spread) == pytest.approx(0.1 * (2 / (9 * 64)) ** 0.5, rel=0.05)
    assert not network.get_parameter("trunk.0.first.bias").any()


def test_any_size(authors: ZoomingSlowMo) -> None:
    with torch.inference_mode():
        assert authors(frames(height=5, width=7)).shape == (1, 3, 3, 20, 28)


def test_every_parameter_learns() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_zooming_slow_mo(SMALL)
        for name, parameter in network.named_parameters():
            if "offsets_and_mask" in name:  # zero holds the gradient back, for the first step alone
                nn.init.normal_(parameter, std=0.05)
    given = frames(given=3)
    before = given.clone()
    network(given).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert torch.equal(given, before)


def test_all_frames_and_all_pairs_are_one_call() -> None:
    network = build_zooming_slow_mo(SMALL)
    rows: dict[str, list[int]] = {}
    for name in ("features", "interpolation.align.first.level_1.align", "interpolation.fuse", "trunk", "tail"):
        network.get_submodule(name).register_forward_hook(
            lambda _module, _given, out, name=name: rows.setdefault(name, []).append(len(out))
        )
    with torch.inference_mode():
        network(frames(given=4))
    assert rows == {
        "features": [4],
        "interpolation.align.first.level_1.align": [3],
        "interpolation.fuse": [3],
        "trunk": [7],
        "tail": [7],
    }


def test_only_the_recurrence_counts_frames() -> None:
    network = build_zooming_slow_mo(SMALL)
    whole, recurrence = [], []
    for given in (2, 3, 4):
        with torch.no_grad(), Calls() as calls:
            network(frames(given=given))
        whole.append(calls.count)
        with torch.no_grad(), Calls() as calls:
            network.recurrence(torch.zeros(2 * given - 1, 1, 8, 8, 8))
        recurrence.append(calls.count)
    assert whole[1] - whole[0] == whole[2] - whole[1] == recurrence[1] - recurrence[0]


@pytest.mark.parametrize("prefix", ["", "module."])
def test_both_spellings_of_a_checkpoint(prefix: str) -> None:
    state = weights("zooming-slow-mo", "public")
    ours = from_release({prefix + name: value for name, value in state.items()})
    network = build_zooming_slow_mo()
    network.load_state_dict(ours, strict=True)
    assert torch.equal(network.get_parameter("tail.8.weight"), state["conv_last.weight"])


def test_a_foreign_checkpoint_is_named() -> None:
    with pytest.raises(DataError, match=r"layersFusion\.0\.weight"):
        from_release({"layersFusion.0.weight": torch.zeros(1)})


@pytest.mark.parametrize("shape", [(1, 1, 3, 8, 8), (2, 3, 8, 8), (1, 2, 1, 8, 8)])
def test_what_are_no_frames_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="two or more frames"):
        build_zooming_slow_mo(SMALL)(torch.zeros(shape))
