"""First weights, as STINet's release and DBPN draw them."""

import math

import torch
from torch import nn


def start_values(network: nn.Module, *, scale: float = 1.0) -> None:
    """Kaiming for convolutions, Xavier for linear layers (STINet's graph), no biases.

    Args:
        network: whose layers get them.
        scale: of the convolutions' weights; networks of many residual blocks start small.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight)
            with torch.no_grad():
                module.weight.mul_(scale)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, gain=math.sqrt(2))
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
