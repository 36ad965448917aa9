"""The authors' names of the weights in ours."""

from collections.abc import Mapping

from torch import Tensor

from harness.errors import DataError
from harness.networks.dain.pwc_net import CONTEXT, DENSE, FINEST, PYRAMID
from harness.networks.layers.key_map import RESIDUAL
from harness.networks.layers.renaming import renamed

_COARSEST = len(PYRAMID)


def _pyramid() -> dict[str, str]:
    table: dict[str, str] = {}
    for level in range(1, _COARSEST + 1):
        order = ("aa", "a", "b") if level == _COARSEST else ("a", "aa", "b")
        table |= {f"conv{level}{part}": f"pyramid.{level - 1}.{k}" for k, part in enumerate(order)}
    return table


def _level(level: int) -> dict[str, str]:
    ours = "coarsest" if level == _COARSEST else f"finer.{_COARSEST - 1 - level}"
    table = {f"conv{level}_{k}": f"{ours}.look.{k}" for k in range(len(DENSE))} | {
        f"predict_flow{level}": f"{ours}.flow"
    }
    if level < _COARSEST:  # what enlarges is named after the coarser level there
        table |= {f"deconv{level + 1}": f"{ours}.enlarge_flow", f"upfeat{level + 1}": f"{ours}.enlarge_features"}
    return table


_FLOW = {
    **_pyramid(),
    **{theirs: ours for level in range(FINEST, _COARSEST + 1) for theirs, ours in _level(level).items()},
    **{f"dc_conv{k}": f"context.{k - 1}" for k in range(1, len(CONTEXT) + 2)},
}

_LAYERS = {
    **{f"flownets.{theirs}": f"flow.{ours}" for theirs, ours in _FLOW.items()},
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
_UNUSED = ("flownets.deconv2.",)


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
