"""How ABME is checked: its three networks, what is between them, and its operators against the authors' numbers."""

from torch import Tensor

from harness.networks.abme.asymmetric import doubled
from harness.networks.abme.build import abme
from harness.networks.abme.key_map import from_release
from harness.networks.abme.network import ABME, anchored, motion_size, resized
from harness.networks.layers.pwc import UNIT
from harness.networks.parity.check import Arrays, Check, watched
from harness.ops.bilateral_cost import bilateral_cost
from harness.ops.correlation import correlation
from harness.ops.dynamic_filter import dynamic_filter
from harness.ops.warp import inside, positions, resize_bilinear

STAGES = {
    "sbm": "symmetric",
    "sbm_flow6": "symmetric.coarsest.motion",
    "sbm_flow4": "symmetric.finer.1.motion",
    "filters": "synthesis.filters",
    "syn_refine": "synthesis.refine",
    "syn_out": "synthesis",
}
"""The modules whose outputs the reference has."""


def run(network: ABME, arrays: Arrays) -> dict[str, Tensor]:
    """The middle frame in both ways of resizing, and what the stages return."""
    first, second = arrays["frame1"], arrays["frame3"]
    with watched(network, STAGES, inputs={"syn_inputs": "synthesis"}) as calls:
        motions = network.motions(first, second)
        frame = network.synthesise(first, second, motions)
    seen = {name: each[0] for name, each in calls.items()}
    return {
        "out": frame,
        "out_testpy_bilinear": network(first, second, resize="bilinear"),
        "sbm_full": motions.symmetric,
        "abm_fw": motions.to_1,
        "abm_bw": motions.to_0,
        "syn_filter_softmax": seen.pop("filters").softmax(dim=1)[:, ::9],
        **seen,
        **_between(first, second, seen["sbm"]),
        **_operators(arrays),
    }


def _between(first: Tensor, second: Tensor, symmetric: Tensor) -> dict[str, Tensor]:
    """What is computed between the first two networks."""
    size = motion_size(first.shape[2], first.shape[3])
    frames = [resized(each, size, "bicubic") for each in (first, second)]
    anchor = anchored(frames, symmetric)
    motion = UNIT * resize_bilinear(symmetric, size)
    masks = [inside(*positions(flow, reading="corners"), size).to(motion.dtype) for flow in (-motion, motion)]
    return {
        "frame1_resized": frames[0],
        "anchor": anchor.frame,
        "Z": anchor.difference,
        "mask2_1": masks[0],
        "mask2_3": masks[1],
    }


def _operators(arrays: Arrays) -> dict[str, Tensor]:
    """The operators on arrays of their own, where a reference has them."""
    if any(name not in arrays for name in OPERATORS):
        return {}
    features, motion = (arrays["op_feature1"], arrays["op_feature2"]), arrays["op_bm"]
    maps = arrays["op_dyn_in"].split(1, dim=1)
    return {
        "op_bicorr_md2": bilateral_cost(*features, motion, max_displacement=2, reading="corners"),
        "op_corr_md2": correlation(arrays["op_corr_a"], arrays["op_corr_b"], max_displacement=2),
        "op_up_x2": doubled(arrays["op_up_in"]),
        "op_dyn_out": dynamic_filter(maps, arrays["op_dyn_filter"], size=3),
    }


OPERATORS = (
    "op_feature1",
    "op_feature2",
    "op_bm",
    "op_corr_a",
    "op_corr_b",
    "op_up_in",
    "op_dyn_in",
    "op_dyn_filter",
)
"""Their inputs."""

CHECK = Check(
    build=abme,
    translate=from_release,
    inputs={"frame1": ("B", 3, "h", "w"), "frame3": ("B", 3, "h", "w")},
    outputs=("out",),
    run=run,
    optional=OPERATORS,
)
