"""How DAVSR is checked: the published configuration against the authors' network, with Super SloMo's weights."""

from torch import Tensor

from harness.networks.davsr.build import build_davsr
from harness.networks.davsr.key_map import from_release
from harness.networks.davsr.network import DAVSR
from harness.networks.davsr.slomo import MEAN
from harness.networks.parity.check import Arrays, Check, watched

STAGES = {
    "slomo": "initial.interpolate",
    "initial": "initial",
    "alpha": "step_sizes",
    "data": "data_step",
    "flows": "prior.flow",
    "prior": "prior",
}
"""The modules whose outputs the reference has."""


def run(network: DAVSR, arrays: Arrays) -> dict[str, Tensor]:
    """The clip and the `mid_` arrays, in part; the reference has colours before time inside."""
    with watched(network, STAGES) as seen:
        clip = network(arrays["x"])
    interpolated = seen["slomo"][0][:, 1]  # the second of four frames, of every pair
    _, to_previous = seen["flows"][0].chunk(2)
    factor = network.initial.time_factor
    return {
        "y_stride4": clip[..., ::4, ::4],
        "y_crop": clip[:, ::factor, :, 96:160, 64:128],
        "mid_slomo": interpolated - interpolated.new_tensor(MEAN).view(3, 1, 1),
        "mid_alpha": seen["alpha"][0].unsqueeze(1),
        "mid_init_stride8": seen["initial"][0].transpose(1, 2)[..., ::8, ::8],
        "mid_data1_stride8": seen["data"][1][..., ::8, ::8],
        "mid_flows_forward_iter1": to_previous[: len(clip)].unsqueeze(1),
        "mid_iter1_stride8": seen["prior"][0].transpose(1, 2)[..., ::8, ::8],
        "blur_kernel": network.data_step.get_buffer("kernel")[0],
    }


CHECK = Check(
    build=build_davsr,
    translate=from_release,
    inputs={"x": ("B", "t", 3, "h", "w")},
    outputs=("y_stride4", "y_crop"),
    run=run,
)
