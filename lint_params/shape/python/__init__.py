"""Python's builtins and the parts of its library, numpy's and torch's that build modules.

Each function is registered under its dotted name; the files of this folder are loaded once.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from lint_params.shape.value import External, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

How = Callable[["Interpreter", list[Value], dict[str, Value]], Value]
EXTERNALS: dict[str, How] = {}
CONSTANTS: dict[str, Value] = {
    "math.pi": math.pi,
    "math.e": math.e,
    "math.inf": math.inf,
    "math.tau": math.tau,
    "numpy.pi": math.pi,
    "numpy.e": math.e,
    "numpy.inf": math.inf,
    "numpy.newaxis": None,
    "torch.pi": math.pi,
    "torch.inf": math.inf,
}


def external(*names: str) -> Callable[[How], How]:
    def register(how: How) -> How:
        for name in names:
            EXTERNALS[name] = how
        return how

    return register


_TYPES = "int float bool str list tuple dict set frozenset object type bytes".split()
_OTHERS = "Exception ValueError TypeError RuntimeError NotImplementedError KeyError AssertionError print".split()


def builtin(name: str) -> Value:
    """A name that neither the function nor the file defines."""
    if f"builtins.{name}" in EXTERNALS or name in _TYPES or name in _OTHERS:
        return External(f"builtins.{name}")
    if name == "__name__":
        return "__main__"
    return Unknown("undefined name")


for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
