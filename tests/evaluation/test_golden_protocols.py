"""End to end against the authors' test scripts, run with a stub network on four tiny clips (e2e_public).

The stub, from the reference's own definition: g_k = 1.05 nearest_x4(x_k) - 0.02 + 0.05 mean(x_k), the mean taken
over any padding that the script added; between two frames the linear blend. TMNet and Zooming Slow-Mo pad to a
multiple of 4, RSTT does not, so the same stub gives other numbers under RSTT.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from harness.cards import CardLibrary, Overrides
from harness.evaluation.plan import Request, plan
from harness.evaluation.runner import run_cell
from harness.records.schema import ClipLine
from harness.records.store import ResultStore
from harness.records.summary import average
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.interpolation import Blend
from harness.upscalers.options import UpscalerOptions
from tests.watching import Silent

REFERENCES = Path(__file__).parents[1] / "references"
GOLDEN = json.loads((REFERENCES / "e2e_public.json").read_text())["results"]


class Stub(Upscaler):
    """The stub network behind a script that pads frames to a multiple."""

    multiple = 4

    class Options(UpscalerOptions):
        pass

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        height, width = lr_clip.shape[-2:]
        padded = F.pad(lr_clip, (0, -width % self.multiple, 0, -height % self.multiple))
        mean = padded.mean((1, 2, 3), keepdim=True)
        hr = 1.05 * F.interpolate(padded, scale_factor=4, mode="nearest") - 0.02 + 0.05 * mean
        return Blend().interpolate(hr, rate, flows=None)[..., : height * 4, : width * 4]


class StubUnpadded(Stub):
    multiple = 1


NETWORKS = (("test-stub", Stub, False), ("test-stub-unpadded", StubUnpadded, False))

JOBS = {
    # reference job: protocol, rate, window override, network
    "zsm7": ("zooming-slow-mo", 2, (), "test-stub"),
    "zsm3": ("zooming-slow-mo", 2, ("options.window=2",), "test-stub"),
    "tms": ("tmnet", 2, (), "test-stub"),
    "tmt5": ("tmnet", 4, (), "test-stub"),
    "tmt7": ("tmnet", 6, (), "test-stub"),
    "tmf7": ("tmnet", 2, (), "test-stub"),
    "rstt4": ("rstt", 2, (), "test-stub-unpadded"),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("e2e")
    with np.load(REFERENCES / "e2e_public.npz") as arrays:
        for name in ("aa", "bb", "cc", "dd"):
            (root / name).mkdir()
            for index, frame in enumerate(arrays[f"{name}/gt"], start=1):
                Image.fromarray(frame).save(root / name / f"{index:08d}.png")
    return root


def measure(job: str, clips: Path, results: Path) -> dict[str, ClipLine]:
    protocol, rate, overrides, network = JOBS[job]
    request = Request(
        methods=(network,),
        datasets=("frames",),
        rate=rate,
        protocol=protocol,
        metrics=("psnr-y", "ssim-y", "psnr-rgb", "ssim-rgb"),
        overrides=Overrides.parse(overrides),
        data_root=clips,
    )
    (cell,) = plan(request, CardLibrary())
    outcome = run_cell(cell, ResultStore(results), Silent(), command="test")
    assert outcome.complete
    return outcome.run.lines


@pytest.mark.parametrize("job", JOBS)
def test_scores_are_those_of_the_authors_script(job: str, clips: Path, tmp_path: Path) -> None:
    lines, golden = measure(job, clips, tmp_path), GOLDEN[job]
    for clip, frames in golden["frames"].items():
        assert list(lines[clip].frames) == [entry["frame"] for entry in frames]
        for ours, theirs in (("psnr-y", "psnr_y"), ("psnr-rgb", "psnr"), ("ssim-y", "ssim_y"), ("ssim-rgb", "ssim")):
            if theirs in frames[0]:
                # The references are printed with six decimals.
                assert lines[clip].scores[ours] == pytest.approx([entry[theirs] for entry in frames], abs=2e-6)
    assert average(lines.values(), "psnr-y", "frames>clips") == pytest.approx(golden["total"]["psnr_y"], abs=2e-6)


def test_rstt_averages_vimeo_over_folders(clips: Path, tmp_path: Path) -> None:
    lines = measure("rstt4", clips, tmp_path)
    folders = {"aa": "00001", "bb": "00002", "cc": "00002", "dd": "00002"}
    grouped = [line.model_copy(update={"group": folders[name]}) for name, line in lines.items()]
    total = GOLDEN["rsttv"]["total"]
    assert average(grouped, "psnr-y", "frames>clips>folders") == pytest.approx(total["psnr_y"], abs=2e-6)
    assert average(grouped, "ssim-y", "frames>clips>folders") == pytest.approx(total["ssim_y"], abs=2e-6)
    assert average(grouped, "psnr-y", "frames>clips") != pytest.approx(total["psnr_y"], abs=0.05)


def test_the_protocol_matters(clips: Path, tmp_path: Path) -> None:
    """Wrong variants are seen to fail: another tail, another window, no padding."""
    totals = {
        job: average(measure(job, clips, tmp_path / job).values(), "psnr-y", "frames>clips")
        for job in ("zsm7", "tms", "rstt4", "zsm3")
    }
    assert len({round(total, 4) for total in totals.values()}) == 4
    assert torch.tensor(list(totals.values())).std() > 1e-3
