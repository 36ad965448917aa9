"""The authors' names of the weights in ours."""

from collections.abc import Mapping

from torch import Tensor

from harness.errors import DataError
from harness.networks.layers.key_map import RESIDUAL
from harness.networks.layers.pwc import DEAD
from harness.networks.layers.pwc import KEY_MAP as FLOW
from harness.networks.layers.renaming import prefixed, renamed

_LAYERS = {
    **prefixed(FLOW, theirs="flownets", ours="flow"),
    **{f"depthNet.{k}": f"depth.{k}" for k in (0, 1, 4)},
    # Each of the four pairs has a module around it there.
    "depthNet.3.0": "depth.3",
    "depthNet.3.0.0.3.0": "depth.3.0.3",
    "depthNet.3.0.0.3.0.0.3.0": "depth.3.0.3.0.3",
    "depthNet.3.0.0.3.0.0.3.0.1.3.0": "depth.3.0.3.0.3.1.3",
    "ctxNet.block1": "context.entry",
    "ctxNet.block2": "context.further.0",
    "ctxNet.block3": "context.further.1",
    "initScaleNets_filter.0": "filter_features.entry.0.0",
    "initScaleNets_filter.2": "filter_features.entry.1.0",
    **{f"initScaleNets_filter.{5 + 3 * k}": f"filter_features.down.{k}.1.0" for k in range(5)},
    **{f"initScaleNets_filter.{20 + 3 * k}": f"filter_features.up.{k}.look.0" for k in range(5)},
    "initScaleNets_filter1": "filter_heads.0",
    "initScaleNets_filter2": "filter_heads.1",
    "rectifyNet.block1.0": "rectify.0",
    **{f"rectifyNet.block{k}": f"rectify.{k}" for k in (2, 3, 4)},
    "rectifyNet.block5.0": "rectify.5",
}

_PARTS = tuple(f"{name}." for name in {layer.partition(".")[0] for layer in _LAYERS})
_UNUSED = tuple(f"flownets.{name}" for name in DEAD)


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `build_dain()`.

    Their loader passes over what belongs to none of the network's parts, and so does this.

    Raises:
        DataError: a foreign name in one of the parts, or nothing of them.
    """
    names = {key.removeprefix("module."): value for key, value in state.items()}
    own = {name: value for name, value in names.items() if name.startswith(_PARTS)}
    if not own:
        raise DataError(
            "The weights should be those of DAIN.",
            found=f"none of its parts; {', '.join([*names][:3])}",
            todo="pass the released checkpoint; weights that this program saved need no translation",
        )
    return renamed(own, _LAYERS, parts=RESIDUAL, dead=_UNUSED)
