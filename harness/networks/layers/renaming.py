"""How the authors' names of weights become ours: by a table of layers.

A released checkpoint is a plain state dict, saved with or without DataParallel's `module.` prefix.
"""

from collections.abc import Mapping

from torch import Tensor

from harness.errors import DataError


def renamed(
    state: Mapping[str, Tensor],
    layers: Mapping[str, str],
    *,
    parts: Mapping[str, str] | None = None,
    dead: tuple[str, ...] = (),
) -> dict[str, Tensor]:
    """The authors' checkpoint under our names.

    Args:
        state: the checkpoint.
        layers: the authors' layer, or block of layers, to ours. The longest one that a name begins with counts.
        parts: what is left of a name, word by word, such as the layers of a block; `weight` and `bias` are alike.
        dead: beginnings of names of layers that the release keeps and never uses.

    Raises:
        DataError: a name begins with no known layer.
    """
    names = {key: key.removeprefix("module.") for key in state}
    return {
        _rename(name, layers, parts or {}): state[key] for key, name in names.items() if not name.startswith(dead)
    }


def prefixed(layers: Mapping[str, str], *, theirs: str = "", ours: str = "") -> dict[str, str]:
    """The table of a part as it stands inside of a larger one.

    Args:
        layers: the part's table.
        theirs: what the part is called in the authors' network; empty where its layers stand free.
        ours: what it is called in ours.

    >>> prefixed({"conv1": "first"}, theirs="body.0", ours="block")
    {'body.0.conv1': 'block.first'}
    """
    return {_dotted(theirs, layer): _dotted(ours, name) for layer, name in layers.items()}


def _dotted(*words: str) -> str:
    return ".".join(word for word in words if word)


def _rename(name: str, layers: Mapping[str, str], parts: Mapping[str, str]) -> str:
    head = name
    while head not in layers:
        head, dot, _ = head.rpartition(".")
        if not dot:
            raise DataError(
                "The weights should be those of the authors' network.",
                found=f"an unknown name, {name}",
                todo="pass the released checkpoint; weights that this program saved need no translation",
            )
    tail = name[len(head) + 1 :].split(".")
    return _dotted(layers[head], *(parts.get(word, word) for word in tail))
