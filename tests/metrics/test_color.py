"""Y of BT.601 against scikit-image and OpenCV, and the pairs of planes that metrics get."""

import cv2
import pytest
import torch
from skimage import color as skimage_color
from skimage import data
from torch import Tensor

from harness.errors import DataError
from harness.metrics.color import Plane, inner_pair, rgb_to_y, write_planes

PLANES: list[Plane] = ["y", "rgb"]


def photo() -> Tensor:
    """(1, 3, H, W) uint8."""
    return torch.from_numpy(data.astronaut()[:96, :130]).permute(2, 0, 1)[None].contiguous()  # type: ignore[no-untyped-call]


def test_equals_scikit_image() -> None:
    frames = photo()
    expected = torch.from_numpy(skimage_color.rgb2ycbcr(frames[0].permute(1, 2, 0).numpy())[..., 0])
    got = rgb_to_y(frames)
    assert got.dtype == torch.float64
    torch.testing.assert_close(got[0], expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(rgb_to_y(frames.float()), got, rtol=0, atol=0)


def test_full_range_luma_is_something_else() -> None:
    frames = photo()
    full = torch.from_numpy(cv2.cvtColor(frames[0].permute(1, 2, 0).numpy(), cv2.COLOR_RGB2YCrCb)[..., 0])
    assert (rgb_to_y(frames)[0] - full).abs().max() > 10


def test_range_and_no_rounding() -> None:
    greys = torch.arange(256, dtype=torch.uint8).expand(3, 1, 256)
    luma = rgb_to_y(greys)[0]
    torch.testing.assert_close(luma, 16 + 219 * torch.arange(256).double() / 255)
    assert (luma - luma.round()).abs().max() > 0.4


@pytest.mark.parametrize("plane", PLANES)
def test_planes_are_written_rows_first(plane: Plane) -> None:
    frames = torch.cat([photo().roll(shift, dims=-1) for shift in range(2)])
    expected = rgb_to_y(frames) if plane == "y" else frames.flatten(0, 1).double()
    count = len(expected)
    wide = torch.zeros(96, 2, count, 140, dtype=torch.float64)  # with room that must stay untouched
    write_planes(frames, plane, out=wide[:, 1, :, :130], scratch=torch.empty(96 * count * 130 + 5).double())
    assert torch.equal(wide[:, 1, :, :130].transpose(0, 1), expected)
    assert wide[:, 0].abs().max() == wide[..., 130:].abs().max() == 0


def test_the_border_is_cut_off() -> None:
    pred = photo()
    inner, other = inner_pair(pred, 255 - pred, border=3)
    assert torch.equal(inner, pred[..., 3:-3, 3:-3])
    assert torch.equal(other, 255 - inner)
    assert inner_pair(pred, pred)[0].shape == pred.shape


@pytest.mark.parametrize(
    ("pred", "gt", "border", "message"),
    [
        (torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 21), 0, "same shape"),
        (torch.zeros(3, 20, 20), torch.zeros(3, 20, 20), 0, "prediction"),
        (torch.zeros(1, 3, 20, 20), torch.zeros(1, 1, 20, 20), 0, "ground truth"),
        (torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 20, dtype=torch.int32), 0, "ground truth"),
        (torch.zeros(0, 3, 20, 20), torch.zeros(0, 3, 20, 20), 0, "prediction"),
        (torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 20), 10, "border"),
        (torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 20), -1, "border"),
    ],
)
def test_refuses_what_cannot_be_compared(pred: Tensor, gt: Tensor, border: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        inner_pair(pred, gt, border=border)
