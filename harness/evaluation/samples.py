"""Frames kept as PNG: one sample per run for the comparison picture, or all of them with --save-frames."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torch import Tensor

from harness.clips.clip import Clip
from harness.errors import RecordError
from harness.evaluation.clip import ScoredFrames
from harness.ops.resize import quantise


def write_png(frame: Tensor, path: Path) -> None:
    """One (3, H, W) frame of 0..255 levels as 8-bit PNG, complete or not at all. Raises RecordError."""
    levels = frame if not frame.is_floating_point() else quantise(frame / 255)
    draft = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(levels.permute(1, 2, 0).cpu().numpy()).save(draft, format="PNG", compress_level=3)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RecordError(
            f"{path} cannot be written.",
            found=error.strerror or str(error),
            todo="make room; finished clips are kept.",
        ) from error


@dataclass
class FrameSink:
    """Writes what is to be kept of one clip.

    Args:
        folder: the run's folder.
        clip: the clip.
        sample: keep the sample for the comparison picture: the interpolated frame nearest the clip's middle.
        all_frames: keep every frame.
    """

    folder: Path
    clip: Clip
    sample: bool
    all_frames: bool
    _best: tuple[float, int, bool, Tensor, Tensor] | None = field(default=None, repr=False)

    def take(self, scored: ScoredFrames) -> None:
        """Look at the next frames."""
        for index, given, prediction, truth in zip(
            scored.frames, scored.given, scored.prediction, scored.truth, strict=True
        ):
            if self.all_frames:
                write_png(prediction, self.folder / "frames" / self.clip.name / f"{index:06d}.png")
            distance = abs(index - (self.clip.frames - 1) / 2) + (self.clip.frames if given else 0)
            if self.sample and (self._best is None or distance < self._best[0]):
                self._best = (distance, index, given, prediction.clone(), truth.clone())

    def close(self) -> None:
        """Write the sample."""
        if self._best is None:
            return
        _, index, given, prediction, truth = self._best
        stem = f"{self.clip.name.replace('/', '__')}_{index:06d}"
        names = {"file": f"{stem}.png", "gt": f"{stem}_gt.png"}
        write_png(prediction, self.folder / "samples" / names["file"])
        write_png(truth, self.folder / "samples" / names["gt"])
        entry = {"clip": self.clip.name, "frame": index, "given": given, **names}
        draft = self.folder / "samples" / "samples.json.part"
        draft.write_text(json.dumps([entry], indent=1) + "\n", encoding="utf-8")
        draft.replace(draft.with_suffix(""))
