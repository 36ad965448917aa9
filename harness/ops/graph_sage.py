"""GraphSAGE's mean aggregation as a dense matrix product.

Source: W. Hamilton, R. Ying, J. Leskovec, "Inductive Representation Learning on Large Graphs", 2017, Eq. 2, the
aggregator that libraries call "gcn": a node's new feature comes from the mean of its neighbourhood, itself included,

    z'_v = W (z_v + sum_u a_vu z_u) / (1 + sum_u a_vu) + b

over the edges u to v of weight a_vu. For the few nodes of a clip a matrix product is all that is needed.
"""

import torch
from torch import Tensor

from harness.errors import DataError


def neighbourhood_mean(edges: Tensor) -> Tensor:
    """The matrix that takes the mean over every node's neighbourhood, itself included, with weight 1.

    Args:
        edges: (..., V, V), not negative: the weight of the message from node u to node v in row v, column u.

    Returns:
        (..., V, V), rows sum to 1; times nodes (..., V, C) it gives the means.

    Raises:
        DataError: the matrix is not square.

    >>> neighbourhood_mean(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[0.5000, 0.5000],
            [0.0000, 1.0000]])
    """
    if edges.ndim < 2 or edges.shape[-1] != edges.shape[-2]:
        raise DataError("The edges of a graph are a square matrix (..., V, V).", found=f"shape {tuple(edges.shape)}")
    with_self = edges + torch.eye(edges.shape[-1], device=edges.device, dtype=edges.dtype)
    return with_self / with_self.sum(dim=-1, keepdim=True)
