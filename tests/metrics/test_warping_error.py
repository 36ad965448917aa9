"""Warping error against a version of NumPy, SciPy and OpenCV, then what it must say about flicker."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.ndimage import map_coordinates
from skimage import data
from torch import Tensor

from harness.errors import DataError
from harness.flow import clip
from harness.metrics.warping_error import WarpingError

Array = npt.NDArray[np.float64]


def moving_clip(frames: int, *, step: float = 1.5, jitter: float = 0.0, size: tuple[int, int] = (96, 120)) -> Tensor:
    """A photograph that moves to the left by `step` pixels per frame; (T, 3, H, W), uint8. Odd frames jump."""
    photo = data.astronaut()[:300]  # type: ignore[no-untyped-call]
    photo = cv2.resize(photo, (256, 150), interpolation=cv2.INTER_AREA)
    images = []
    for t in range(frames):
        shift = 20 + step * t + jitter * (t % 2)
        motion = np.array([[1.0, 0.0, shift], [0.0, 1.0, 20.0]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        images.append(cv2.warpAffine(photo, motion, size[::-1], flags=flags))
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def by_others(pred: Tensor, gt: Tensor) -> list[float]:
    greys = [cv2.cvtColor(frame.permute(1, 2, 0).numpy(), cv2.COLOR_RGB2GRAY) for frame in gt]
    height, width = greys[0].shape

    def flow(first: int, second: int) -> Array:
        unused = np.zeros((height, width, 2), np.float32)
        result: Array = cv2.calcOpticalFlowFarneback(
            greys[first], greys[second], unused, 0.5, 3, 15, 3, 5, 1.2, 0
        ).astype(np.float64)
        return result

    scores = []
    for t in range(1, len(greys)):
        back, forth = flow(t, t - 1), flow(t - 1, t)
        y, x = np.mgrid[:height, :width].astype(np.float64)
        x, y = x + back[..., 0], y + back[..., 1]

        def read(plane: Array, at: tuple[Array, Array] = (y, x)) -> Array:
            sampled: Array = map_coordinates(plane, at, order=1, mode="nearest")
            return sampled

        returned = np.stack([read(forth[..., axis]) for axis in range(2)], axis=-1)
        mismatch = ((back + returned) ** 2).sum(-1)
        seen = mismatch <= 0.01 * ((back**2).sum(-1) + (returned**2).sum(-1)) + 0.5
        seen &= (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        before, now = (pred[i].double().numpy() / 255 for i in (t - 1, t))
        error = np.mean([(now[c] - read(before[c])) ** 2 for c in range(3)], axis=0)
        scores.append(float(error[seen].mean()))
    return scores


def test_equals_the_definition_with_others() -> None:
    gt, pred = moving_clip(4, step=3.0), moving_clip(4, step=3.0, jitter=0.8)
    scores = WarpingError().score(pred, gt)
    assert scores.dtype == torch.float64
    assert scores[0].isnan()
    np.testing.assert_allclose(scores[1:].numpy(), by_others(pred, gt), rtol=1e-4, atol=1e-8)


def test_flicker_is_measured_exactly() -> None:
    """A grey output that flickers by 10 of 255 over a moving ground truth."""
    gt = moving_clip(4)
    pred = torch.full_like(gt, 100)
    pred[1::2] += 10
    expected = [(10 / 255) ** 2] * 3
    assert WarpingError().score(pred, gt)[1:].tolist() == pytest.approx(expected, rel=1e-5)


def test_a_calm_clip_scores_nearly_zero() -> None:
    gt = moving_clip(1).expand(3, -1, -1, -1)
    assert float(WarpingError().score(gt, gt)[1:].max()) < 1e-5


def test_jitter_costs_more_the_stronger_it_is() -> None:
    gt = moving_clip(6)
    clips = [moving_clip(6, jitter=jitter) for jitter in (0.0, 0.4, 0.8, 1.6)]
    mean = [float(WarpingError().score(pred, gt)[1:].mean()) for pred in clips]
    assert mean == sorted(mean)
    assert mean[-1] > 3 * mean[0]


def test_what_was_not_visible_before_does_not_count() -> None:
    """The output is wrong only where new parts of the scene come in: at the right edge."""
    gt = moving_clip(2, step=6.0)
    pred = gt.clone()
    pred[1, :, :, -4:] = 255 - pred[1, :, :, -4:]
    scores = [float(WarpingError().score(clip_, gt)[1]) for clip_ in (gt, pred)]
    everywhere = float(((pred[1] - gt[1].double()) / 255).square().mean())
    assert scores[1] - scores[0] < 0.2 * everywhere


def test_nothing_seen_is_no_score() -> None:
    generator = torch.Generator().manual_seed(0)
    gt = torch.randint(0, 256, (2, 3, 2, 2), generator=generator, dtype=torch.uint8)
    seen_nothing = WarpingError()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.metrics.warping_error.visible", lambda flow, _: torch.zeros_like(flow[:, :1]).bool())
        assert bool(seen_nothing.score(gt, gt).isnan().all())


@pytest.mark.parametrize("pixels", [1, 2 * 96 * 120, 10**9])
def test_batches_and_chunks_do_not_show(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gt, pred = moving_clip(7), moving_clip(7, jitter=0.8)
    whole = WarpingError().score(pred, gt)
    monkeypatch.setattr(clip, "_CPU_PIXELS", pixels)
    parts = [WarpingError().score(pred[:3], gt[:3])]
    for start, end in ((3, 4), (4, 7)):
        previous = pred[start - 1], gt[start - 1]
        parts.append(WarpingError().score(pred[start:end], gt[start:end], previous=previous))
    torch.testing.assert_close(torch.cat(parts), whole, rtol=1e-5, atol=1e-9, equal_nan=True)


def test_shapes_must_be_equal() -> None:
    with pytest.raises(DataError, match="same shape"):
        WarpingError().score(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 9))
