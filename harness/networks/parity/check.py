"""What a network says about how it is checked; one `Check` in one file beside the network."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor, nn

from harness.errors import DataError

NetworkT = TypeVar("NetworkT", bound=nn.Module)
Arrays = Mapping[str, Tensor]


@dataclass(frozen=True)
class Check(Generic[NetworkT]):
    """How a network meets a reference.

    Args:
        build: the network, in the configuration of the reference.
        translate: the authors' state dict to ours.
        inputs: arrays that the reference must have, with their shapes: numbers, or letters that stand for the same
            length everywhere.
        outputs: arrays that the reference must have, whole or in part, and that `run` gives.
        run: network and inputs to outputs and known intermediates, each under its name in the reference.
        optional: inputs that a reference may have.
    """

    build: Callable[[], NetworkT]
    translate: Callable[[Arrays], Arrays]
    inputs: Mapping[str, tuple[int | str, ...]]
    outputs: tuple[str, ...]
    run: Callable[[NetworkT, Arrays], dict[str, Tensor]]
    optional: tuple[str, ...] = ()

    def given(self, arrays: Arrays) -> dict[str, Tensor]:
        """The inputs of a reference. Raises DataError for one that is missing or of another shape."""
        parts = {part_name(name)[0] for name in arrays}
        lacking = [name for name in self.inputs if name not in arrays]
        lacking += [name for name in self.outputs if name not in parts]
        if lacking:
            raise DataError(
                f"The reference should have the arrays {', '.join((*self.inputs, *self.outputs))}.",
                found=f"no {', '.join(lacking)}",
                todo="name the network that the reference was made for",
            )
        lengths: dict[str, int] = {}
        for name, wanted in self.inputs.items():
            shape = arrays[name].shape
            for letter, length in zip(wanted, shape, strict=False):
                if isinstance(letter, str):
                    lengths.setdefault(letter, length)
            if shape != tuple(lengths.get(part, -1) if isinstance(part, str) else part for part in wanted):
                known = ", ".join(f"{letter} = {length}" for letter, length in lengths.items())
                raise DataError(
                    f"The input '{name}' should be ({', '.join(map(str, wanted))}) with {known}.",
                    found=str(tuple(shape)),
                )
        return {name: arrays[name] for name in (*self.inputs, *self.optional) if name in arrays}

    def load(self, network: NetworkT, state: Arrays) -> None:
        """Give the network the authors' weights. Buffers may be missing: constants, and counters of training.

        Raises DataError when the key table gives entries that do not fit the network.
        """
        ours = self.translate(state)
        own = network.state_dict()
        wrong = [key for key in ours if key not in own or own[key].shape != ours[key].shape]
        wrong += [name for name, _ in network.named_parameters() if name not in ours]
        if wrong:
            more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            raise DataError(
                "The golden's weights should be all those of the network, in their shapes.",
                found=f"{', '.join(wrong[:5])}{more} do not fit",
                todo="name the network that the golden describes, or mend the network's key table",
            )
        network.load_state_dict(ours, strict=False)


def part_name(stored: str) -> tuple[str, int]:
    """The array that a reference stores, and its step: of `y@8` every eighth row and column of `y`, from the first.

    >>> part_name("y@8"), part_name("mid_blstm")
    (('y', 8), ('mid_blstm', 1))
    """
    name, _, step = stored.rpartition("@")
    return (name, int(step)) if name and step.isdecimal() and int(step) else (stored, 1)


@contextmanager
def watched(
    network: nn.Module, modules: Mapping[str, str], *, inputs: Mapping[str, str] | None = None
) -> Iterator[dict[str, list[Tensor]]]:
    """Everything that some modules return, call by call, as it was then: activations may work in place.

    Args:
        network: in which they lie.
        modules: paths of modules, by the names that they get here.
        inputs: the same of modules of which the first argument is wanted, not the result.
    """
    inputs = inputs or {}
    seen: dict[str, list[Tensor]] = {name: [] for name in (*modules, *inputs)}
    with ExitStack() as hooks:
        for name, path in modules.items():
            module = network.get_submodule(path)
            hooks.enter_context(
                module.register_forward_hook(lambda _module, _inputs, out, name=name: seen[name].append(out.clone()))
            )
        for name, path in inputs.items():
            module = network.get_submodule(path)
            hooks.enter_context(
                module.register_forward_pre_hook(
                    lambda _module, given, name=name: seen[name].append(given[0].clone())
                )
            )
        yield seen
