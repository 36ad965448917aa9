"""Networks with the authors' weights against references, and frames to feed them."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from harness.networks.parity import find_check
from harness.networks.parity.check import part_name
from tests.parity.references import REFERENCES, golden


@lru_cache(maxsize=2)
def weights(network: str, salt: str) -> Mapping[str, Tensor]:
    """The authors' state dict by the rule; kept, because ten million random numbers take half a second."""
    return golden(network).weights(salt)


def loaded(network: str, *, salt: str = "public") -> nn.Module:
    """A network with reference weights."""
    check = find_check(network)
    built = check.build()
    check.load(built, weights(network, salt))
    return built.eval()


def reference(name: str) -> dict[str, Tensor]:
    """The arrays of tests/references/NAME.npz."""
    with np.load(REFERENCES / f"{name}.npz") as stored:
        return {key: torch.from_numpy(stored[key]) for key in stored.files}


def errors(network: str, built: nn.Module, arrays: dict[str, Tensor]) -> dict[str, float]:
    """The largest difference of every output and stage that a reference has."""
    check = find_check(network)
    with torch.inference_mode():
        results = check.run(built, check.given(arrays))
    found = {}
    for stored in arrays.keys() - check.inputs.keys() - set(check.optional):
        name, step = part_name(stored)
        ours = results[name][..., ::step, ::step]
        assert ours.shape == arrays[stored].shape, stored
        found[name] = float((ours - arrays[stored]).abs().max())
    return found


def frames(*, batch: int = 1, given: int = 2, height: int = 8, width: int = 8, seed: int = 0) -> Tensor:
    """Noise in [0, 1], (B, N, 3, height, width)."""
    return torch.rand(batch, given, 3, height, width, generator=torch.Generator().manual_seed(seed))
