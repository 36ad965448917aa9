"""The authors' names of the weights in ours; both of their checkpoints, single-frame and multi-frame, have all."""

from collections.abc import Mapping

from torch import Tensor

from harness.networks.layers.key_map import BIDIRECTIONAL_LSTM, EASY_PCD, RESIDUAL
from harness.networks.layers.renaming import prefixed, renamed
from harness.networks.stinet.key_map import NEIGHBOURS, initialisation_from_alone, initialisation_from_release
from harness.networks.zooming_slow_mo.key_map import FRAME_BY_FRAME

_MODULATION = {
    f"TMB_{half}_l{k}.{theirs}": f"{name}.level_{k}.modulate.block.{ours}"
    for half, name in {"A": "first", "B": "second"}.items()
    for k in (1, 2, 3)
    for theirs, ours in {"f_process": "features", "t_process": "factors"}.items()
}
"""Of an alignment whose offset features are modulated."""

_LAYERS = {
    **FRAME_BY_FRAME,
    **prefixed(EASY_PCD, ours="interpolation"),
    **prefixed(_MODULATION, theirs="pcd_align", ours="interpolation.align"),
    **prefixed(NEIGHBOURS, ours="comparison"),
    **prefixed(BIDIRECTIONAL_LSTM, theirs="ConvBLSTM", ours="global_refinement.lstm"),
}


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `build_tmnet()`. Raises DataError for a foreign name."""
    return renamed(state, _LAYERS, parts=RESIDUAL)


def super_resolution_from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """STINet's S-SR file (`s-sr.pth`) as that part of the variant with HR features."""
    return {f"hr.{name}": value for name, value in initialisation_from_release(state).items()}


def super_resolution_from_alone(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state of `dbpn()`, S-SR trained by itself, as that part of the variant with HR features."""
    return {f"hr.{name}": value for name, value in initialisation_from_alone(state).items()}
