"""A clip through the real run: windows that share features give the frames of windows by themselves."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.cards import CardLibrary, Overrides
from harness.evaluation.clip import open_stream, upscale_clip, upscale_window
from harness.evaluation.plan import Cell, Request, plan
from harness.evaluation.precision import Precision
from tests.upscalers.small_stinet import SMALL

FRAMES = 12
WINDOWS = ((0, 2, 4), (4, 6, 8), (7, 9, 11))
"""Of three frames at rate 2 over twelve: the last one begins between two input frames of the others."""


def cell(folder: Path, precision: Precision, frames: int = FRAMES) -> Cell:
    (folder / "moving").mkdir()
    wide = np.random.default_rng(0).integers(0, 256, (32, 40 + 2 * frames, 3), dtype=np.uint8)
    for index in range(frames):
        Image.fromarray(wide[:, 2 * index : 2 * index + 40]).save(folder / "moving" / f"{index:02d}.png")
    options = {**SMALL, "window": 3}
    request = Request(
        methods=("stinet",),
        datasets=("frames",),
        data_root=folder,
        overrides=Overrides.parse(
            [*(f"options.{key}={value}" for key, value in options.items()), "protocol.quantise=none"]
        ),
        precision=precision,
        untrained=True,
    )
    return plan(request, CardLibrary())[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_windows_of_a_clip_equal_windows_by_themselves(tmp_path: Path, precision: Precision) -> None:
    one = cell(tmp_path, precision)
    (clip,) = one.benchmark.clips
    with open_stream(one, clip) as stream:
        together = list(upscale_clip(one, clip, stream))
    alone = []
    with open_stream(one, clip) as stream:
        for frames in stream:
            session = one.built.upscaler.start_clip(one.header.rate)
            upscaled = upscale_window(session, frames, precision, one.built.device)
            slots = [index - frames.window.outputs.start for index in frames.window.scored]
            alone.append((frames.window, upscaled[slots].float().clamp(0, 1) * 255))
    assert tuple(window.inputs for window, _ in alone) == WINDOWS
    assert [index for scored in together for index in scored.frames] == list(range(FRAMES))
    assert [scored.frames for scored in together] == [window.scored for window, _ in alone]
    for scored, (_, expected) in zip(together, alone, strict=True):
        assert torch.equal(scored.prediction, expected)
        assert expected.std() > 1
