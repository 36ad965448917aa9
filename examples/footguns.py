"""What each pitfall of docs/footguns.md costs, measured: python examples/footguns.py [DATASET [DATA_ROOT]]

Bicubic frames of a dataset (default: demo) are scored as the protocol `tmnet` says, and then once for every mistake,
one mistake at a time. Prints Markdown. Everything below that is not the harness's own is a mistake on purpose.
"""

import io
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from PIL import Image
from skimage.metrics import structural_similarity
from torch import Tensor
from torch.nn import functional as F

from harness.cards import CardLibrary, Windows
from harness.clips.benchmark import open_benchmark
from harness.clips.windows import plan_windows
from harness.metrics.color import rgb_to_y
from harness.metrics.psnr import psnr
from harness.metrics.ssim import ssim
from harness.ops.resize import lr_from_hr, quantise, resize

Frames = dict[int, Tensor]
_LUMA = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).view(3, 1, 1)


def bicubic(lr: Tensor, windows: Windows, *, enlarge: Callable[[Tensor], Tensor] | None = None) -> Frames:
    """Every scored frame, unrounded: linear blend in time, MATLAB bicubic (or another) in space."""
    enlarge = enlarge or (lambda frames: resize(frames, scale=4))
    frames: Frames = {}
    for window in plan_windows(len(lr), rate=2, windows=windows):
        given = lr[list(window.inputs)]
        blended = [frame for a, b in pairwise(given) for frame in (a, (a + b) / 2)]
        upscaled = enlarge(torch.stack([*blended, given[-1]]))
        frames |= {index: upscaled[index - window.outputs.start] for index in window.scored}
    return frames


def db(x: Tensor, y: Tensor) -> float:
    """PSNR of any two planes, peak 255."""
    return float(10 * torch.log10(255**2 / (x.double() - y.double()).square().mean()))


def y_db(prediction: Tensor, truth: Tensor) -> float:
    """PSNR-Y of one frame of levels."""
    return float(psnr(prediction[None], truth[None], plane="y"))


def jpeg(frame: Tensor) -> Tensor:
    """A frame through JPEG at quality 95."""
    buffer = io.BytesIO()
    Image.fromarray(frame.permute(1, 2, 0).numpy()).save(buffer, "JPEG", quality=95)
    return torch.from_numpy(np.array(Image.open(buffer))).permute(2, 0, 1)


def pillow_quarter(truth: Tensor) -> Tensor:
    """LR frames by Pillow's bicubic."""
    width, height = truth.shape[3] // 4, truth.shape[2] // 4
    images = (Image.fromarray(frame.permute(1, 2, 0).numpy()) for frame in truth)
    small = [np.array(image.resize((width, height), Image.Resampling.BICUBIC)) for image in images]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)


def torch_quarter(truth: Tensor, *, antialias: bool) -> Tensor:
    """LR frames by torch's bicubic; without antialiasing that is OpenCV's INTER_CUBIC."""
    small = F.interpolate(truth.float(), scale_factor=0.25, mode="bicubic", antialias=antialias)
    return small.round().clamp(0, 255).byte()


def mistakes_in_scoring(
    prediction: Tensor, levels: Tensor, truth: Tensor, later: Tensor
) -> Iterator[tuple[str, float]]:
    """One frame, scored wrongly: `prediction` is unrounded in [0, 1], `levels` rounded, `later` the next truth."""
    y, y_true = rgb_to_y(levels), rgb_to_y(truth)
    yield "RGB instead of Y", float(psnr(levels[None], truth[None], plane="rgb"))
    yield "full-range luma (OpenCV, pyiqa, piq)", db((levels * _LUMA).sum(0), (truth * _LUMA).sum(0))
    yield "Y rounded to integers", db(y.round(), y_true.round())
    yield "red and blue exchanged", y_db(levels.flip(0), truth.flip(0))
    yield "truncated instead of rounded", y_db((prediction.clamp(0, 1) * 255).byte(), truth)
    yield "not rounded", y_db(prediction.clamp(0, 1) * 255, truth)
    yield "border of 4 cropped", float(psnr(levels[None], truth[None], plane="y", border=4))
    wrapped = (levels - truth).square()  # uint8 wraps around, twice
    yield "uint8 arithmetic that wraps (RGB)", float(10 * torch.log10(255**2 / wrapped.double().mean()))
    yield "prediction saved as JPEG", y_db(jpeg(levels), truth)
    yield "compared with the next frame", y_db(levels, later)
    yield "shifted by one pixel", db(y[:, 1:], y_true[:, :-1])
    plain, true = y.numpy(), y_true.numpy()
    yield "SSIM: scikit-image's defaults", float(structural_similarity(plain, true, data_range=255))
    yield "SSIM: range 255 on frames in [0, 1]", float(structural_similarity(plain / 255, true / 255, data_range=255))
    yield "SSIM: RGB instead of Y", float(ssim(levels[None], truth[None], plane="rgb"))


def mistakes_in_making(truth: Tensor, windows: Windows) -> Iterator[tuple[str, Frames]]:
    """Bicubic frames made wrongly, or with other windows."""
    lr = lr_from_hr(truth).float() / 255
    yield "LR by Pillow", bicubic(pillow_quarter(truth) / 255, windows)
    yield "LR by torch, antialiased", bicubic(torch_quarter(truth, antialias=True) / 255, windows)
    yield "LR by OpenCV's cubic (no antialiasing)", bicubic(torch_quarter(truth, antialias=False) / 255, windows)
    yield "LR by averaging 4x4 pixels", bicubic(F.avg_pool2d(truth.float(), 4).round() / 255, windows)
    yield "LR not rounded to 8 bits", bicubic(resize(truth.double() / 255, scale=0.25).float(), windows)
    size = (truth.shape[2], truth.shape[3])
    yield (
        "bicubic by torch (a = -0.75)",
        bicubic(lr, windows, enlarge=lambda x: F.interpolate(x, size, mode="bicubic")),
    )
    corners = partial(F.interpolate, size=size, mode="bicubic", align_corners=True)
    yield "bicubic with align_corners", bicubic(lr, windows, enlarge=corners)
    dropped = windows.model_copy(update={"tail": "drop"})
    yield "the clip's tail dropped", bicubic(lr, dropped)


def score_dataset(dataset: str, data_root: Path) -> dict[str, list[list[float]]]:
    """Scores by pitfall: a list of frames for every clip."""
    library = CardLibrary()
    card, windows = library.dataset(dataset), library.protocol("tmnet").windows
    scores: dict[str, list[list[float]]] = defaultdict(list)
    for clip in open_benchmark(card, library.manifest(card), data_root=data_root).clips:
        truth = torch.stack([torch.from_numpy(frame.copy()).permute(2, 0, 1) for frame in clip.read()])
        rows: dict[str, list[float]] = defaultdict(list)
        given = {
            index
            for window in plan_windows(len(truth), rate=2, windows=windows)
            for index in {*window.inputs} & {*window.scored}
        }
        for index, prediction in bicubic(lr_from_hr(truth).float() / 255, windows).items():
            levels, later = quantise(prediction), truth[min(index + 1, len(truth) - 1)]
            rows["PSNR-Y"].append(y_db(levels, truth[index]))
            rows["SSIM-Y"].append(float(ssim(levels[None], truth[index][None], plane="y")))
            rows["only given frames" if index in given else "only interpolated frames"].append(rows["PSNR-Y"][-1])
            for name, score in mistakes_in_scoring(prediction, levels, truth[index], later):
                rows[name].append(score)
        for name, frames in mistakes_in_making(truth, windows):
            rows[name] = [y_db(quantise(frame), truth[index]) for index, frame in frames.items()]
        for name, values in rows.items():
            scores[name].append(values)
    return scores


def of_mean_error(values: list[float]) -> float:
    """The decibels of the mean error, instead of the mean of the decibels."""
    return float(-10 * np.log10(fmean(10 ** (-value / 10) for value in values)))


def main(dataset: str = "demo", data_root: str = "data") -> None:
    """Print the table."""
    scores = score_dataset(dataset, Path(data_root))
    means = {name: fmean(map(fmean, clips)) for name, clips in scores.items()}
    every = [value for clip in scores["PSNR-Y"] for value in clip]
    means["mean over all frames alike"] = fmean(every)
    means["decibels of each clip's mean error"] = fmean(map(of_mean_error, scores["PSNR-Y"]))
    means["decibels of the mean error of all frames"] = of_mean_error(every)
    psnr_y, ssim_y = means.pop("PSNR-Y"), means.pop("SSIM-Y")
    lines = [f"| bicubic on {dataset} | PSNR-Y {psnr_y:.4f} dB | SSIM-Y {ssim_y:.4f} |", "|---|---|---|"]
    for name, value in means.items():
        cells = ("", f"{value - ssim_y:+.4f}") if name.startswith("SSIM") else (f"{value - psnr_y:+.4f}", "")
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
