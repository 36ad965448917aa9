"""How DBPN is checked: STINet's S-SR, with the RGB head of its pre-training, against the authors' network."""

from torch import Tensor

from harness.networks.dbpn import DBPN, dbpn
from harness.networks.parity.check import Arrays, Check, watched
from harness.networks.stinet.key_map import super_resolution_from_release

STAGES = {
    "feat1": "features.entry",
    "up1": "features.up.0",
    "up3": "features.up.2",
    "up5": "features.up.4",
    "down1": "features.down.0",
    "down2": "features.down.1",
}
"""The modules whose outputs the reference has, every sixteenth channel."""


def run(network: DBPN, arrays: Arrays) -> dict[str, Tensor]:
    """Features and frame, and what the stages return."""
    with watched(network, {**STAGES, "out": "features"}) as seen:
        rgb = network(arrays["x"])
    return {"out": seen["out"][0], "rgb": rgb, **{name: seen[name][0][:, ::16] for name in STAGES}}


CHECK = Check(
    build=dbpn,
    translate=super_resolution_from_release,
    inputs={"x": ("B", 3, "h", "w")},
    outputs=("out", "rgb"),
    run=run,
)
