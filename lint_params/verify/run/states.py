"""Whether a state that the file keeps and loads again has followed the model. Child only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import nn

from lint_params import evidence
from lint_params.verify.run.tensors import address_of, is_uninitialised

#: So many states are remembered, each with a copy of its values.
_LIMIT = 20


class States:
    """States taken on the flagged lines of the file, and what loading each of them found."""

    def __init__(self, path: str, lines: Collection[int]) -> None:
        self.path = path
        self.lines = lines
        self.loaded: list[evidence.Loaded] = []
        self.kept: dict[int, tuple[int, Any, dict[str, torch.Tensor]]] = {}

    def watch(self, patch: Callable[[type, str, Any], None]) -> None:
        states, taken, load = self, nn.Module.state_dict, nn.Module.load_state_dict

        def state_dict(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            state = taken(module, *args, **kwargs)
            caller = sys._getframe(1)
            if caller.f_code.co_filename == states.path and caller.f_lineno in states.lines:
                states.keep(caller.f_lineno, state)
            return state

        def load_state_dict(module: nn.Module, state: Any, *args: Any, **kwargs: Any) -> Any:
            states.compare(module, state, taken(module))
            return load(module, state, *args, **kwargs)

        patch(nn.Module, "state_dict", state_dict)
        patch(nn.Module, "load_state_dict", load_state_dict)

    def keep(self, line: int, state: Any) -> None:
        if isinstance(state, Mapping) and len(self.kept) < _LIMIT:
            values = {k: v.detach().clone() for k, v in state.items() if _has_values(v)}
            self.kept[id(state)] = line, state, values

    def compare(self, module: nn.Module, state: Any, own: Mapping[str, Any]) -> None:
        line, _, values = self.kept.get(id(state), (0, None, {}))
        if not line or not values:
            return
        shared = [k for k in values if k in own and address_of(own[k]) == address_of(state[k]) != 0]
        # Those of the same line that were kept before share it, too: this one may be the last.
        alike = [(old, then) for place, old, then in self.kept.values() if place == line]
        changed = [k for k in shared if not all(_equal(old[k], then[k]) for old, then in alike if k in then)]
        self.loaded.append(evidence.Loaded(line, type(module).__name__, tuple(shared), tuple(changed)))


def _has_values(value: Any) -> bool:
    plain = isinstance(value, torch.Tensor) and not is_uninitialised(value)
    return plain and value.device.type != "meta"


def _equal(now: torch.Tensor, then: torch.Tensor) -> bool:
    return torch.equal(now.detach().nan_to_num(), then.nan_to_num())
