"""How TTVSR is checked: frames, flows and both ends of the walks against the authors' network."""

import torch
from torch import Tensor

from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.ttvsr.build import ttvsr
from harness.networks.ttvsr.key_map import from_release
from harness.networks.ttvsr.network import TTVSR
from harness.networks.ttvsr.trajectories import CELL

STAGES = {"cells": "walk.follow", "attended": "walk.attend"}
"""The modules whose outputs the reference has, of the last step of each walk; of features every 16th channel."""


def run(network: TTVSR, arrays: Arrays) -> dict[str, Tensor]:
    """The clip; flows, trajectories, what attention is given and what it gives, in part."""
    clip = arrays["lrs"]
    with watched(network, STAGES, inputs={"anchor": "walk.attend"}) as seen:
        upscaled = network(clip)
    to_next, to_previous = (flows.transpose(0, 1)[..., ::2, ::2] for flows in network.flows(clip.transpose(0, 1)))
    found = {"out_s3": upscaled[..., ::3, ::3], "flows_backward": to_next, "flows_forward": to_previous}
    steps = clip.shape[1] - 1
    for name, step in (("back", steps - 1), ("fwd", 2 * steps - 1)):
        found |= {
            f"ltam_{name}_last_location": locations(seen["cells"][step], columns=clip.shape[-1] // CELL),
            f"ltam_{name}_last_anchor": seen["anchor"][step][:, ::16, ::2, ::2],
            f"ltam_{name}_last_out": seen["attended"][step][:, ::16, ::2, ::2],
        }
    return found


def locations(cells: Tensor, *, columns: int) -> Tensor:
    """Trajectories (B, K, cells) as the reference has them: column and row for each key, (B, 2K, h / 4, w / 4)."""
    both = torch.stack((cells % columns, cells // columns), dim=2).flatten(1, 2)
    maps: Tensor = both.unflatten(2, (-1, columns)).float()
    return maps


CHECK = Check(
    build=ttvsr,
    translate=from_release,
    inputs={"lrs": ("B", "T", 3, "h", "w")},
    outputs=("out_s3",),
    run=run,
)
