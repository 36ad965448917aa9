"""First weights, as STINet's release and DBPN draw them."""

import math

from torch import nn


def start_values(network: nn.Module) -> None:
    """Kaiming for convolutions, Xavier for linear layers (STINet's graph), no biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, gain=math.sqrt(2))
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
