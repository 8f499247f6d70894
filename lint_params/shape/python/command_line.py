"""argparse: what a script gets when nobody gives it arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lint_params.shape.sizes.dim import symbol
from lint_params.shape.value import Dict, External, Flag, Native, Parser, Seq, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.python import external


@external("argparse.ArgumentParser")
def _parser(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return Parser() if "parents" not in kwargs else Unknown("a parser with parents")


def parser_method(it: Interpreter, owner: Parser, name: str) -> Value:
    """The bound method ``owner.name``."""

    def call(args: list[Value], kwargs: dict[str, Value]) -> Value:
        if name == "add_argument":
            _add(it, owner, args, kwargs)
        elif name == "set_defaults":
            for key, value in kwargs.items():
                it.ctx.write(owner.options, key, value)
        elif name in ("add_argument_group", "add_mutually_exclusive_group"):
            return owner
        elif name in ("parse_args", "parse_known_args"):
            found = _parsed(owner, args[0] if args else kwargs.get("args"))
            return found if name == "parse_args" else Seq([found, Unknown("arguments")], "tuple")
        else:
            return Unknown("method of a parser")
        return None

    return Native(name, call)


def _parsed(owner: Parser, given: Value) -> Value:
    if isinstance(given, Seq) and given.items:
        return Unknown("arguments given in the code")
    return Dict(dict(owner.options), open=True)


def _add(it: Interpreter, owner: Parser, args: list[Value], kwargs: dict[str, Value]) -> None:
    names = [a for a in args if isinstance(a, str)]
    best = next((n for n in names if n.startswith("--")), names[0] if names else "")
    name = kwargs.get("dest", best.lstrip("-").replace("-", "_"))
    if isinstance(name, str) and name:
        it.ctx.write(owner.options, name, _default(name, best, kwargs))


def _default(name: str, option: str, kwargs: dict[str, Value]) -> Value:
    kind = kwargs.get("type")
    number = isinstance(kind, External) and kind.name == "builtins.int"
    if "action" in kwargs:
        return Flag(name)
    if "default" not in kwargs:
        needed = not option.startswith("-") or kwargs.get("required") is True
        if not needed:
            return None
        return symbol(name) if number and "nargs" not in kwargs else Unknown("an argument")
    default = kwargs["default"]
    kept = kind is None or isinstance(kind, External) and kind.name == "builtins.str"
    if isinstance(default, str) and not kept:  # argparse converts what is text
        return int(default) if number and default.isdigit() else Unknown("a converted default")
    return default
