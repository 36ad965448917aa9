"""The authors' names of the weights in ours: their network's, and those of Super SloMo's separate file.

Nobody has released the first. A file of theirs would be what mmediting saves, {"state_dict": ...} with `generator.`
before every name; Super SloMo's is two state dicts, under `state_dictFC` and `state_dictAT`.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.davsr.build import PROPAGATIONS
from harness.networks.davsr.options import DAVSROptions
from harness.networks.davsr.slomo import LEVELS
from harness.networks.layers.key_map import RESIDUAL
from harness.networks.layers.renaming import prefixed, renamed
from harness.networks.spynet import KEY_MAP as SPYNET

STEP_SIZES = "step_sizes.layers"

_ALIGNMENT = {
    "": "deform",
    **{f"conv_offset.{index}": ours for index, ours in ((0, "compare.layer"), (2, "hidden.1"), (4, "hidden.3"))},
    "conv_offset.6": "offsets_and_mask",
}


def _blocks(theirs: str, entry: str, blocks: str) -> dict[str, str]:
    """A convolution and residual blocks behind it."""
    return {f"{theirs}.main.0": entry, f"{theirs}.main.2": blocks}


_PRIOR = {
    **prefixed(SPYNET, theirs="spynet", ours="flow"),
    "feat_extract.0": "features.0",
    "feat_extract.2": "features.2",
    **_blocks("feat_extract.4", "features.4", "features.6"),
    **{
        theirs: ours
        for k, name in enumerate(PROPAGATIONS)
        for theirs, ours in {
            **prefixed(_ALIGNMENT, theirs=f"deform_align.{name}", ours=f"propagations.{k}.align"),
            **_blocks(f"backbone.{name}", f"propagations.{k}.entry.layer", f"propagations.{k}.blocks.1"),
        }.items()
    },
    **_blocks("reconstruction", "fuse.0", "fuse.2"),
    "upsample1.upsample_conv": "tail.0",
    "upsample2.upsample_conv": "tail.3",
    "conv_hr": "tail.6",
    "conv_last": "tail.8",
}

_UNET = {
    "conv1": "entry.0",
    "conv2": "entry.2",
    **{f"down{k + 1}.conv1": f"down.{k}.1" for k in range(LEVELS)},
    **{f"down{k + 1}.conv2": f"down.{k}.3" for k in range(LEVELS)},
    **{f"up{k + 1}.conv1": f"up.{k}.first.0" for k in range(LEVELS)},
    **{f"up{k + 1}.conv2": f"up.{k}.second.0" for k in range(LEVELS)},
    "conv3": "last.0",
}

_LAYERS = {
    **{f"generator.h.mlp.{index}": f"{STEP_SIZES}.{index}" for index in (0, 2, 4)},
    **prefixed(_PRIOR, theirs="generator.vsr", ours="prior"),
    **prefixed(_UNET, theirs="state_dictFC", ours="initial.interpolate.flow"),
    **prefixed(_UNET, theirs="state_dictAT", ours="initial.interpolate.correction"),
}
"""Every layer, or block of layers, that takes part in the output."""

_DEAD = ("generator.p.", "step_counter")
"""A denoiser that the release never calls, 71,664 parameters, and a counter of its training."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' names as ours, of their network, of Super SloMo, or of both. Raises DataError for a foreign name.

    Of the six numbers that their last layer of step sizes predicts, the release reads the first three.
    """
    ours = renamed(state, _LAYERS, parts=RESIDUAL, dead=_DEAD)
    for name in [name for name in ours if name.startswith(STEP_SIZES)]:
        ours[name] = ours[name].flatten(1) if ours[name].ndim > 1 else ours[name]  # 1x1x1 convolutions: linear layers
    for name in (f"{STEP_SIZES}.4.weight", f"{STEP_SIZES}.4.bias"):
        if name in ours:
            ours[name] = ours[name][: DAVSROptions().iterations]
    return ours
