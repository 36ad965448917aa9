"""How DAIN is checked: frames and stages at three times, the authors' padding, and the operators by themselves."""

from torch import Tensor

from harness.networks.dain.build import build_dain
from harness.networks.dain.key_map import from_release
from harness.networks.dain.network import DAIN, interpolate
from harness.networks.parity.check import Arrays, Check, watched
from harness.ops.correlation import correlation
from harness.ops.filter_interpolation import filter_interpolation
from harness.ops.flow_projection import passing, project_flow

TIMES = (0.25, 0.5, 0.75)
KNOWN = {
    "blend": 3,
    "warped0": 3,
    "warped1": 3,
    "offset0": 2,
    "offset1": 2,
    "filter0": 16,
    "filter1": 16,
    "maps": 196,
}
"""What `rectify` sees first, in order, and how many channels it has."""


def run(network: DAIN, arrays: Arrays) -> dict[str, Tensor]:
    """All arrays of the reference."""
    first, second = arrays["input"]
    with watched(
        network, {"flow": "flow", "depth": "depth", "context": "context"}, inputs={"known": "rectify"}
    ) as seen:
        made = network(first, second, TIMES)
    quarter, half, three_quarters = (
        dict(zip(KNOWN, known.split([*KNOWN.values(), KNOWN["maps"]], dim=1), strict=False))
        for known in seen["known"]
    )
    return {
        "out_interp": half["blend"],
        "out_rectified": made[:, 1],
        **{f"slow_rectified_t{100 * time:03.0f}": made[:, k] for k, time in enumerate(TIMES)},
        "slow_interp_t025": quarter["blend"],
        "slow_offset0_t075": three_quarters["offset0"],
        **{name: half[name] for name in ("warped0", "warped1", "offset0", "offset1")},
        **{name: half[name][:, ::5] for name in ("filter0", "filter1")},
        "warped_ctx0_depth": half["maps"][:, -1:],
        "pwc_flow01": seen["flow"][0].chunk(2)[0],
        "log_depth": seen["depth"][0],
        "ctx0": seen["context"][0].chunk(2)[0][:, 3::48, ::2, ::2],
        "pipe_rectified": interpolate(network, arrays["frame0"], arrays["frame1"], (0.5,))[:, 0],
        **_operators(arrays),
    }


def _operators(arrays: Arrays) -> dict[str, Tensor]:
    image, flow, filters, weight = (arrays[f"op_{name}"] for name in ("image", "flow", "filter", "weight"))
    return {
        "op_filter_interpolation": filter_interpolation(image, flow, filters),
        "op_projection_fill0": project_flow(flow, weight, fill=False),
        "op_projection_fill1": project_flow(flow, weight, fill=True),
        "op_projection_count": passing(flow, weight)[:, 2:],
        "op_corr_md4": correlation(arrays["op_corr_a"], arrays["op_corr_b"], max_displacement=4),
    }


CHECK = Check(
    build=build_dain,
    translate=from_release,
    inputs={
        "input": (2, "B", 3, "H", "W"),
        "frame0": ("b", 3, "h", "w"),
        "frame1": ("b", 3, "h", "w"),
        "op_image": ("n", "c", "y", "x"),
        "op_flow": ("n", 2, "y", "x"),
        "op_filter": ("n", 16, "y", "x"),
        "op_weight": ("n", 1, "y", "x"),
        "op_corr_a": ("m", "d", "v", "u"),
        "op_corr_b": ("m", "d", "v", "u"),
    },
    outputs=(
        "out_interp",
        "out_rectified",
        *(f"slow_rectified_t{100 * time:03.0f}" for time in TIMES),
        "slow_interp_t025",
        "pipe_rectified",
    ),
    run=run,
)
