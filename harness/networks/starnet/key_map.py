"""The authors' names of the weights in ours.

Their files are plain state dicts, saved with DataParallel's `module.` prefix.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.renaming import prefixed, renamed
from harness.networks.rbpn import BLOCK
from harness.networks.rbpn import KEY_MAP as RBPN
from harness.networks.starnet.flow_refinement import LEVELS

_BLOCKS = 5


def _chain(theirs: str, ours: str, *, count: int, last: str, start: int = 0) -> dict[str, str]:
    """Residual blocks, from index `start` of ours, and the convolution behind them."""
    chain = {f"{theirs}.{k}": f"{ours}.{k + start}" for k in range(count)}
    return {**chain, f"{theirs}.{count}.{last}": f"{ours}.{count + start}" + (".0" if last == "deconv" else "")}


_SIZES = {"l1": "fine", "l2": "middle", "l3": "coarse"}
_PYRAMID = {
    **{f"{size}_{k}": f"{ours}.{k - 1}" for size, ours in _SIZES.items() for k in range(1, 6)},
    "down1.conv": "fine_to_middle.0",
    "down2.conv": "middle_to_coarse.0",
    "up1.deconv": "middle_to_fine.0",
    "up2.deconv": "coarse_to_middle.0",
    "final.conv": "last.0",
}

_MODEL = {
    **prefixed(RBPN, theirs="RBPN", ours="super_resolution"),
    "motion_feat.conv": "motion.0",
    **_chain("motion", "motion", count=2, last="conv", start=2),
    **{f"motion_down.{k}": f"reduce.{k}" for k in (0, 1)},
    "motion_down.2.conv": "reduce.2.0",
    **_chain("interp_block", "interpolation.first", count=_BLOCKS, last="deconv"),
    "t_net_hr.0.conv": "interpolation.hr_correction.0",
    **prefixed(_PYRAMID, theirs="t_net_hr.1", ours="interpolation.hr_correction.2"),
    "t_net_hr.2.conv": "interpolation.hr_correction.3",
    **_chain("t_net_lr", "interpolation.lr_correction", count=2, last="conv"),
    **_chain("motion_up_f", "refinement.forwards", count=_BLOCKS, last="deconv"),
    **_chain("motion_up_b", "refinement.backwards", count=_BLOCKS, last="deconv"),
    "reconstruction_h.conv": "hr_head",
    "reconstruction_l.conv": "lr_head",
}

_FLOW_NET = {
    "inc.conv.conv": "entry",
    **{f"down{k + 1}.mpconv.1.conv": f"down.{k}.1" for k in range(LEVELS)},
    **{f"up{k + 1}.conv.conv": f"up.{k}.look" for k in range(LEVELS)},
    "outc.conv": "last.0",
}

_LAYERS = {
    **prefixed(_MODEL, theirs="model"),
    **prefixed(_FLOW_NET, theirs="flow_net", ours="flow_refinement.unet"),
}
"""Every layer, or block of layers, of the release's network that takes part in its output."""

DEAD = ("model.RBPN.res_feat3.",)
"""RBPN's decoder, 1,418,118 parameters: with a single neighbour the release never uses its result."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `build_starnet()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, parts=BLOCK, dead=DEAD)
