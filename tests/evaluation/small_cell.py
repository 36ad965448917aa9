"""A method of few parameters on one clip of a few small frames, ready to run."""

from pathlib import Path

import numpy as np
from PIL import Image

from harness.cards import CardLibrary, Overrides
from harness.evaluation.plan import Cell, Request, plan
from harness.evaluation.precision import Precision
from tests.upscalers.small_stinet import SMALL


def write_moving(folder: Path, *, frames: int) -> None:
    """Noise of 40x32 HR pixels that moves by two a frame, as the clip `moving`."""
    (folder / "moving").mkdir(parents=True)
    wide = np.random.default_rng(0).integers(0, 256, (32, 40 + 2 * frames, 3), dtype=np.uint8)
    for index in range(frames):
        Image.fromarray(wide[:, 2 * index : 2 * index + 40]).save(folder / "moving" / f"{index:02d}.png")


def small_cell(data: Path, precision: Precision, *changes: str, method: str = "stinet", window: int = 3) -> Cell:
    """STINet with SMALL's sizes, untrained, or another method as it is."""
    sizes = {**SMALL, "window": window} if method == "stinet" else {"window": window}
    request = Request(
        methods=(method,),
        datasets=("frames",),
        data_root=data,
        overrides=Overrides.parse([*(f"options.{key}={value}" for key, value in sizes.items()), *changes]),
        precision=precision,
        untrained=True,
    )
    return plan(request, CardLibrary())[0]
