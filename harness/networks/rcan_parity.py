"""How RCAN is checked: against the authors' numbers, with random means as everything else is random."""

from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.rcan import RCAN, from_release, rcan

FEATURES = {"head": "head", "rcab0": "body.0.0", "group0": "body.0", "group9": "body.9"}
"""The modules of whose features the reference has every 16th channel."""

WHOLE = {"sub_mean": "subtract_mean", "ca_first": "body.0.0.3.gate", "ca_last": "body.9.19.3.gate"}
"""The modules of which it has all channels."""


def run(network: RCAN, arrays: Arrays) -> dict[str, Tensor]:
    """The frames, and what the stages return."""
    with watched(network, {**FEATURES, **WHOLE, "upsampled": "tail.3"}) as seen:
        frames = network(arrays["x"])
    stages = {name: seen[name][0] for name in WHOLE}
    stages |= {name: seen[name][0][:, ::16] for name in FEATURES}
    return {"out": frames, "upsampled": seen["upsampled"][0][:, :2], **stages}


CHECK = Check(build=rcan, translate=from_release, inputs={"x": ("B", 3, "h", "w")}, outputs=("out",), run=run)
