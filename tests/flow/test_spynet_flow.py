"""SPyNet as an estimator: a shift that is known, weights that are missing or wrong, gradients. It never learns."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.errors import DataError
from harness.flow import get_flow, spynet
from harness.flow.spynet import SPyNetFlow
from harness.networks.state import sha256_of
from harness.ops.warp import warp
from tests.flow.spynet_weights import as_default, ramp_state, random_flow, random_state, write

SHIFT = (2.25, -1.5)  # pixels to the right and down


def ramps(height: int, width: int, *, shift: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Red grows to the right, green downwards, both from 0 to 1; moved by `shift`."""
    y, x = torch.meshgrid(torch.arange(height) - shift[1], torch.arange(width) - shift[0], indexing="ij")
    return torch.stack((x / width, y / height, torch.full_like(x, 0.5))).unsqueeze(0)


@pytest.mark.parametrize("size", [(64, 64), (64, 96), (70, 50), (33, 129)], ids=str)
def test_a_known_shift(size: tuple[int, int], tmp_path: Path) -> None:
    height, width = size
    enlarged = [32 * -(-side // 32) for side in size]
    estimate = SPyNetFlow(write(ramp_state(slope_y=1 / enlarged[0], slope_x=1 / enlarged[1]), tmp_path))
    still, moved = ramps(height, width), ramps(height, width, shift=SHIFT)
    flow = estimate(still, moved)
    inside = (..., slice(4, -4), slice(4, -4))
    wanted = torch.tensor(SHIFT).view(1, 2, 1, 1).expand(1, 2, height, width)
    torch.testing.assert_close(flow[inside], wanted[inside], rtol=0, atol=1e-4)
    torch.testing.assert_close(estimate(moved, still)[inside], -wanted[inside], rtol=0, atol=1e-4)
    torch.testing.assert_close(warp(moved, flow)[inside], still[inside], rtol=0, atol=1e-5)


def test_pairs_and_both_ways_are_those_of_the_pairs(tmp_path: Path) -> None:
    estimate = random_flow(tmp_path)
    clips = torch.rand(2, 3, 3, 33, 40, generator=torch.Generator().manual_seed(0))
    flows = estimate.pairs(clips, [(0, 2), (1, 0)])
    assert flows.shape == (2, 2, 2, 33, 40)
    torch.testing.assert_close(flows[1, 0], estimate(clips[1:, 0], clips[1:, 2])[0], rtol=1e-4, atol=1e-4)
    forth, back = estimate.along(clips)
    assert forth.shape == back.shape == (2, 2, 2, 33, 40)
    torch.testing.assert_close(forth[1, 1], estimate(clips[1:, 1], clips[1:, 2])[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(back[0, 0], estimate(clips[:1, 1], clips[:1, 0])[0], rtol=1e-4, atol=1e-4)
    assert (forth + back).abs().max() > 0.01
    assert estimate.along(clips[:, :1])[0].shape == (2, 0, 2, 33, 40)


def test_it_is_frozen_and_frames_have_a_gradient(tmp_path: Path) -> None:
    estimate = random_flow(tmp_path)
    assert estimate.differentiable
    assert not any(parameter.requires_grad for parameter in estimate.parameters())
    frames = [torch.rand(1, 3, 20, 40).requires_grad_() for _ in range(2)]
    for gradient in torch.autograd.grad(estimate(*frames).square().sum(), frames):
        assert gradient.isfinite().all()
        assert gradient.any()


def test_autocast_does_not_reach_it(tmp_path: Path) -> None:
    estimate, clips = random_flow(tmp_path), torch.rand(1, 2, 3, 20, 40)
    wanted = estimate.along(clips)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = estimate.along(clips)
    assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))


def test_it_is_found_in_the_weights_folder_and_its_identity_has_the_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_default(random_state(), tmp_path, monkeypatch)
    estimate = get_flow("spynet")
    assert estimate.weights_sha256 == sha256_of(path)
    assert estimate.identity == f"{estimate.version}+{sha256_of(path)}"
    assert get_flow("farneback").identity == "1"
    assert str(path) in spynet.explain()


def test_missing_weights_are_refused_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    with pytest.raises(DataError) as refusal:
        get_flow("spynet")
    said = str(refusal.value)
    for words in (str(tmp_path / "spynet-sintel-final.pth"), "download.openmmlab.com", "non-commercial", "farneback"):
        assert words in said
    assert spynet.explain().startswith("no weights at")
    with pytest.raises(DataError, match=r"no file .*mine\.pth"):
        SPyNetFlow(tmp_path / "mine.pth")


BROKEN: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "a layer is missing": lambda state: state.pop("basic_module.3.basic_module.4.weight"),
    "another shape": lambda state: state.update({"basic_module.3.basic_module.4.weight": torch.zeros(2, 2)}),
    "another network": lambda state: state.update({"features.0.weight": torch.zeros(1)}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_other_files_are_refused(case: str, tmp_path: Path) -> None:
    state = random_state()
    BROKEN[case](state)
    with pytest.raises(DataError, match=r"should hold SPyNet's weights") as refusal:
        SPyNetFlow(write(state, tmp_path))
    assert "features.0.weight" in str(refusal.value) or "levels.3.correct.4.weight" in str(refusal.value)


def test_frames_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    estimate = random_flow(tmp_path)
    with pytest.raises(DataError, match="one shape"):
        estimate(torch.rand(1, 3, 32, 32), torch.rand(2, 3, 32, 32))
    with pytest.raises(DataError, match=r"torch\.uint8"):
        estimate(*(torch.zeros(1, 3, 32, 32, dtype=torch.uint8),) * 2)
