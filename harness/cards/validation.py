"""Pydantic's findings in words: which key, what is wrong, what was probably meant."""

from collections.abc import Iterator
from types import UnionType
from typing import Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from harness.names import suggest

_PLAIN = {"bool_type": "bool", "int_type": "int", "float_type": "float", "string_type": "str"}


def explain(error: ValidationError, kind: type[BaseModel]) -> str:
    """All findings in one line; an unknown key comes with the closest known keys."""
    lines: list[str] = []
    for finding in error.errors():
        where = ".".join(str(part) for part in finding["loc"]) or "the card"
        if finding["type"] == "extra_forbidden":
            known = _fields_at(kind, finding["loc"][:-1])
            lines.append(f"unknown key '{where}'. {suggest(str(finding['loc'][-1]), known)}")
        elif finding["type"] == "missing":
            lines.append(f"the key '{where}' is missing")
        elif finding["type"] in _PLAIN and finding["loc"][-1] in _PLAIN.values():
            # Four findings for the four types that a plain value may have: one is enough.
            where = ".".join(str(part) for part in finding["loc"][:-1])
            line = f"{where}: should be true or false, a number or text (given: {finding['input']!r})"
            lines += [line] if line not in lines else []
        else:
            given = "" if isinstance(finding["input"], dict) else f" (given: {finding['input']!r})"
            lines.append(f"{where}: {finding['msg'].removeprefix('Value error, ')}{given}")
    return "; ".join(lines)


def _fields_at(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    models = [kind]
    for part in location:
        inner = [model.model_fields[str(part)].annotation for model in models if str(part) in model.model_fields]
        models = [model for annotation in inner for model in _models_in(annotation)] or models
    return [name for model in models for name in model.model_fields if name != "name"]


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (dict, tuple, list, Union, UnionType):
        for argument in get_args(annotation):
            yield from _models_in(argument)
