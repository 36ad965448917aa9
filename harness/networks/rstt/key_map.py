"""The authors' names of the weights in ours, the same for RSTT-S, RSTT-M and RSTT-L."""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import PICTURE_LAYERS
from harness.networks.layers.renaming import prefixed, renamed

_LAYERS = {
    "input_proj.proj.0": "features.0",
    **{f"encoder_layers.{k}": f"encoders.{k}" for k in range(4)},
    **{f"downsample.{k}.conv.0": f"reduce.{k + 1}" for k in range(3)},
    **{f"decoder_layers.{k}": f"decoders.{k}" for k in range(4)},
    **{f"upsample.{k}.deconv.0": f"enlarge.{k + 1}" for k in range(3)},
    **prefixed(PICTURE_LAYERS, ours="tail"),
}

_BLOCK = {
    "norm1": "norm_1",
    "norm2": "norm_2",
    "norm3": "norm_3",
    "norm_kv": "norm_dictionary",
    "attn": "attention",
    "attn1": "self_attention",
    "attn2": "cross_attention",
    "q": "queries",
    "kv": "keys_and_values",
    "proj": "merge",
    "relative_position_bias_table": "bias_table",
    "mlp": "perceptron",
    "fc1": "0",
    "fc2": "2",
}
"""The parts of a block."""

_CONSTANT = "relative_position_index"
_DEAD = ("downsample.3.",)
"""A layer that the release keeps and never uses."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `build_rstt()` of its depth. Raises DataError for a foreign name."""
    weights = {key: value for key, value in state.items() if not key.endswith(f".{_CONSTANT}")}
    return renamed(weights, _LAYERS, parts=_BLOCK, dead=_DEAD)
