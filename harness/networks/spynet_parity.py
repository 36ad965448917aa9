"""How SPyNet is checked: against the numbers of BasicSR's copy."""

from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.spynet import SPyNet, from_release, spynet

STAGES = {
    "level0_residual": "levels.0.correct",
    "level3_residual": "levels.3.correct",
    "flow_before_resize": "levels.5",
}
"""The modules whose outputs the reference has."""

SEEN = {f"level{k}_input": f"levels.{k}.correct" for k in (0, 3, 5)}
"""The modules whose inputs it has."""


def run(network: SPyNet, arrays: Arrays) -> dict[str, Tensor]:
    """The flow from `ref` to `supp`, and what levels see and say."""
    with watched(network, STAGES, inputs=SEEN) as seen:
        flow = network(arrays["ref"], arrays["supp"])
    return {"flow": flow, **{name: calls[0] for name, calls in seen.items()}}


CHECK = Check(
    build=spynet,
    translate=from_release,
    inputs={"ref": ("B", 3, "H", "W"), "supp": ("B", 3, "H", "W")},
    outputs=("flow",),
    run=run,
)
