"""How RBPN is checked: the released network of six neighbours against the authors' numbers."""

from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.rbpn import RBPN, from_release, rbpn

STAGES = {
    "feat0": "target_features",
    "feat1_0": "motion_features",
    "dbpn_0": "single_frame",
    "res1_0": "multi_frame",
    "res2_0": "residual",
    "res3_0": "decoder",
}
"""The modules whose outputs the reference has, for the first neighbour, every 64th LR or 32nd HR channel."""

NEIGHBOURS = 6


def run(network: RBPN, arrays: Arrays) -> dict[str, Tensor]:
    """The frame, and what the stages return; the reference has the neighbours one after the other."""
    neighbours, flows = arrays["neigbor"].split(1), arrays["flow"].split(1)
    with watched(network, STAGES, inputs={"high": "head"}) as seen:
        frame = network(arrays["x"], neighbours, flows)
    (high,) = seen.pop("high")
    every = {name: 64 if calls[0].shape[-1] == frame.shape[-1] // 4 else 32 for name, calls in seen.items()}
    stages = {name: calls[0][:1, :: every[name]] for name, calls in seen.items()}
    return {"out": frame, "h_5": high.chunk(NEIGHBOURS, dim=1)[-1][:, ::32], **stages}


CHECK = Check(
    build=rbpn,
    translate=from_release,
    inputs={"x": (1, 3, "h", "w"), "neigbor": (NEIGHBOURS, 3, "h", "w"), "flow": (NEIGHBOURS, 2, "h", "w")},
    outputs=("out",),
    run=run,
)
