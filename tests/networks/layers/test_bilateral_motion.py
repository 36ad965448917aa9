"""What references do not reach: costs below zero. Frames of one scene are too much alike to have any."""

import torch

from harness.networks.layers.bilateral_motion import BilateralMotion
from harness.networks.parity.check import watched


def test_costs_below_zero_are_a_tenth() -> None:
    network = BilateralMotion(reading="corners", first_stride=2).eval()
    for name in ("coarsest.motion", "finer.0.enlarge_motion"):
        for parameter in network.get_submodule(name).parameters():
            torch.nn.init.zeros_(parameter)  # nothing moves out of the small maps
    maps = [torch.randn(2, width, 4 * 2**k, 4 * 2**k) for k, width in enumerate((196, 128, 96, 64, 32))]
    first, second = [each[:1] for each in maps], [each[1:] for each in maps]
    levels = {"coarsest": "coarsest", "finer": "finer.0"}
    costs = {name: f"{path}.cost" for name, path in levels.items()}
    dense = {f"{name} seen": f"{path}.dense" for name, path in levels.items()}
    with torch.inference_mode(), watched(network, costs, inputs=dense) as calls:
        network(first, second)
    for name in levels:
        (cost,), (seen,) = calls[name], calls[f"{name} seen"]
        assert bool((cost < 0).any())
        torch.testing.assert_close(seen[:, : cost.shape[1]], torch.where(cost < 0, cost / 10, cost))
