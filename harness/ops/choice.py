"""Operators with more than one implementation, and what the command line chooses (`--set ops.deform_conv=mmcv`).

A choice holds for the process. Compiled operators agree with ours to rounding, and rounding is a number: whoever
keeps numbers keeps `operator_versions` with them.
"""

from collections.abc import Mapping
from types import ModuleType

from harness.errors import UsageError
from harness.names import suggest
from harness.ops import deform_conv_backends

_OPERATORS: dict[str, ModuleType] = {"deform_conv": deform_conv_backends}
"""Operator -> module with `use_backend`, `backend_version` and `explain`."""


def choose_operators(choices: Mapping[str, object]) -> None:
    """Use these implementations from now on; operators that are not named stay as they are.

    Args:
        choices: operator to the name of a backend.

    Raises:
        UsageError: unknown operator or backend, with close names, or a backend that does not work here.
    """
    for operator, name in choices.items():
        if operator not in _OPERATORS:
            raise UsageError(f"No operator '{operator}' can be chosen.", todo=suggest(operator, _OPERATORS))
        if not isinstance(name, str):
            raise UsageError(
                f"--set ops.{operator} wants the name of a backend.",
                found=repr(name),
                todo=f"for example ops.{operator}=auto",
            )
        _OPERATORS[operator].use_backend(name)


def operator_versions() -> dict[str, str]:
    """What the numbers depend on beside the networks: operators in use that are not our own, as `mmcv-2.2.0`."""
    versions = {f"ops:{operator}": module.backend_version() for operator, module in _OPERATORS.items()}
    return {operator: version for operator, version in versions.items() if version}
