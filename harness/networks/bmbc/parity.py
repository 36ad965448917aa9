"""How BMBC is checked: motions at four moments, frames at two, and what is between, against the authors' numbers."""

from torch import Tensor

from harness.networks.bmbc.build import bmbc
from harness.networks.bmbc.key_map import from_release
from harness.networks.bmbc.network import BMBC, CANDIDATES, COLOURS
from harness.networks.layers.pwc import UNIT
from harness.networks.parity.check import Arrays, Check, watched
from harness.ops.bilateral_cost import bilateral_cost
from harness.ops.warp import resize_bilinear

STAGES = {
    "net_corr6": "motion.coarsest.cost",
    "net_flow6": "motion.coarsest.motion",
    "net_corr4": "motion.finer.1.cost",
    "net_flow4": "motion.finer.1.motion",
    "net_flow": "motion",
}
"""The modules of which the reference has some outputs, one a moment."""

TIMES = (0.5, 0.25)
MOMENTS = (0.0, 1.0, *TIMES)
"""Of which motions are estimated, in this order."""

OPERATORS = ("op_feature1", "op_feature2", "op_bm")
"""Inputs of the cost volume by itself."""


def run(network: BMBC, arrays: Arrays) -> dict[str, Tensor]:
    """The frames at both times, and what the stages return at every moment."""
    first, second = arrays["I0"], arrays["I1"]
    with watched(network, STAGES) as calls:
        motions = network.motions(first, second, TIMES)
    size = network.motion_size(first.shape[2], first.shape[3])
    calls["net_flow"] = [UNIT * resize_bilinear(motion, size) for motion in calls["net_flow"]]
    results = {f"{name}_{at(MOMENTS[k])}": call for name, every in calls.items() for k, call in enumerate(every)}
    results |= {"f_0_1": motions[0].flow_0_to_1, "f_1_0": motions[0].flow_1_to_0}
    with watched(network, {"weights": "filters"}, inputs={"seen": "filters"}) as calls:
        frames = network.synthesise(first, second, motions, TIMES)
    for k, time in enumerate(TIMES):
        candidates = calls["seen"][k][:, COLOURS:-COLOURS].unflatten(1, (CANDIDATES, -1))
        results |= {
            f"out_{at(time)}": frames[:, k],
            f"bm_{at(time)}": motions[k].bilateral,
            f"candidates_green_{at(time)}": candidates[:, :, 1],
            f"c1_context_{at(time)}": candidates[:, 0, COLOURS::32],
            f"filter_softmax_{at(time)}": calls["weights"][k].softmax(dim=1)[:, ::30],
        }
    return results | _operator(arrays)


def at(time: float) -> str:
    """A moment as the reference names it: t025."""
    return f"t{round(100 * time):03d}"


def _operator(arrays: Arrays) -> dict[str, Tensor]:
    """The cost volume on arrays of its own, where a reference has them."""
    if any(name not in arrays for name in OPERATORS):
        return {}
    given = [arrays[name] for name in OPERATORS]
    return {
        f"op_cost_{at(time)}": bilateral_cost(*given, max_displacement=2, reading="areas", time=time)
        for time in MOMENTS
    }


CHECK = Check(
    build=bmbc,
    translate=from_release,
    inputs={"I0": ("B", 3, "h", "w"), "I1": ("B", 3, "h", "w")},
    outputs=("out_t050", "out_t025"),
    run=run,
    optional=OPERATORS,
)
