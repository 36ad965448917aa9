"""Weights for SPyNet without its authors' file: noise, and a few numbers under which it can be worked out by hand."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.flow.spynet import WEIGHTS, SPyNetFlow
from tests.parity.references import golden

State = Mapping[str, Tensor]
DEVIATION = (0.229, 0.224)
"""Of red and green, in which SPyNet sees frames."""


def write(state: State, folder: Path) -> Path:
    """A file of weights, as BasicSR saves it."""
    path = folder / WEIGHTS.file
    torch.save({"params": dict(state)}, path)
    return path


def as_default(state: State, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in the weights folder."""
    monkeypatch.setenv("HARNESS_WEIGHTS", str(folder))
    return write(state, folder)


def random_state(*, scale: float = 1.0, salt: str = "noise") -> dict[str, Tensor]:
    """Noise of the size at which flows are a few pixels long; `scale` makes them shorter."""
    return {key: scale * value if ".8." in key else value for key, value in golden("spynet").weights(salt).items()}


def ramp_state(*, slope_x: float, slope_y: float) -> dict[str, Tensor]:
    """The finest level solves for the shift of pictures whose red grows to the right and whose green grows downwards.

    Where red is slope_x * x, frame 0 minus frame 1 is slope_x times the shift. ReLU loses signs, so both the
    difference and its negative go through, each in a channel of its own. The other levels say nothing.

    Args:
        slope_x: growth of red by pixel of the enlarged frame.
        slope_y: of green.
    """
    state = {key: torch.zeros_like(value) for key, value in golden("spynet").weights("").items()}
    layers = [state[f"basic_module.5.basic_module.{layer}.weight"] for layer in range(0, 10, 2)]
    first, *passed, last = (weight[:, :, 3, 3] for weight in layers)
    for axis, slope in enumerate((slope_x, slope_y)):
        for sign, channel in ((1, 2 * axis), (-1, 2 * axis + 1)):
            first[channel, axis], first[channel, 3 + axis] = sign, -sign  # frame 0, frame 1 warped
            for layer in passed:
                layer[channel, channel] = 1
            last[axis, channel] = sign * DEVIATION[axis] / slope
    return state


def random_flow(folder: Path, *, scale: float = 1.0) -> SPyNetFlow:
    """An estimator with weights of noise."""
    return SPyNetFlow(write(random_state(scale=scale), folder))
