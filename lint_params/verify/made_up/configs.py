"""Objects of configuration classes, large ones with few layers and narrow. Child only."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lint_params.verify.made_up.calls import brief, signature, spelled, text_of

_NAME = re.compile(r".*(Config|Configuration|Cfg|Args|Arguments|Params|Options|Hparams|Settings)")
_WIDTH = re.compile(r".*(hidden|dim|embd|embed|width|d_model).*")
_LAYERS = re.compile(r".*(layers?|depths?|blocks?|stages?|repeats?)")
_HEADS = re.compile(r".*heads?")
_VOCABULARY = re.compile(r".*(vocab|num_embeddings).*")
_IDENTIFIER = re.compile(r".*_(id|index|idx)")
_LENGTH = re.compile(r".*(position|length|seq_len|context|max_len|block_size|n_ctx).*")
_PICTURE = re.compile(r".*(image|img|input)_?(size|res|resolution)|resolution")
#: Widths from here on are divided by ``_NARROWER``: what divides them still does.
_WIDE, _NARROWER = 128, 16
#: A configuration of more parameters than this is made small.
_HEAVY = 3e7
#: Made small, a vocabulary has so many words.
_WORDS = 99


def is_config(kind: Any) -> bool:
    return isinstance(kind, type) and bool(_NAME.fullmatch(kind.__name__))


def shrunk(name: str, value: Any, others: Mapping[str, Any] | None = None) -> Any:
    """A default value made small, as far as its name says what it counts."""
    name = name.lower()
    if isinstance(value, (list, tuple)) and value and all(type(v) is int for v in value):
        return type(value)(min(v, 2) for v in value) if _LAYERS.fullmatch(name) else value
    if type(value) is not int:
        return value
    if _LAYERS.fullmatch(name):
        return min(value, 2)
    if _HEADS.fullmatch(name):
        return min(value, 2 if re.search("kv|key_value", name) else 4)
    if _VOCABULARY.fullmatch(name):
        return min(value, _WORDS)
    if _IDENTIFIER.fullmatch(name):
        return value if value < _WORDS else 3
    if _PICTURE.fullmatch(name):
        patch = (others or {}).get("patch_size")
        return min(value, 2 * patch if type(patch) is int and patch > 8 else 32)
    if _LENGTH.fullmatch(name):
        return min(value, 64)
    if "expert" in name:
        return min(value, 4)
    return value // _NARROWER if value >= _WIDE and value % _NARROWER == 0 else value


def thin(parameters: Iterable[inspect.Parameter]) -> dict[str, Any]:
    """Smaller values for the parameters whose defaults make something large."""
    known = [p for p in parameters if p.default is not p.empty]
    defaults = {p.name: p.default for p in known}
    small = {p.name: shrunk(p.name, p.default, defaults) for p in known}
    return {name: value for name, value in small.items() if value != defaults[name]}


def made(
    kind: type, made_up: Callable[[inspect.Parameter], Any], thinned: bool = False, depth: int = 0
) -> Any:
    """An object of a configuration class; ``made_up`` gives what has no default.

    The class's own sizes stay where a model of them is quickly built.
    """
    found = signature(kind)
    parameters = list(found.parameters.values()) if found is not None else []
    words = {
        param.name: made_up(param)
        for param in parameters
        if param.kind not in (param.VAR_POSITIONAL, param.VAR_KEYWORD)
        and param.default is param.empty
    }
    whole = _built(kind, words)
    if thinned or _weight(whole) > _HEAVY:
        with contextlib.suppress(Exception):  # a check that smaller values do not pass
            whole = _thinned(kind, words, parameters, made_up, depth)
    # Transformers leaves this to the outermost model, without which its layers do not run.
    if getattr(whole, "_attn_implementation", "") is None:
        whole._attn_implementation = "eager"
        known = brief(whole)[:-1].partition("(")[2]
        spelled(whole, ", ".join(filter(None, [known, 'attn_implementation="eager"'])))
    return whole


def _built(kind: type, words: dict[str, Any]) -> Any:
    return spelled(kind(**words), text_of((), words))


def _thinned(
    kind: type,
    words: dict[str, Any],
    parameters: list[inspect.Parameter],
    made_up: Callable[[inspect.Parameter], Any],
    depth: int,
) -> Any:
    words = {**thin(parameters), **words}
    whole = _built(kind, words)
    names = {param.name for param in parameters}
    inner = {
        name: made(type(value), made_up, True, depth + 1)
        for name, value in _fields(whole).items()
        if depth < 3 and is_config(type(value)) and name in names
    }
    return _with(kind, words, inner, whole) if inner else whole


def _weight(whole: Any) -> float:
    """About how many parameters a model of this configuration has."""
    fields = {name.lower(): value for name, value in _fields(whole).items()}
    inner = sum(_weight(value) for value in fields.values() if is_config(type(value)))
    sizes = {name: value for name, value in fields.items() if type(value) is int}
    width = max((v for n, v in sizes.items() if _WIDTH.fullmatch(n)), default=0)
    layers = max((v for n, v in sizes.items() if _LAYERS.fullmatch(n)), default=1)
    words = max((v for n, v in sizes.items() if _VOCABULARY.fullmatch(n)), default=0)
    return 12.0 * layers * width**2 + words * width + inner


def _fields(whole: Any) -> dict[str, Any]:
    return dict(vars(whole)) if hasattr(whole, "__dict__") else {}


def _with(kind: type, words: dict[str, Any], inner: dict[str, Any], whole: Any) -> Any:
    """The same with smaller configurations inside, in the form that the class takes them."""
    plain = {name: _as_dict(value) for name, value in inner.items()}
    for form in (inner, plain):
        try:
            return _built(kind, {**words, **form})
        except Exception:
            continue
    return whole


def _as_dict(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return dict(_fields(value))
