"""A clip through the real run: windows that share features give the frames of windows by themselves."""

from pathlib import Path

import pytest
import torch

from harness.evaluation.clip import open_stream, upscale_clip, upscaled_windows
from harness.evaluation.precision import Precision
from tests.evaluation.small_cell import small_cell, write_moving

FRAMES = 12
WINDOWS = ((0, 2, 4), (4, 6, 8), (7, 9, 11))
"""Of three frames at rate 2 over twelve: the last one begins between two input frames of the others."""


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_windows_of_a_clip_equal_windows_by_themselves(tmp_path: Path, precision: Precision) -> None:
    write_moving(tmp_path, frames=FRAMES)
    cell = small_cell(tmp_path, precision, "protocol.quantise=none")
    (clip,) = cell.benchmark.clips
    with open_stream(cell, clip) as stream:
        together = list(upscale_clip(cell, clip, stream))
    alone = []
    with open_stream(cell, clip) as stream:
        for frames in stream:
            ((_, upscaled),) = upscaled_windows(cell, [frames])
            slots = [index - frames.window.outputs.start for index in frames.window.scored]
            alone.append((frames.window, upscaled[slots].float().clamp(0, 1) * 255))
    assert tuple(window.inputs for window, _ in alone) == WINDOWS
    assert [index for scored in together for index in scored.frames] == list(range(FRAMES))
    assert [scored.frames for scored in together] == [window.scored for window, _ in alone]
    for scored, (_, expected) in zip(together, alone, strict=True):
        assert torch.equal(scored.prediction, expected)
        assert expected.std() > 1
