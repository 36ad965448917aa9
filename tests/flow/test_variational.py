"""The variational flow against pyflow's own numbers, and its parts against plain loops."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.errors import DataError, UsageError
from harness.flow.colour_pyramid import colour_pyramid, enlarge_flow
from harness.flow.energy import Equations
from harness.flow.relaxation import Relaxation, from_diagonals, to_diagonals
from harness.flow.variational import Variational, VariationalSettings

REFERENCE = Path(__file__).parents[1] / "references" / "variational.npz"
RATIO, MIN_WIDTH = 0.75, 20


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moving(height: int, width: int, *, dx: int, dy: int) -> tuple[Tensor, Tensor]:
    """A smooth picture, and the same moved to the right and down."""
    rough = noise(1, 3, height // 6 + 4, width // 6 + 4)
    large = torch.nn.functional.interpolate(rough, size=(height + 16, width + 16), mode="bicubic").clamp(0, 1)
    return large[..., 8:-8, 8:-8], large[..., 8 - dy : 8 - dy + height, 8 - dx : 8 - dx + width]


@pytest.fixture(scope="module")
def reference() -> Mapping[str, Tensor]:
    with np.load(REFERENCE) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


@pytest.fixture(scope="module")
def clip(reference: Mapping[str, Tensor]) -> Tensor:
    """(1, 2, 3, H, W), float64."""
    return torch.stack([reference[name].permute(2, 0, 1).double() / 255 for name in ("im1", "im2")])[None]


def error(flow: Tensor, reference: Mapping[str, Tensor], suffix: str = "") -> float:
    wanted = torch.stack((reference[f"u{suffix}"], reference[f"v{suffix}"]))
    return float((flow - wanted).abs().max())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-5), (torch.float32, 1e-3)])
def test_both_directions_are_those_of_pyflow(
    dtype: torch.dtype, tolerance: float, clip: Tensor, reference: Mapping[str, Tensor]
) -> None:
    there, back = Variational(dtype=dtype).along(clip)
    assert error(there[0, 0], reference) < tolerance
    assert error(back[0, 0], reference, "_back") < tolerance


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0125}, {"sweeps": 29}, {"outer_iterations": 6}, {"min_width": 27}, {"ratio": 0.74}], ids=str
)
def test_other_settings_are_noticed(
    wrong: Mapping[str, float], clip: Tensor, reference: Mapping[str, Tensor]
) -> None:
    flow = Variational(VariationalSettings(**wrong))(clip[:, 0], clip[:, 1])  # type: ignore[arg-type]
    assert error(flow[0], reference) > 1e-3


def test_pairs_of_a_batch_do_not_see_each_other() -> None:
    clips = noise(2, 3, 3, 18, 30).float()
    flow = Variational(VariationalSettings(outer_iterations=1, sweeps=3))
    there, back = flow.along(clips)
    assert there.shape == back.shape == (2, 2, 2, 18, 30)
    assert there.dtype == torch.float32
    for b in range(2):
        for t in range(2):
            first, second = clips[b, t : t + 1], clips[b, t + 1 : t + 2]
            torch.testing.assert_close(there[b, t], flow(first, second)[0], rtol=0, atol=1e-5)
            torch.testing.assert_close(back[b, t], flow(second, first)[0], rtol=0, atol=1e-5)


def test_a_motion_is_found() -> None:
    first, second = moving(60, 120, dx=5, dy=-2)
    flow = Variational()(first, second)[0, :, 10:-10, 10:-10]
    assert float((flow[0] - 5).abs().mean()) < 0.05
    assert float((flow[1] + 2).abs().mean()) < 0.05


# -- the solver


def row_by_row(equations: Equations, *, sweeps: int, omega: float = 1.8) -> Tensor:
    """The plain order, a pixel at a time."""
    diagonal, cross, right_side, right, below = (part[0].numpy() for part in equations)
    _, height, width = diagonal.shape
    d = np.zeros((2, height, width))
    for _ in range(sweeps):
        for y in range(height):
            for x in range(width):
                for k in (0, 1):
                    total = right_side[k, y, x] - cross[0, y, x] * d[1 - k, y, x]
                    total += right[0, y, x] * d[k, y, x + 1] if x + 1 < width else 0
                    total += below[0, y, x] * d[k, y + 1, x] if y + 1 < height else 0
                    total += right[0, y, x - 1] * d[k, y, x - 1] if x else 0
                    total += below[0, y - 1, x] * d[k, y - 1, x] if y else 0
                    d[k, y, x] = (1 - omega) * d[k, y, x] + omega * total / diagonal[k, y, x]
    return torch.from_numpy(d)[None]


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 1), (4, 7), (9, 4)])
@pytest.mark.parametrize("sweeps", [1, 2, 6])
def test_the_solver_gives_the_numbers_of_the_plain_order(size: tuple[int, int], sweeps: int) -> None:
    right, below = noise(1, 1, *size, seed=1), noise(1, 1, *size, seed=2)
    right[..., -1], below[..., -1, :] = 0, 0
    equations = Equations(
        diagonal=2 + noise(1, 2, *size, seed=3),
        cross=noise(1, 1, *size, seed=4),
        right_side=noise(1, 2, *size, seed=5),
        right=right,
        below=below,
    )
    relaxation = Relaxation(equations.right_side, sweeps=sweeps)
    wanted = row_by_row(equations, sweeps=sweeps)
    for _ in range(2):  # its memory is used again
        torch.testing.assert_close(relaxation.solve(equations), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (5, 3), (1, 4)])
def test_diagonals_and_back(size: tuple[int, int]) -> None:
    planes = noise(2, 3, *size)
    diagonals = to_diagonals(planes)
    assert diagonals.shape == (size[0] + size[1] - 1, 2, 3, size[0])
    for y in range(size[0]):
        for x in range(size[1]):
            assert torch.equal(diagonals[x + y, :, :, y], planes[:, :, y, x])
    assert torch.equal(from_diagonals(diagonals, width=size[1]), planes)


# -- the pyramid


@pytest.mark.parametrize(("width", "levels"), [(8, 1), (26, 1), (27, 1), (36, 2), (64, 4), (112, 5), (180, 7)])
def test_the_width_says_how_many_levels_there_are(width: int, levels: int) -> None:
    assert len(colour_pyramid(noise(1, 3, 6, width), ratio=RATIO, min_width=MIN_WIDTH)) == levels


def plain_level(image: np.ndarray, sigma: float, factor: float) -> np.ndarray:
    """(H, W) blurred and made smaller, a sample at a time."""
    radius = int(sigma * 3)
    taps = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    taps = taps / taps.sum()
    for axis in (1, 0):
        padded = np.pad(image, [(radius, radius) if axis == k else (0, 0) for k in (0, 1)], mode="edge")
        image = np.apply_along_axis(lambda line: np.convolve(line, taps, mode="valid"), axis, padded)
    height, width = image.shape
    small = np.empty((int(height * factor), int(width * factor)))
    for y, x in np.ndindex(small.shape):
        at = [min(max((j + 1) / factor - 1, 0), last - 1) for j, last in ((y, height), (x, width))]
        (y0, x0), (wy, wx) = (int(at[0]), int(at[1])), (at[0] % 1, at[1] % 1)
        y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
        upper = (1 - wx) * image[y0, x0] + wx * image[y0, x1]
        lower = (1 - wx) * image[y1, x0] + wx * image[y1, x1]
        small[y, x] = (1 - wy) * upper + wy * lower
    return small


def test_levels_far_from_the_finest_are_made_of_the_fourth_below() -> None:
    images = noise(1, 3, 24, 153)
    levels = colour_pyramid(images, ratio=RATIO, min_width=MIN_WIDTH)
    base = 1 / RATIO - 1
    assert [level.shape[-1] for level in levels] == [153, 114, 86, 64, 48, 36, 27]
    for index, level in enumerate(levels[1:], start=1):
        below = min(index, 4)
        source = levels[index - below][0, 1].numpy()
        wanted = plain_level(source, base * below, RATIO**index * 153 / source.shape[1])
        np.testing.assert_allclose(level[0, 1].numpy(), wanted, rtol=0, atol=1e-12)
    assert torch.equal(levels[0], images)


def test_a_larger_flow_is_longer_by_the_nominal_ratio() -> None:
    flow = torch.ones(1, 2, 4, 5)
    assert enlarge_flow(flow, (4, 5), ratio=RATIO) is flow
    larger = enlarge_flow(flow, (6, 7), ratio=RATIO)
    torch.testing.assert_close(larger, torch.full((1, 2, 6, 7), 1 / RATIO))


# -- what it is given


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (9, 8), (3, 80)])
def test_any_size(size: tuple[int, int]) -> None:
    flow = Variational(VariationalSettings(outer_iterations=1, sweeps=2))(
        noise(1, 3, *size), noise(1, 3, *size, seed=1)
    )
    assert flow.shape == (1, 2, *size)
    assert flow.isfinite().all()


def test_equal_frames_do_not_move() -> None:
    frames = noise(1, 3, 12, 40)
    assert not Variational(VariationalSettings(outer_iterations=2))(frames, frames).any()


def test_there_is_no_gradient_and_autocast_does_not_reach_the_flow() -> None:
    clips = noise(1, 2, 3, 10, 30).float().requires_grad_()
    flow = Variational(VariationalSettings(outer_iterations=1, sweeps=2))
    expected = flow.along(clips)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = flow.along(clips)
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    assert not found[0].requires_grad
    assert flow.along(clips.bfloat16())[0].dtype == torch.float32


def test_nothing_waits_for_the_device() -> None:
    """On the meta device there are no values: whoever asked for one would fail."""
    clips = torch.empty(1, 3, 3, 4, 30, device="meta")
    assert Variational(VariationalSettings(outer_iterations=1, sweeps=2)).along(clips)[0].shape == (1, 2, 2, 4, 30)


def test_bad_frames_and_settings_are_refused() -> None:
    flow = Variational()
    with pytest.raises(DataError, match=r"torch\.uint8"):
        flow(*(torch.zeros(1, 3, 8, 8, dtype=torch.uint8) for _ in range(2)))
    with pytest.raises(DataError, match="one shape"):
        flow(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9))
    with pytest.raises(UsageError, match="0 < ratio < 1"):
        VariationalSettings(ratio=1.0)
