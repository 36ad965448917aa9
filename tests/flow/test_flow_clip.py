"""Neighbours of a clip: the same flows whatever the number of frames at once."""

import pytest
import torch

from harness.flow import clip
from harness.flow.clip import neighbours, preceded
from harness.flow.farneback import Farneback


@pytest.mark.parametrize("pixels", [1, 3 * 40 * 48, 10**9])
def test_chunks_do_not_show(pixels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = (torch.rand(8, 3, 40, 48, generator=torch.Generator().manual_seed(0)) * 255).round()
    flow = Farneback()
    expected = flow(frames[:-1] / 255, frames[1:] / 255)
    monkeypatch.setattr(clip, "_CPU_PIXELS", pixels)
    found = torch.cat([flow.between(*pair) for pair in neighbours(frames.to(torch.uint8), flow=flow)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_one_frame_has_no_neighbours() -> None:
    assert list(neighbours(torch.zeros(1, 3, 8, 8), flow=Farneback())) == []


def test_preceded_puts_the_frame_in_front() -> None:
    frames = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    assert preceded(frames, torch.full((3, 4, 4), 7.0))[:, 0, 0, 0].tolist() == [7.0, 0.0, 1.0]
