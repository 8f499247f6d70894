"""Mistakes in how a Parameter is changed, tied, frozen and given to an optimizer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from edits import Change, Subject, mistake


@mistake("mutation", "reshaped")
def data_reshaped_in_forward(subject: Subject) -> Iterator[Change]:
    forward = subject.method("forward")
    for one in subject.parameters:
        it = f"self.{one.name}.data"
        for text in (f"{it} = {it}.reshape(-1)", f"{it} = {it}.unsqueeze(0)"):
            if forward:
                yield Change((subject.at_start(forward, text),), one.name)


@mistake("mutation", "other shape")
def weight_reshaped_through_data(subject: Subject) -> Iterator[Change]:
    for one in subject.layers("Linear", "Embedding"):
        it = f"self.{one.name}.weight.data"
        for text in (f"{it} = {it}.t()", f"{it} = {it}.flatten()"):
            yield Change((subject.after(one.statement, text),), one.name)


@mistake("mutation", "other shape")
def data_of_another_shape(subject: Subject) -> Iterator[Change]:
    for one in subject.layers("Linear", "Conv2d", "Embedding", "LayerNorm"):
        if subject.names.get("torch") == "torch":
            line = f"self.{one.name}.weight.data = torch.zeros(3, 5, 7)"
            yield Change((subject.after(one.statement, line),), one.name)


@mistake("mutation", "replaced")
def data_replaced_in_forward(subject: Subject) -> Iterator[Change]:
    """By fresh values: what was learned is lost."""
    forward = subject.method("forward")
    for one in subject.parameters:
        if forward and subject.names.get("torch") == "torch":
            line = f"self.{one.name}.data = torch.randn(self.{one.name}.shape)"
            yield Change((subject.at_start(forward, line),), one.name)
    for one in subject.layers("Linear", "Conv2d", "Embedding"):
        if forward and subject.names.get("torch") == "torch":
            line = f"torch.nn.init.normal_(self.{one.name}.weight)"
            yield Change((subject.at_start(forward, line),), one.name)


@mistake("mutation")
def leaf_written_in_place(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        for text in (".mul_(0.02)", ".fill_(0.5)", ".uniform_(-1, 1)", "[0] = 0.0", " *= 0.02"):
            line = f"self.{one.name}{text}"
            yield Change((subject.after(one.statement, line),), one.name)
    for one in subject.layers("Linear", "Embedding", "Conv2d"):
        for text in (".weight.zero_()", ".weight[0] = 0.0", ".weight.normal_(0, 0.02)"):
            line = f"self.{one.name}{text}"
            yield Change((subject.after(one.statement, line),), one.name)


@mistake("mutation", "gradients cleared")
def gradients_cleared_in_forward(subject: Subject) -> Iterator[Change]:
    forward = subject.method("forward")
    if forward and (subject.parameters or subject.layers("Linear", "Conv2d")):
        yield Change((subject.at_start(forward, "self.zero_grad()"),))


_DISCARDED = (
    *("unsqueeze", "squeeze", "transpose", "permute", "reshape", "view", "flatten", "contiguous"),
    *("clamp", "masked_fill", "softmax", "sigmoid", "mean", "sum", "chunk", "repeat", "expand"),
)


@mistake("mutation", "other output")
def result_discarded(subject: Subject) -> Iterator[Change]:
    """``x = x.transpose(1, 2)`` becomes ``x.transpose(1, 2)``."""
    for method in subject.node.body:
        if not isinstance(method, ast.FunctionDef) or method.name == "__init__":
            continue
        for node in ast.walk(method):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                func = node.value.func
                if isinstance(func, ast.Attribute) and func.attr in _DISCARDED:
                    same = subject.text(func.value) == subject.text(node.targets[0])
                    if same and isinstance(func.value, ast.Name):
                        yield Change((subject.replace(node, subject.text(node.value)),))


@mistake("mutation", "flags as before")
def module_frozen_by_an_attribute(subject: Subject) -> Iterator[Change]:
    for one in subject.layers("Linear", "Conv2d", "LayerNorm", "Embedding", "ModuleList"):
        line = f"self.{one.name}.requires_grad = False"
        yield Change((subject.after(one.statement, line),), one.name)


@mistake("mutation", "flags as before")
def requires_grad_misspelt(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        for word in ("require_grad", "requires_grads", "requires_gradient"):
            line = f"self.{one.name}.{word} = False"
            yield Change((subject.after(one.statement, line),), one.name)


@mistake("mutation", "as many as before")
def tied_through_data(subject: Subject) -> Iterator[Change]:
    layers = subject.layers("Linear", "Embedding")
    for one in layers:
        for other in layers:
            if one is not other and one.statement.lineno < other.statement.lineno:
                if one.kind == other.kind and one.statement.col_offset == other.statement.col_offset:
                    line = f"self.{other.name}.weight.data = self.{one.name}.weight.data"
                    yield Change((subject.after(other.statement, line),), other.name)


def _trains(subject: Subject, body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    model = f"    model = {subject.node.name}(*args, **kwargs)\n"
    return f"def train_it(*args, **kwargs):\n{model}{lines}    return model, optimizer\n"


@mistake("optimizer")
def parameters_exhausted(subject: Subject) -> Iterator[Change]:
    if subject.names.get("torch") == "torch":
        body = (
            "params = model.parameters()\nprint(sum(p.numel() for p in params))\n"
            "optimizer = torch.optim.SGD(params, lr=0.1)"
        )
        yield Change((subject.at_end(_trains(subject, body)),), script="train_it")


@mistake("optimizer", "not held")
def layer_replaced_after_the_optimizer(subject: Subject) -> Iterator[Change]:
    for one in subject.layers("Linear", "Conv2d", "LayerNorm")[:2]:
        body = (
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
            f"model.{one.name} = torch.nn.Linear(8, 8)"
        )
        if subject.names.get("torch") == "torch":
            yield Change((subject.at_end(_trains(subject, body)),), script="train_it")
