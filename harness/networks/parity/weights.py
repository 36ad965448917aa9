"""The rule by which parity references get their weights: from a key, its shape and a salt, with no file at all.

    rng = default_rng(crc32(salt + key)), x = standard normal, float32
    2 or more dimensions            x * gain / sqrt(product of shape[1:])
    key ends with 'running_var'     0.5 + |x|
    1-D and key ends with 'weight'  0.5 + 0.1 x
    any other entry                 0.05 x

Keys are those of the authors' checkpoint without its `module.` prefix. The order of the operations and their
precision are part of the rule: many intermediates then agree to the last bit.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def entry(key: str, shape: Sequence[int], *, salt: str, gain: float) -> Tensor:
    """One float entry of the state dict."""
    x = np.random.default_rng(zlib.crc32((salt + key).encode())).standard_normal(shape, dtype=np.float32)
    if len(shape) >= 2:
        x = (x * np.float32(gain) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    elif key.endswith("running_var"):
        x = np.float32(0.5) + np.abs(x)
    elif len(shape) == 1 and key.endswith("weight"):
        x = np.float32(0.5) + np.float32(0.1) * x
    else:
        x = np.float32(0.05) * x
    return torch.from_numpy(np.asarray(x, dtype=np.float32))
