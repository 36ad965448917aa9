"""PSNR against the field's own programs, at its edges, and as a property of batches."""

import math

import pytest
import torch

from harness.metrics.color import Plane
from harness.metrics.psnr import Psnr, psnr
from tests.metrics import goldens

FINITE = [pair for pair in goldens.PAIRS if pair not in ("identical", "black")]
PLANES: list[Plane] = ["y", "rgb"]


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("pair", FINITE)
def test_equals_the_programs_of_the_field(pair: str, plane: Plane) -> None:
    got = float(psnr(*goldens.frames(pair), plane=plane))
    assert got == pytest.approx(goldens.score(pair, "rstt", f"psnr_{plane}"), abs=1e-6, rel=0)
    # These convert to Y in float32.
    for program in ("zsm_tmnet", "basicsr_crop0"):
        assert got == pytest.approx(goldens.score(pair, program, f"psnr_{plane}"), abs=1e-5, rel=0)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("pair", [pair for pair in FINITE if pair != "min_11x11"])
def test_with_a_border(pair: str, plane: Plane) -> None:
    got = float(psnr(*goldens.frames(pair), plane=plane, border=4))
    assert got == pytest.approx(goldens.score(pair, "basicsr_crop4", f"psnr_{plane}"), abs=1e-5, rel=0)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("pair", goldens.FLOAT_PAIRS)
def test_predictions_that_are_not_rounded(pair: str, plane: Plane) -> None:
    pred, gt = goldens.frames(pair)
    expected = {
        "mmagic_unrounded": pred,
        "rounded_then_basicsr": pred.round(),
        "truncated_then_basicsr": pred.floor(),
    }
    for program, quantised in expected.items():
        got = float(psnr(quantised.clamp(0, 255), gt, plane=plane))
        assert got == pytest.approx(goldens.score(pair, program, f"psnr_{plane}"), abs=1e-5, rel=0)


@pytest.mark.parametrize("program", ["y_rounded_to_uint8", "cv2_full_range_y_uint8"])
def test_other_luma_is_another_number(program: str) -> None:
    wrong = goldens.score("astronaut_noise", program, "psnr_y")
    assert abs(float(psnr(*goldens.frames("astronaut_noise"), plane="y")) - wrong) > 0.01


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("pair", ["identical", "black"])
def test_identical_frames_have_no_error(pair: str, plane: Plane) -> None:
    assert psnr(*goldens.frames(pair), plane=plane).tolist() == [math.inf]
    assert goldens.score(pair, "rstt", f"psnr_{plane}") == math.inf


def test_a_batch_is_its_frames() -> None:
    gt = torch.randint(0, 256, (6, 3, 20, 31), dtype=torch.uint8)
    pred = gt.roll(1, dims=-1)
    for plane in PLANES:
        together = psnr(pred, gt, plane=plane)
        assert together.dtype == torch.float64
        alone = torch.cat([psnr(pred[i : i + 1], gt[i : i + 1], plane=plane) for i in range(6)])
        torch.testing.assert_close(together, alone, rtol=1e-14, atol=0)
        torch.testing.assert_close(Psnr(plane=plane).score(pred, gt), together)


def test_identity() -> None:
    assert Psnr(plane="y").identity == ""
    assert Psnr(plane="y", border=4).identity == "border4"
