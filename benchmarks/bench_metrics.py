"""How long PSNR-Y + SSIM-Y of a frame takes, beside a stand-in for BasicSR's functions timed in the same run.

    python -m benchmarks.bench_metrics [--rounds 50] [--threads 1 2]

The stand-in is *not* BasicSR's code. It was written from a description of what those functions compute: Y from
float32 frames, rounded to float32; SSIM with the outer product of `cv2.getGaussianKernel(11, 1.5)` through
`cv2.filter2D` in float64, five times, cut by 5 pixels. Run beside the release (basicsr 1.4.2, called, not read) it
gave the same scores in about the same time, rather less than more.
It is given (H, W, 3) uint8 arrays, ours (1, 3, H, W) uint8 tensors of the same frames.

Rounds alternate between the two and the fastest of each counts, so that other work on the machine tells little.
Both are told the same number of threads (`torch.set_num_threads`, `cv2.setNumThreads`).
"""

import argparse

import cv2
import numpy as np
import numpy.typing as npt
import torch
from skimage import data
from torch import Tensor

from benchmarks.timing import fastest_ms
from harness.metrics import get_metric
from harness.metrics.base import score_frames

SIZES = ((576, 720), (256, 448), (360, 640))
METRICS = ("psnr-y", "ssim-y")

Image = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float64]
Scores = tuple[float, float]


def stand_in(pred: Image, gt: Image) -> Scores:
    """PSNR-Y and SSIM-Y as a common evaluation script calls them: each converts to Y for itself."""
    difference = float32_y(pred) - float32_y(gt)
    psnr = float(10 * np.log10(255**2 / np.mean(difference**2)))
    return psnr, stand_in_ssim(float32_y(pred), float32_y(gt))


def float32_y(image: Image) -> Plane:
    y: Plane = np.dot(image.astype(np.float32) / 255, [65.481, 128.553, 24.966]) + 16
    return y.astype(np.float32).astype(np.float64)


def stand_in_ssim(x: Plane, y: Plane) -> float:
    kernel = cv2.getGaussianKernel(11, 1.5)
    window = np.outer(kernel, kernel)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def mean(plane: Plane) -> Plane:
        return cv2.filter2D(plane, -1, window)[5:-5, 5:-5].astype(np.float64, copy=False)

    mu_x, mu_y = mean(x), mean(y)
    xx, yy, xy = mu_x * mu_x, mu_y * mu_y, mu_x * mu_y
    var_x, var_y, cov = mean(x * x) - xx, mean(y * y) - yy, mean(x * y) - xy
    ssim_map = ((2 * xy + c1) * (2 * cov + c2)) / ((xx + yy + c1) * (var_x + var_y + c2))
    return float(ssim_map.mean())


def pair_of(height: int, width: int) -> tuple[Image, Image]:
    """A photograph, and the same with noise."""
    gt = cv2.resize(data.astronaut(), (width, height))  # type: ignore[no-untyped-call]
    noise = np.random.default_rng(0).normal(0, 6, gt.shape)
    return np.clip(gt + noise, 0, 255).astype(np.uint8), gt.astype(np.uint8)


def tensor_of(image: Image) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1).unsqueeze(0).contiguous()


def report(height: int, width: int, *, threads: int, rounds: int) -> None:
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    pred, gt = pair_of(height, width)
    x, y = tensor_of(pred), tensor_of(gt)
    metrics = {name: get_metric(name) for name in METRICS}
    theirs = stand_in(pred, gt)
    ours = [float(score) for score in score_frames(metrics, x, y).values()]
    stand_in_ms, ours_ms = fastest_ms(
        [lambda: stand_in(pred, gt), lambda: score_frames(metrics, x, y)], rounds=rounds
    )
    print(
        f"{width}x{height}, {threads} thread(s): stand-in {stand_in_ms:.1f} ms, ours {ours_ms:.1f} ms,"
        f" {stand_in_ms / ours_ms:.1f} times as fast;"
        f" differences {abs(ours[0] - theirs[0]):.0e} dB (float32 Y of the stand-in), {abs(ours[1] - theirs[1]):.0e}"
    )
    if abs(ours[0] - theirs[0]) > 1e-5 or abs(ours[1] - theirs[1]) > 1e-6:
        raise SystemExit("The two do not compute the same.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    for threads in arguments.threads:
        for height, width in SIZES:
            report(height, width, threads=threads, rounds=arguments.rounds)


if __name__ == "__main__":
    main()
