"""How SepConv is checked: the bare network, and the authors' padding around it."""

from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.sepconv import SepConv, from_release, interpolate, sepconv

STAGES = {
    "mid_conv5": ("features.down.2", 1),
    "mid_deconv2": ("features.up.3.look", 8),
    "mid_upsample2": ("features.up.3.enlarge", 8),
    "mid_vertical1": ("before.vertical", 5),
    "mid_horizontal1": ("before.horizontal", 5),
    "mid_vertical2": ("after.vertical", 5),
    "mid_horizontal2": ("after.horizontal", 5),
}
"""The modules whose outputs the reference has, and which of their channels: every how many."""


def run(network: SepConv, arrays: Arrays) -> dict[str, Tensor]:
    """The frame of the bare network with its stages, and frames of any size with both paddings."""
    with watched(network, {name: path for name, (path, _) in STAGES.items()}) as seen:
        made = network(arrays["net_one"], arrays["net_two"])
    before, after = (arrays[name].unsqueeze(0) for name in ("one", "two"))
    return {
        "net_out": made,
        "out_improved": interpolate(network, before, after).squeeze(0),
        "out_paper": interpolate(network, before, after, padding="paper").squeeze(0),
        **{name: seen[name][0][:, ::every] for name, (_, every) in STAGES.items()},
    }


CHECK = Check(
    build=sepconv,
    translate=from_release,
    inputs={"net_one": ("B", 3, "H", "W"), "net_two": ("B", 3, "H", "W"), "one": (3, "h", "w"), "two": (3, "h", "w")},
    outputs=("net_out", "out_improved", "out_paper"),
    run=run,
)
