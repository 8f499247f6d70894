"""Forward's arguments that have a default and are needed all the same: its error says so.

Child only.
"""

from __future__ import annotations

import linecache
import re
import traceback

from torch import nn

from lint_params.verify.made_up import inputs
from lint_params.verify.made_up.calls import signature
from lint_params.verify.made_up.inputs import Inputs


def completed(
    module: nn.Module, given: Inputs, error: BaseException, tried: set[str]
) -> Inputs | None:
    """The input with one argument more, which the message names or whose None it is about."""
    found = signature(module.forward)
    for name in _named(error) if found is not None else ():
        param = found.parameters.get(name) if found is not None else None
        there = name in given.names or given.kwargs.get(name) is not None
        if param is not None and param.default is None and not there and name not in tried:
            tried.add(name)
            return inputs.with_words(module, given, {name: inputs.GIVEN})
    return None


def _named(error: BaseException) -> list[str]:
    """Words of the message; what is None on the line that failed."""
    text = str(error)
    found = re.findall(r"[A-Za-z_]\w*", text)
    if "NoneType" in text:
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            words = re.findall(r"[A-Za-z_]\w*", linecache.getline(frame.f_code.co_filename, line))
            found += [word for word in words if frame.f_locals.get(word, 0) is None]
    return found
