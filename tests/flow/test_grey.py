"""Grey images against OpenCV and the release's own examples."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from harness.errors import DataError
from harness.flow.grey import grey, grey_linear, grey_of_release

GOLDEN = Path(__file__).parent.parent / "references" / "farneback.npz"


def every_fourth_colour() -> np.ndarray:
    values = np.arange(0, 256, 4, dtype=np.uint8)
    values[-1] = 255
    return np.stack(np.meshgrid(values, values, values), axis=-1).reshape(512, 512, 3)


def test_both_orders_equal_opencv_bit_for_bit() -> None:
    rgb = every_fourth_colour()
    frames = torch.from_numpy(rgb).permute(2, 0, 1)
    assert np.array_equal(grey(frames)[0].numpy(), cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    assert np.array_equal(grey_of_release(frames)[0].numpy(), cv2.cvtColor(rgb, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize("frame", ["d_prev", "d_next", "e_prev", "e_next"])
def test_release_order_gives_the_release_greys(frame: str) -> None:
    with np.load(GOLDEN) as golden:
        rgb, expected = golden[f"{frame}_rgb"], golden[frame]
    frames = torch.from_numpy(rgb).permute(2, 0, 1)
    assert np.array_equal(grey_of_release(frames)[0].numpy(), expected)
    assert not np.array_equal(grey(frames)[0].numpy(), expected)


def test_floats_are_rounded_to_8_bits_first() -> None:
    frames = torch.tensor([-3.0, 0.4, 100.6, 254.7, 300.0]).view(1, 1, 1, 5).expand(2, 3, 1, 5)
    assert grey(frames)[0, 0, 0].tolist() == [0, 0, 101, 255, 255]


@pytest.mark.parametrize("order", ["rgb", "release"])
def test_linear_is_what_grey_rounds(order: str) -> None:
    frames = torch.from_numpy(every_fourth_colour()).permute(2, 0, 1).double()
    exact = grey_linear(frames, order="rgb" if order == "rgb" else "release")
    rounded = grey(frames, order="rgb" if order == "rgb" else "release")
    assert float((exact - rounded).abs().max()) <= 0.5


def test_three_channels_are_wanted() -> None:
    with pytest.raises(DataError, match="RGB"):
        grey(torch.zeros(2, 1, 4, 4))
