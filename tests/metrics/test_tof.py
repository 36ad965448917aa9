"""tOF against OpenCV, then what it must say about motion."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from harness.errors import DataError
from harness.flow import clip
from harness.metrics.tof import Tof


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


def by_opencv(pred: Tensor, gt: Tensor) -> list[float]:
    def flows(frames: Tensor) -> np.ndarray:
        greys = [cv2.cvtColor(frame.permute(1, 2, 0).numpy(), cv2.COLOR_RGB2GRAY) for frame in frames]
        unused = np.zeros((*greys[0].shape, 2), np.float32)
        return np.stack(
            [
                cv2.calcOpticalFlowFarneback(before, after, unused.copy(), 0.5, 3, 15, 3, 5, 1.2, 0)
                for before, after in pairwise(greys)
            ]
        )

    lengths = np.linalg.norm(flows(pred).astype(float) - flows(gt).astype(float), axis=-1)
    return [float(value) for value in lengths.mean(axis=(1, 2))]


def test_equals_the_definition_with_opencv() -> None:
    gt, pred = moving_clip(4), moving_clip(4, jitter=0.8)
    scores = Tof().score(pred, gt)
    assert scores.dtype == torch.float64
    assert scores[0].isnan()
    np.testing.assert_allclose(scores[1:].numpy(), by_opencv(pred, gt), rtol=0, atol=1e-4)


def test_identical_clips_score_zero() -> None:
    gt = moving_clip(4)
    assert Tof().score(gt, gt)[1:].tolist() == [0.0, 0.0, 0.0]
    assert Tof().score(torch.zeros(2, 3, 40, 40), torch.zeros(2, 3, 40, 40))[1:].tolist() == [0.0]


def test_a_frozen_output_misses_the_whole_motion() -> None:
    gt = moving_clip(4, step=2.0)
    scores = Tof().score(gt[:1].expand(4, -1, -1, -1), gt)[1:]
    # flat patches and the edges move by less than the two pixels of the photograph
    assert bool(((scores > 1.4) & (scores < 2.1)).all())


def test_jitter_costs_more_the_stronger_it_is() -> None:
    gt = moving_clip(6)
    mean = [float(Tof().score(moving_clip(6, jitter=jitter), gt)[1:].mean()) for jitter in (0.0, 0.4, 0.8, 1.6)]
    assert mean == sorted(mean)
    assert mean[0] == 0
    assert mean[-1] > 2 * mean[1] > 0.2


@pytest.mark.parametrize("pixels", [1, 2 * 96 * 120, 10**9])
def test_batches_and_chunks_do_not_show(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gt, pred = moving_clip(7), moving_clip(7, jitter=0.8)
    whole = Tof().score(pred, gt)
    monkeypatch.setattr(clip, "_CPU_PIXELS", pixels)
    parts = [Tof().score(pred[:3], gt[:3])]
    for start, end in ((3, 4), (4, 7)):
        previous = pred[start - 1], gt[start - 1]
        parts.append(Tof().score(pred[start:end], gt[start:end], previous=previous))
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-5, equal_nan=True)


def test_floats_count_as_their_8_bit_frames() -> None:
    gt, pred = moving_clip(3), moving_clip(3, jitter=0.8)
    nudged = pred.to(torch.float32) + 0.3
    assert torch.equal(Tof().score(nudged, gt.to(torch.float32))[1:], Tof().score(pred, gt)[1:])


def test_shapes_must_be_equal() -> None:
    with pytest.raises(DataError, match="same shape"):
        Tof().score(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 9))
