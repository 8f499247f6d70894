"""Mistakes in how a Parameter is declared, filled and lazily initialised."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from edits import Attribute, Change, Subject, mistake, own

_FILLED = ("torch.zeros", "torch.ones", "torch.randn", "torch.rand", "torch.full")


def _made(one: Attribute) -> ast.Call | None:
    """The call that makes the tensor of a Parameter."""
    value = one.call.args[0]
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "torch":
                return node
    return None


def _inits(subject: Subject, name: str) -> list[ast.Expr]:
    """Statements of the class that fill ``self.name``."""
    found = []
    for node in ast.walk(subject.node):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            text = subject.text(node.value.func)
            first = node.value.args[0] if node.value.args else None
            if text.endswith("_") and first is not None and own(first) == name:
                found.append(node)
    return found


@mistake("declaration", "unwritten")
def init_removed(subject: Subject) -> Iterator[Change]:
    """torch.empty, and nothing fills it."""
    for one in subject.parameters:
        made = _made(one)
        if made is None or subject.dotted(made.func) not in (*_FILLED, "torch.empty"):
            continue
        if subject.is_filled_outside(one.name):
            continue  # whoever builds the whole model fills it: no mistake
        edits = [subject.remove(statement) for statement in _inits(subject, one.name)]
        if subject.dotted(made.func) != "torch.full":
            edits.append(subject.replace(made.func, "torch.empty"))
        yield Change(tuple(edits), one.name)


@mistake("declaration", "other shape")
def parameter_of_a_number(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        for text in ("1.0", "0.0"):
            yield Change((subject.replace(one.call.args[0], text),), one.name)


@mistake("declaration", "other shape")
def parameter_without_a_shape(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        for text in ("torch.Tensor()", "torch.empty(0)"):
            yield Change((subject.replace(one.call.args[0], text),), one.name)


@mistake("declaration")
def parameter_of_integers(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        made = _made(one)
        if made is not None and subject.dotted(made.func) in ("torch.zeros", "torch.ones"):
            text = subject.text(made)
            if "dtype" not in text:
                comma = "" if text[:-1].rstrip().endswith(",") else ","
                yield Change(
                    (subject.replace(made, f"{text[:-1]}{comma} dtype=torch.long)"),), one.name
                )
                yield Change(
                    (subject.replace(one.call.args[0], "torch.tensor([1, 2, 3])"),), one.name
                )


@mistake("declaration")
def placeholder_given_its_shape_in_forward(subject: Subject) -> Iterator[Change]:
    forward = subject.method("forward")
    for one in subject.parameters:
        if forward:
            edits = (
                subject.replace(one.call.args[0], "torch.zeros(1)"),
                subject.at_start(forward, f"self.{one.name}.data = self.{one.name}.data.view(5, 8)"),
            )
            yield Change(edits, one.name)


@mistake("declaration")
def parameter_expanded(subject: Subject) -> Iterator[Change]:
    for one in subject.parameters:
        made = _made(one)
        if made is None or made is not one.call.args[0] or not made.args:
            continue
        sizes = made.args
        if subject.dotted(made.func) in ("torch.zeros", "torch.ones", "torch.randn") and all(
            isinstance(a, (ast.Constant, ast.Name, ast.Attribute, ast.BinOp)) for a in sizes
        ):
            ones = [i for i, a in enumerate(sizes) if isinstance(a, ast.Constant) and a.value == 1]
            rest = ["-1"] * len(sizes)
            if ones:
                rest[ones[0]] = "4"
            else:
                rest.insert(0, "4")
            edit = subject.after_expression(made, f".expand({', '.join(rest)})")
            yield Change((edit,), one.name)


@mistake("declaration")
def fan_init_of_a_vector(subject: Subject) -> Iterator[Change]:
    for one in subject.layers("Linear", "Conv2d", "LayerNorm", "BatchNorm2d", "BatchNorm1d"):
        what = "weight" if "Norm" in one.kind else "bias"
        for function in ("xavier_uniform_", "kaiming_normal_"):
            line = f"torch.nn.init.{function}(self.{one.name}.{what})"
            if subject.names.get("torch") == "torch":
                yield Change((subject.after(one.statement, line),), one.name)


@mistake("declaration", "fewer")
def parameter_shaped_by_the_batch(subject: Subject) -> Iterator[Change]:
    forward = subject.method("forward")
    first = forward.args.args[1].arg if forward and len(forward.args.args) > 1 else ""
    for one in subject.parameters:
        if forward and first:
            line = f"self.{one.name} = {subject.text(one.call.func)}(torch.zeros({first}.shape[0], 1))"
            yield Change((subject.remove(one.statement), subject.at_start(forward, line)), one.name)


@mistake("declaration")
def uninitialised_parameter_kept(subject: Subject) -> Iterator[Change]:
    """An UninitializedParameter in a Module that never materialises it."""
    for one in subject.parameters:
        if subject.names.get("torch") == "torch":
            text = "torch.nn.UninitializedParameter()"
            yield Change((subject.replace(one.call, text),), one.name)


@mistake("declaration")
def lazy_layer_read_too_early(subject: Subject) -> Iterator[Change]:
    for one in subject.layers("Linear", "Conv2d"):
        args = one.call.args
        if len(args) >= 2 and subject.names.get("torch") == "torch":
            start, _ = subject.span(args[0])
            cut = (start, subject.span(args[1])[0], "")
            lazy = subject.replace(one.call.func, f"torch.nn.Lazy{one.kind[3:]}")
            for line in (
                f"torch.nn.init.xavier_uniform_(self.{one.name}.weight)",
                f"self.fan = self.{one.name}.weight.shape[1]",
            ):
                yield Change((lazy, cut, subject.after(one.statement, line)), one.name)
