"""SPyNet at every size, in every spelling, and what a wrong one would give. Its parity: tests/cli/test_parity.py."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError
from harness.networks import spynet as module
from harness.networks.spynet import SPyNet, from_release, spynet
from harness.networks.state import read_state
from harness.ops.warp import resize_bilinear, warp
from tests.networks.clips import distance
from tests.networks.straightforward_spynet import flow_between
from tests.parity.references import REFERENCES, golden

TOLERANCE = 1e-4
SIZES = [(32, 32), (64, 52), (33, 40), (32, 96), (70, 101), (12, 20), (1, 1)]


def network(salt: str = "public") -> SPyNet:
    built = spynet()
    built.load_state_dict({**built.state_dict(), **from_release(golden("spynet").weights(salt))})
    return built.eval().requires_grad_(False)


def noise(height: int, width: int, *, batch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two batches of smooth noise in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2 * batch, 3, 2 + height // 8, 2 + width // 8, generator=generator)
    first, second = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False).split(batch)
    return first, second


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("salt", ["other", "third"])
def test_it_is_what_the_sheet_says_at_any_size(size: tuple[int, int], salt: str) -> None:
    frames = noise(*size, batch=2, seed=len(salt))
    wanted = flow_between(*frames, golden("spynet").weights(salt))
    found = network(salt)(*frames)
    assert found.shape == (2, 2, *size)
    assert wanted.abs().max() > 0.02
    assert distance(found, wanted) < TOLERANCE * max(1.0, float(wanted.abs().max()))


def test_it_is_what_the_sheet_says_in_double_precision() -> None:
    first, second = (frames.double() for frames in noise(40, 56))
    weights = {key: value.double() for key, value in golden("spynet").weights("d").items()}
    wanted = flow_between(first, second, weights)
    # The constants of normalisation are those of float32, as in the checkpoints that have them.
    assert distance(network("d").double()(first, second), wanted) < 1e-6


def zeros_outside(frames: Tensor, flow: Tensor) -> Tensor:
    return warp(frames, flow, padding="zeros")


def rows_first(frames: Tensor, flow: Tensor) -> Tensor:
    return warp(frames, flow.flip(1))


def backwards(frames: Tensor, flow: Tensor) -> Tensor:
    return warp(frames, -flow)


@pytest.mark.parametrize("wrong", [zeros_outside, rows_first, backwards])
def test_another_warp_is_noticed(wrong: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "warp", wrong)
    assert off_the_authors(network()) > 0.1


def test_other_details_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    built = network()
    assert off_the_authors(built) < TOLERANCE
    assert off_the_authors(built, swap=True) > 1
    built.get_buffer("mean").copy_(built.get_buffer("mean").flip(1))  # BGR
    built.get_buffer("deviation").copy_(built.get_buffer("deviation").flip(1))
    assert off_the_authors(built) > 0.01
    monkeypatch.setattr(module, "resize_flow", resize_bilinear)  # lengths stay those of the enlarged frames
    assert off_the_authors(network()) > 0.1


def off_the_authors(built: SPyNet, *, swap: bool = False) -> float:
    with np.load(REFERENCES / "spynet.npz") as stored:
        ref, supp, flow = (torch.from_numpy(stored[name]) for name in ("ref", "supp", "flow"))
    return distance(built(supp, ref) if swap else built(ref, supp), flow)


def basicsr(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return dict(state)


def mmediting(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """basic_module.L.basic_module.2k.weight -> basic_module.L.basic_module.k.conv.weight"""
    named = {key: key.split(".") for key in state}
    return {
        ".".join((*parts[:3], str(int(parts[3]) // 2), "conv", parts[4])): state[key] for key, parts in named.items()
    }


def original(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.replace("basic_module", "moduleBasic"): value for key, value in state.items()}


@pytest.mark.parametrize("container", ["", "params", "state_dict"])
@pytest.mark.parametrize("spelling", [basicsr, mmediting, original])
def test_every_spelling_loads(
    spelling: Callable[[Mapping[str, Tensor]], dict[str, Tensor]], container: str, tmp_path: Path
) -> None:
    state = spelling(golden("spynet").weights("public"))
    torch.save({container: state} if container else state, tmp_path / "weights.pth")
    built = spynet()
    missing, unexpected = built.load_state_dict(from_release(read_state(tmp_path / "weights.pth")), strict=False)
    assert set(missing) == {"mean", "deviation"}
    assert not unexpected
    assert off_the_authors(built.requires_grad_(False)) < TOLERANCE


def test_constants_of_a_larger_checkpoint_are_loaded() -> None:
    state = from_release({"mean": torch.full((1, 3, 1, 1), 0.5), "std": torch.full((1, 3, 1, 1), 0.25)})
    built = network()
    built.load_state_dict(state, strict=False)
    assert built.get_buffer("mean").flatten().tolist() == [0.5] * 3
    assert built.get_buffer("deviation").flatten().tolist() == [0.25] * 3


def test_a_foreign_name_is_refused() -> None:
    with pytest.raises(DataError, match=r"basic_module\.6"):
        from_release({"basic_module.6.basic_module.0.weight": torch.zeros(1)})


def test_autocast_does_not_reach_it() -> None:
    built, frames = network(), noise(33, 40)
    wanted = built(*frames)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(built(*frames), wanted)
        half = built(*(part.bfloat16() for part in frames))
    assert half.dtype == torch.float32


def test_both_frames_get_a_gradient_that_is_that_of_finite_differences() -> None:
    built = network().double()
    frames = torch.stack(noise(33, 36)).double()
    leaf = frames.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(built(*leaf).square().mean(), leaf)
    assert all(bool(part.any()) for part in gradient)
    direction = torch.randn(frames.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    step = 1e-7
    higher, lower = (built(*(frames + sign * step * direction)).square().mean() for sign in (1, -1))
    assert (gradient * direction).sum().item() == pytest.approx(((higher - lower) / (2 * step)).item(), rel=1e-4)


def test_parameters_are_as_many_as_the_authors() -> None:
    assert sum(parameter.numel() for parameter in spynet().parameters()) == golden("spynet").parameters == 1_440_300
