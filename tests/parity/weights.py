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
        state: shapes by key.
        shared: keys that share one tensor; the last one of each group decides its value.
        parameters: how many the network has.
    """

    gain: float
    state: Mapping[str, Sequence[int]]
    shared: Sequence[Sequence[str]]
    parameters: int

    @classmethod
    def read(cls, name: str) -> "Golden":
        """From tests/references/NAME.json."""
        read = json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8"))
        return cls(read["gain"], read["state"], read["shared"], read["params_total"])

    def weights(self, salt: str) -> dict[str, Tensor]:
        """The whole state dict under the authors' keys."""
        deciding = {key: group[-1] for group in self.shared for key in group}
        return {
            key: entry(deciding.get(key, key), shape, salt=salt, gain=self.gain) for key, shape in self.state.items()
        }


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
