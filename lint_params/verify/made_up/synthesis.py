"""Makes up values for arguments from annotations, names and how the body uses them.

Every width that is made up is distinct from the others (equal sizes hide a transposition) and
a multiple of 8 (heads and groups divide it). Child only.
"""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import ast
import contextlib
import dataclasses
import inspect
import os
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock

import torch
from torch import nn

from lint_params.verify.made_up import configs, naming, where
from lint_params.verify.made_up.calls import Call, brief, signature, spelled, text_of
from lint_params.verify.made_up.hints import Hints
from lint_params.verify.made_up.source_facts import FileView


@dataclass
class Synthesis:
    """Makes values up; remembers which widths are taken."""

    view: FileView
    made: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    depth: int = 0
    thin: bool = False  # defaults that make something large are made small
    target: Any = None  # what is called

    def width(self) -> int:
        taken = (
            set(self.made.values())
            if all(_plain(v) for v in self.made.values())
            else {v for v in self.made.values() if _plain(v)}
        )
        return next((size for size in naming.LADDER if size not in taken), 160)

    def parameter(self, name: str, annotation: Any, hints: Hints | None) -> Any:
        if name in self.overrides:
            return self.overrides[name]
        if name not in self.made:
            self.made[name] = self._parameter(name, annotation, hints)
        return self.made[name]

    def named(self, name: str) -> Any:
        """A value for a bare name (a key of a config, an argument at a call site)."""
        return self.parameter(name, inspect.Parameter.empty, None)

    def _parameter(self, name: str, annotation: Any, hints: Hints | None) -> Any:
        lowered = name.lower().strip("_")
        annotated = self._annotated(annotation, lowered, hints)
        if annotated is not _NOTHING:
            return annotated
        if lowered in ("optimizer", "optim", "opt"):
            made = torch.optim.SGD(nn.Linear(24, 16).parameters(), lr=0.01)
            return spelled(made, "nn.Linear(24, 16).parameters(), lr=0.01")
        if hints is not None:
            if hints.choices:
                return hints.choices[0]
            own = self._own_config(lowered, hints)
            if own is not None:
                return own
            if hints.attributes & naming.OF_MAPPINGS and not hints.keys and not naming.CONFIG.fullmatch(lowered):
                return dict(zip(("first", "second"), self.several(lowered, hints)))
            if hints.keys or (naming.CONFIG.fullmatch(lowered) and hints.attributes):
                return self.config(hints)
            if hints.attributes & naming.OF_MODULES:
                return self.model(lowered, nn.Linear(24, 16))
            if hints.attributes & naming.OF_TEXTS:
                return lowered
            if hints.attributes & naming.OF_ARRAYS:
                return torch.randn(5, self.width()).numpy()
            if hints.attributes & naming.OF_TENSORS:
                return torch.randn(5, self.width())
            run = hints.called or hints.run or naming.MODEL.fullmatch(lowered)
            if hints.attributes - naming.OF_LISTS and not run:
                return self.config(hints)
        if lowered in ("criterion", "loss_fn", "loss", "loss_func"):
            return nn.CrossEntropyLoss()
        number = hints is not None and hints.sized and not (hints.called or hints.run)
        if naming.CALLABLE.fullmatch(lowered) and not naming.OF_MODEL.match(lowered) and not number:
            return nn.ReLU if hints is not None and hints.called else nn.ReLU()
        if naming.NORM.fullmatch(lowered):
            return nn.Identity() if hints is not None and hints.run else nn.LayerNorm
        if hints is not None and hints.call is not None:
            return self.block(lowered, hints.call)
        if hints is not None and hints.run and not hints.called:
            return self.model(lowered)
        several = hints is not None and (hints.indexed or hints.iterated)
        listed = naming.LIST.fullmatch(lowered) and not naming.OF_MODEL.match(lowered)
        if several or listed and not number:
            return self.several(lowered, hints)
        if lowered == "device":
            return where.device_name()
        for pattern, value in naming.NAMED:
            if pattern.fullmatch(lowered):
                return value
        if lowered.startswith(("use_", "with_", "is_", "has_", "enable_", "return_")):
            return False
        if lowered in ("mean", "means"):
            return [0.485, 0.456, 0.406]
        if lowered in ("std", "stds"):
            return [0.229, 0.224, 0.225]
        model = naming.MODEL.fullmatch(lowered) and not naming.OF_MODEL.match(lowered)
        if model and not number and lowered != "fn":
            return self.model(lowered)
        if naming.WIDTH.fullmatch(lowered):
            return self.width()
        return self.width()

    def _annotated(self, annotation: Any, name: str, hints: Hints | None) -> Any:
        if annotation is inspect.Parameter.empty or annotation is Any:
            return _NOTHING
        if isinstance(annotation, str):
            try:
                annotation = eval(annotation, dict(vars(self.view.module)))
            except Exception:
                return _NOTHING
        origin = typing.get_origin(annotation)
        inner = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
        if origin is typing.Literal:
            return inner[0]
        if type(None) in typing.get_args(annotation):
            return self._annotated(inner[0], name, hints) if inner else None
        if origin in (typing.Union, types.UnionType):
            return self._annotated(inner[0], name, hints)
        if origin is type and inner and isinstance(inner[0], type) and inner[0] is not nn.Module:
            return inner[0]
        if annotation is bool:
            return False
        if annotation is int:
            number = next((v for p, v in naming.NAMED if p.fullmatch(name)), None)
            return number if type(number) is int else self.width()
        if annotation is float:
            return next((v for p, v in naming.NAMED if p.fullmatch(name)), 0.5)
        if annotation is str:
            return hints.choices[0] if hints is not None and hints.choices else name
        if annotation is torch.Tensor:
            return torch.randn(5, 7)
        if annotation is torch.device:
            return torch.device(where.device_name())
        if origin in (list, tuple) or annotation in (list, tuple) or _is_sequence(origin):
            if origin is tuple and inner and ... not in inner:
                made = [self._annotated(kind, name, hints) for kind in inner]
                sizes = self.several(name, hints)
                return tuple(
                    sizes[i % len(sizes)] if value is _NOTHING else value
                    for i, value in enumerate(made)
                )
            if inner and inner[0] in (float, str, bool):
                return [self._annotated(inner[0], name, hints)] * 2
            return self.several(name, hints)
        if isinstance(annotation, type):
            if issubclass(annotation, nn.Module):
                if hints is not None and hints.called and annotation is not nn.Module:
                    return annotation  # the class, although the annotation says its object
                return self.model(name) if annotation is nn.Module else self._module(annotation)
            if configs.is_config(annotation):
                return self._configured(annotation)
            if dataclasses.is_dataclass(annotation) or (
                annotation.__module__ == self.view.module.__name__ and annotation is not int
            ):
                return self.instance(annotation)
        if annotation is dict or origin is dict:
            return self.config(hints) if hints is not None else {}
        return _NOTHING

    def several(self, name: str, hints: Hints | None) -> Any:
        if name.startswith(("skip",)):
            return (1,)
        if any(word in name for word in ("layer", "depth", "block", "repeat")) and not any(
            word in name for word in ("size", "dim", "hidden", "width")
        ):
            return [2] * max(4, hints.index if hints is not None else 0)
        if "kernel" in name or "filter_size" in name:
            return [3, 3]
        if "stride" in name:
            return [1, 2]
        first = self.width()
        many = [size for size in naming.LADDER if size >= first] + list(naming.LADDER)
        count = max(2, hints.index if hints is not None else 0, hints.unpacked if hints else 0)
        return [many[i] for i in range(count)]

    def config(self, hints: Hints) -> Auto:
        auto = Auto(self, hints)
        for key, default in hints.keys.items():
            try:
                auto[key] = self.held(key, hints) if default is None else ast.literal_eval(default)
            except ValueError:
                auto[key] = self.held(key, hints)
        for key in sorted(hints.attributes):
            if not hasattr(dict, key):
                auto[key] = self.held(key, hints)
        return auto

    def held(self, key: str, hints: Hints) -> Any:
        """What an object holds under a name, by how the body uses that."""
        if key in hints.results:
            return answering(hints.results[key])
        inner = hints.inner(key)
        return None if inner.optional else self.parameter(key, inspect.Parameter.empty, inner)

    def _configured(self, kind: type) -> Any:
        """An object of a configuration class."""

        def made_up(param: inspect.Parameter) -> Any:
            return self.parameter(param.name, param.annotation, None)

        return configs.made(kind, made_up, self.thin)

    def _own_config(self, name: str, hints: Hints) -> Any:
        """A configuration of a class of the file that has what the body asks of it."""
        if not naming.CONFIG.fullmatch(name):
            return None
        own = getattr(self.target, "config_class", None)
        called = getattr(self.target, "__name__", "")
        kinds = [kind for kind in vars(self.view.module).values() if configs.is_config(kind)]
        kinds.sort(key=lambda kind: -len(os.path.commonprefix([kind.__name__, called])))
        for kind in ([own] if isinstance(own, type) else []) + kinds:
            akin = kind is own or len(os.path.commonprefix([kind.__name__, called])) > 2
            with contextlib.suppress(Exception):
                made = self._configured(kind) if hints.attributes or akin else None
                if made is not None and all(hasattr(made, each) for each in hints.attributes):
                    return made
        return None

    def instance(self, kind: type) -> Any:
        """An object of a class, its own arguments made up where it has no default."""
        if self.depth > 3:
            raise ValueError(f"{kind.__name__} needs too much")
        deeper = Synthesis(self.view, self.made, self.overrides, self.depth + 1)
        call = synthesised(kind, deeper)
        return spelled(kind(*call.args, **call.kwargs), call.text)

    def _module(self, kind: type) -> nn.Module:
        try:
            return typing.cast("nn.Module", self.instance(kind))
        except Exception:
            return nn.Identity()

    def model(self, name: str, other: nn.Module | None = None) -> nn.Module:
        """A Module of the file with a matching name, else ``other``, else one that passes its input on."""
        for kind in self._modules():
            if kind.__name__.lower() == name.lower():
                return self._module(kind)
        return nn.Identity() if other is None else other

    def block(self, name: str, call: ast.Call | None = None) -> Any:
        """A Module class of the file that looks like a block, else ReLU; or what can be called so."""
        kinds = self._modules()
        for kind in kinds:
            lowered = kind.__name__.lower()
            if (name in lowered or "block" in lowered or "bottleneck" in lowered) and _takes(kind, call):
                return kind
        return maker(call) if call is not None and (len(call.args) > 1 or call.keywords) else nn.ReLU

    def _modules(self) -> list[type]:
        home = self.view.module.__name__
        return [
            kind
            for kind in vars(self.view.module).values()
            if isinstance(kind, type) and issubclass(kind, nn.Module) and kind.__module__ == home
        ]


class Auto(dict[str, Any]):
    """A config that has whatever is asked of it, as attribute and as key."""

    def __init__(self, synthesis: Synthesis, hints: Hints) -> None:
        super().__init__()
        self.__dict__["_synthesis"] = synthesis
        self.__dict__["_hints"] = hints

    def __missing__(self, key: str) -> Any:
        self[key] = self._synthesis.held(key, self._hints)
        return self[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __deepcopy__(self, memo: Any) -> Auto:
        copy = Auto(self._synthesis, self._hints)
        copy.update(self)
        return copy

    def source(self) -> str:
        """As a person would write it: with attributes, or with keys."""
        if self._hints.keys or not self:
            return ""
        return f"SimpleNamespace({text_of((), self)})"


def answering(names: list[str]) -> Any:
    """A method that gives data, as many tensors as are taken."""
    answer = tuple(torch.randn(5, 1) for _ in names) if names else torch.randn(5, 1)
    return spelled(Mock(return_value=answer), f"return_value={brief(answer)}")


def maker(call: ast.Call) -> Any:
    """A function that makes a layer and can be called like this."""
    words = [chr(ord("a") + place) for place in range(len(call.args))]
    words += [word.arg for word in call.keywords if word.arg]
    first, last = (words[0], words[-1]) if len(words) > 1 else (24, words[0])
    text = f"lambda {', '.join(words)}: nn.Linear({first}, {last})"
    return spelled(eval(text, {"nn": nn}), text)


def _takes(kind: type, call: ast.Call | None) -> bool:
    found = signature(kind)
    if found is None or call is None or any(isinstance(arg, ast.Starred) for arg in call.args):
        return True
    try:
        found.bind(*call.args, **{word.arg: word for word in call.keywords if word.arg})
    except TypeError:
        return False
    return True


class _Nothing:
    pass


_NOTHING = _Nothing()


def _plain(value: Any) -> bool:
    return isinstance(value, (int, float, str, type(None)))


def _is_sequence(origin: Any) -> bool:
    return isinstance(origin, type) and origin.__name__ in ("Sequence", "Iterable", "Collection")


def synthesised(
    target: Callable[..., Any] | type, synthesis: Synthesis, every: bool = False
) -> Call:
    """A call with a made-up value for each parameter that has no default."""
    found = signature(target)
    kwargs: dict[str, Any] = {}
    args: list[Any] = []
    if found is not None:
        name = getattr(target, "__qualname__", "")
        node = synthesis.view.find(name) if "<locals>" not in name else None
        hints_at: dict[str, Any] = {}
        synthesis.target = synthesis.target or target
        try:
            resolved = typing.get_type_hints(
                target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
            )
        except Exception:
            resolved = hints_at
        thin = configs.thin(found.parameters.values()) if synthesis.thin else {}
        for param in found.parameters.values():
            if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
                continue
            if param.default is not param.empty:
                given = {**thin, **synthesis.overrides}
                if param.name in given:
                    kwargs[param.name] = given[param.name]
                continue
            hints = synthesis.view.hints(node, param.name) if node is not None else None
            value = synthesis.parameter(
                param.name, resolved.get(param.name, param.annotation), hints
            )
            if param.kind is param.POSITIONAL_ONLY:
                args.append(value)
            else:
                kwargs[param.name] = value
    origin = "synthesised" if args or kwargs else "defaults"
    return Call(tuple(args), kwargs, origin, text_of(args, kwargs))
