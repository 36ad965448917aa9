"""How much memory a temporary tensor of an operator may take: what is larger is made in parts."""

from torch import Tensor

# Larger blocks of CPU memory are given back to the system by glibc, and fetched anew page by page: 40 % slower.
CPU_LIMIT = 32 * 2**20
LIMIT = 256 * 2**20


def most_elements(like: Tensor) -> int:
    """How many numbers of the precision, and on the device, of a tensor may be alive at once."""
    return (CPU_LIMIT if like.device.type == "cpu" else LIMIT) // like.element_size()
