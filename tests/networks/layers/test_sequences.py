"""How many maps a module sees at once: it changes no number."""

import pytest
import torch
from torch import Tensor, nn

from harness.networks.layers.sequences import per_map


class Double(nn.Module):
    """Notes how many maps it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, maps: Tensor) -> Tensor:
        self.seen.append(len(maps))
        return 2 * maps


@pytest.mark.parametrize(
    ("device", "size", "grows", "seen"),
    [
        ("cpu", (64, 64), 1, [4, 4, 2]),
        ("cpu", (8, 8), 1, [10]),
        ("cpu", (64, 64), 16, [1] * 10),
        ("meta", (64, 64), 16, [10]),  # stands for any device with memory of its own
        ("meta", (1024, 1024), 1, [4, 4, 2]),
        ("meta", (4096, 4096), 1, [1] * 10),
    ],
)
def test_maps_go_in_batches_that_fit(device: str, size: tuple[int, int], grows: int, seen: list[int]) -> None:
    module, maps = Double(), torch.zeros(5, 2, 1, *size, device=device)
    assert per_map(module, maps, grows=grows).shape == maps.shape
    assert module.seen == seen


def test_batches_are_the_whole() -> None:
    maps = torch.rand(5, 2, 1, 64, 64)
    assert torch.equal(per_map(Double(), maps), 2 * maps)
