"""The rule by which parity references get their weights: from a key, its shape and a salt, with no file at all.

    rng = default_rng(crc32(salt + key)), x = standard normal, float32
    2 or more dimensions            x * gain / sqrt(product of shape[1:])
    key ends with 'running_var'     0.5 + |x|
    1-D and key ends with 'weight'  0.5 + 0.1 x
    any other entry                 0.05 x

Keys are those of the authors' checkpoint without its `module.` prefix.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

REFERENCES = Path(__file__).parents[1] / "references"


@dataclass(frozen=True)
class Golden:
    """What is known about the authors' network: its state dict's keys with their shapes, in order.

    Args:
        gain: factor of the rule for entries of two or more dimensions.
        gain_overrides: parts of keys, each with a gain; the first that is part of a key replaces the gain.
        state: shapes by key.
        shared: keys that share one tensor; the last one of each group decides its value.
        parameters: how many the network has.
    """

    gain: float
    state: Mapping[str, Sequence[int]]
    shared: Sequence[Sequence[str]]
    parameters: int
    gain_overrides: Sequence[tuple[str, float]] = ()

    @classmethod
    def read(cls, name: str) -> "Golden":
        """From tests/references/NAME.json."""
        read = json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8"))
        overrides = read.get("gain_overrides", ())
        return cls(read["gain"], read["state"], read["shared"], read["params_total"], overrides)

    def weights(self, salt: str) -> dict[str, Tensor]:
        """The whole state dict under the authors' keys."""
        deciding = {key: group[-1] for group in self.shared for key in group}
        keys = {key: deciding.get(key, key) for key in self.state}
        return {key: entry(keys[key], self.state[key], salt=salt, gain=self._gain(keys[key])) for key in self.state}

    def _gain(self, key: str) -> float:
        return next((gain for part, gain in self.gain_overrides if part in key), self.gain)


def entry(key: str, shape: Sequence[int], *, salt: str, gain: float) -> Tensor:
    """One float entry of the state dict."""
    x = np.random.default_rng(zlib.crc32((salt + key).encode())).standard_normal(shape, dtype=np.float32)
    if len(shape) >= 2:
        x = (x * np.float32(gain) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    elif key.endswith("running_var"):
        x = np.float32(0.5) + np.abs(x)
    elif key.endswith("weight"):
        x = np.float32(0.5) + np.float32(0.1) * x
    else:
        x = np.float32(0.05) * x
    return torch.from_numpy(np.asarray(x, dtype=np.float32))
