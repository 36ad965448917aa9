"""What the comparison picture shows: one frame of one clip under all methods, read from their records' samples.

PSNR is that of the whole frame, from the record.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import RecordError
from harness.metrics import METRICS
from harness.records.store import Run
from harness.records.summary import frame_scores
from harness.reports.crops import Square, error_map, telling_square
from harness.reports.model import printed

if TYPE_CHECKING:
    from harness.reports.crops import Frame, Plane


@dataclass(frozen=True)
class Panel:
    """One method.

    Args:
        title: what it is called.
        score: PSNR of the frame in words.
        psnr: the same as a number; NaN where it must not be ranked.
        frame: its frame, (H, W, 3) uint8.
        error: its error map, (H, W) in [0, 255].
    """

    title: str
    score: str
    psnr: float
    frame: "Frame"
    error: "Plane"


@dataclass(frozen=True)
class Scene:
    """What the picture shows: one frame of one clip under all methods."""

    dataset: str
    clip: str
    frame: int
    given: bool
    rate: int
    metric: str
    truth: "Frame"
    panels: tuple[Panel, ...]
    square: Square

    @property
    def largest_error(self) -> float:
        """The end of the common scale: nearly the largest error in the crops, a multiple of 8 levels."""
        import numpy as np  # noqa: PLC0415

        crops = [self.square.of(panel.error) for panel in self.panels]
        return max(8.0, 8.0 * math.ceil(float(np.quantile(np.stack(crops), 0.98)) / 8))


@dataclass(frozen=True)
class _Sample:
    clip: str
    frame: int
    given: bool
    prediction: Path
    truth: Path


def load_scene(runs: Sequence[Run], *, side: int = 96) -> Scene:
    """The first sample that all runs have, with the crop that tells most.

    Args:
        runs: at least one.
        side: of the crop, pixels.

    Raises:
        RecordError: no sample frame that all runs share, or a damaged one.
    """
    samples = [_samples(run) for run in runs]
    shared = [key for key in (samples[0] if samples else {}) if all(key in found for found in samples)]
    if not shared:
        raise RecordError(
            "The comparison picture wants one sample frame that all runs have.",
            found="; ".join(f"{run.folder.name}: {len(found)}" for run, found in zip(runs, samples, strict=True))
            or "no runs",
            todo="run the methods on the same clip; each run keeps a sample of its first clip.",
        )
    chosen = [found[shared[0]] for found in samples]
    truth = _read(chosen[0].truth)
    frames = [_read(sample.prediction) for sample in chosen]
    for sample, frame in zip(chosen, frames, strict=True):
        if frame.shape != truth.shape:
            raise RecordError(
                f"{sample.prediction} does not have the size of its ground truth.", found=str(frame.shape)
            )
    errors = [error_map(frame, truth) for frame in frames]
    header, first = runs[0].header, chosen[0]
    return Scene(
        dataset=header.dataset_title,
        clip=first.clip,
        frame=first.frame,
        given=first.given,
        rate=header.rate,
        metric=next((METRICS[name].title for name in header.metrics if _is_psnr(name)), ""),
        truth=truth,
        panels=tuple(
            Panel(run.header.method_title, *_score(run, first), frame, error)
            for run, frame, error in zip(runs, frames, errors, strict=True)
        ),
        square=telling_square(truth, errors, side=side),
    )


def _samples(run: Run) -> dict[tuple[str, int], _Sample]:
    folder = run.folder / "samples"
    listing = folder / "samples.json"
    if not listing.exists():
        return {}
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
        return {
            (entry["clip"], entry["frame"]): _Sample(
                entry["clip"], entry["frame"], entry["given"], folder / entry["file"], folder / entry["gt"]
            )
            for entry in entries
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{listing} cannot be read.", found=str(error), todo="remove it and run again.") from error


def _read(path: Path) -> "Frame":
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise RecordError(f"The sample {path} cannot be read.", found=str(error), todo="run again.") from error


def _is_psnr(metric: str) -> bool:
    return metric in METRICS and METRICS[metric].title.startswith("PSNR")


def _score(run: Run, sample: _Sample) -> tuple[str, float]:
    """PSNR of the frame in words and as a number, as the record has it."""
    if run.header.untrained:
        return "untrained", math.nan
    line = run.lines.get(sample.clip)
    metric = next(filter(_is_psnr, run.header.metrics), None)
    value = frame_scores(line, metric).get(sample.frame) if line is not None and metric is not None else None
    if metric is None or value is None:
        return "", math.nan
    return f"{printed(value, METRICS[metric].decimals)} {METRICS[metric].unit}", value
