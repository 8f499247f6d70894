"""Functions of tensors as methods, and the other way round.

Nothing here knows what a value is: torch says whether the new text still runs as the old one.
"""

from __future__ import annotations

import ast

from imports import dotted, imported
from steps import in_methods
from variant import Form, expression, form

#: methods that torch has as functions of the same arguments
_BOTH = ("reshape", "permute", "transpose", "flatten", "unsqueeze", "squeeze", "mean", "sum", "chunk", "split",
         "matmul", "bmm", "relu", "sigmoid", "tanh", "softmax", "argmax", "clamp", "exp", "sqrt", "abs", "t",
         "detach", "clone", "mm", "amax", "cumsum", "norm", "repeat_interleave", "unbind", "index_select",
         "gather", "masked_select", "tile", "swapaxes", "movedim", "roll", "flip")  # fmt: skip


def _in_forward(form: Form, visitor: ast.NodeTransformer) -> None:
    for statement in in_methods(form):
        for name, value in ast.iter_fields(statement):
            if isinstance(value, ast.expr):
                setattr(statement, name, visitor.visit(value))


class _Visitor(ast.NodeTransformer):
    def __init__(self, form: Form) -> None:
        self.names, self.count = imported(form.tree), 0

    def is_value(self, node: ast.expr) -> bool:
        """Whether it may be a tensor: no module, no layer of self."""
        return not dotted(node, self.names) and not (isinstance(node, ast.Name) and node.id in (*self.names, "self"))


def _used(form: Form, visitor: _Visitor) -> int:
    _in_forward(form, visitor)
    if visitor.count:
        form.add_import("import torch")
    return visitor.count


@form
def methods_as_functions(form: Form) -> int:
    class Functions(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            func = node.func
            if not isinstance(func, ast.Attribute) or not self.is_value(func.value):
                return node
            name, args = func.attr, list(node.args)
            if name in ("view", "reshape", "permute", "tile", "flip") and args:
                plain = not isinstance(args[0], (ast.Tuple, ast.List)) and not (len(args) == 1 and not isinstance(args[0], (ast.Constant, ast.UnaryOp)))
                if plain:
                    packed = ast.Tuple(args, ast.Load())
                    packed.lineno = node.lineno
                    args = [packed]
                name = "reshape" if name == "view" else name
            elif name not in _BOTH:
                return node
            self.count += 1
            node.func = expression(f"torch.{name}", node)
            node.args = [func.value, *args]
            return node

    return _used(form, Functions(form))


@form
def functions_as_methods(form: Form) -> int:
    class Methods(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            module, _, name = dotted(node.func, self.names).rpartition(".")
            if module not in ("torch", "torch.nn.functional") or name not in _BOTH or not node.args:
                return node
            if isinstance(node.args[0], ast.Starred):
                return node
            self.count += 1
            node.func = expression(f"X.{name}", node, X=node.args[0])
            node.args = node.args[1:]
            return node

    return _used(form, Methods(form))


def _renaming(form: Form, table: dict[str, str]) -> int:
    class Renamed(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            new = table.get(dotted(node.func, self.names))
            if new:
                self.count += 1
                node.func = expression(new, node)
            return node

    return _used(form, Renamed(form))


@form
def functions_by_synonyms(form: Form) -> int:
    return _renaming(form, {
        "torch.cat": "torch.concat", "torch.matmul": "torch.Tensor.matmul", "torch.nn.functional.relu": "torch.relu",
        "torch.nn.functional.softmax": "torch.softmax", "torch.nn.functional.sigmoid": "torch.sigmoid",
        "torch.nn.functional.log_softmax": "torch.log_softmax", "torch.sigmoid": "torch.nn.functional.sigmoid",
        "torch.relu": "torch.nn.functional.relu", "torch.tanh": "torch.nn.functional.tanh",
        "torch.transpose": "torch.swapaxes", "torch.reshape": "torch.Tensor.reshape", "torch.multiply": "torch.mul",
        "torch.bmm": "torch.matmul", "torch.clamp": "torch.clip", "torch.flatten": "torch.Tensor.flatten",
        "torch.nn.functional.dropout": "torch.dropout", "torch.randn": "torch.normal",
    } | {"torch.randn": "torch.randn"})  # fmt: skip


@form
def cat_as_concatenate(form: Form) -> int:
    return _renaming(form, {"torch.cat": "torch.concatenate"})


@form
def activations_as_methods(form: Form) -> int:
    class Methods(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            name = dotted(node.func, self.names).rpartition(".")[2]
            full = dotted(node.func, self.names)
            if full.startswith(("torch.nn.functional.", "torch.")) and name in ("relu", "sigmoid", "tanh") and len(node.args) == 1:
                self.count += 1
                return expression(f"X.{name}()", node, X=node.args[0])
            return node

    return _used(form, Methods(form))


@form
def size_as_shape(form: Form) -> int:
    class Shapes(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.func, ast.Attribute) and node.func.attr == "size" and self.is_value(node.func.value):
                self.count += 1
                if node.args:
                    return expression("X.shape[I]", node, X=node.func.value, I=node.args[0])
                return expression("X.shape", node, X=node.func.value)
            return node

    return _used(form, Shapes(form))


@form
def shape_as_size(form: Form) -> int:
    class Sizes(_Visitor):
        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
            self.generic_visit(node)
            if node.attr == "shape" and isinstance(node.ctx, ast.Load) and self.is_value(node.value):
                self.count += 1
                return expression("X.size()", node, X=node.value)
            return node

    return _used(form, Sizes(form))


@form
def sizes_unpacked(form: Form) -> int:
    """``x.size(1)`` as an item of a list of the shape."""

    class Lists(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.func, ast.Attribute) and node.func.attr == "size" and len(node.args) == 1:
                self.count += 1
                return expression("list(X.shape)[I]", node, X=node.func.value, I=node.args[0])
            return node

    return _used(form, Lists(form))


@form
def product_as_function(form: Form) -> int:
    class Product(_Visitor):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.op, ast.MatMult):
                self.count += 1
                return expression("torch.matmul(L, R)", node, L=node.left, R=node.right)
            return node

    return _used(form, Product(form))


@form
def product_as_operator(form: Form) -> int:
    class Product(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            full = dotted(node.func, self.names)
            if full in ("torch.matmul", "torch.mm", "torch.bmm") and len(node.args) == 2:
                self.count += 1
                return expression("L @ R", node, L=node.args[0], R=node.args[1])
            return node

    return _used(form, Product(form))


@form
def sums_as_functions(form: Form) -> int:
    class Sums(_Visitor):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            name = {ast.Add: "add", ast.Mult: "mul", ast.Sub: "sub", ast.Div: "div"}.get(type(node.op))
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            if name and any(isinstance(n, ast.Call) for n in ast.walk(node)) and names & {"x", "h", "out", "y", "z"}:
                self.count += 1
                return expression(f"torch.{name}(L, R)", node, L=node.left, R=node.right)
            return node

    return _used(form, Sums(form))


@form
def view_as_unflatten(form: Form) -> int:
    """``x.view(...)`` on a contiguous copy."""

    class Views(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.func, ast.Attribute) and node.func.attr in ("view", "reshape") and self.is_value(node.func.value):
                self.count += 1
                node.func.value = expression("X.contiguous()", node, X=node.func.value)
            return node

    return _used(form, Views(form))


@form
def unsqueeze_as_index(form: Form) -> int:
    class Index(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if not isinstance(node.func, ast.Attribute) or node.func.attr != "unsqueeze" or len(node.args) != 1:
                return node
            value = node.args[0]
            text = {"0": "X[None]", "1": "X[:, None]", "2": "X[:, :, None]", "-1": "X[..., None]"}.get(ast.unparse(value))
            if text is None or not self.is_value(node.func.value):
                return node
            self.count += 1
            return expression(text, node, X=node.func.value)

    return _used(form, Index(form))


@form
def positive_dims(form: Form) -> int:
    """``dim=-1`` through a name of the module."""
    name = form.fresh("LAST")

    class Dims(_Visitor):
        def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
            if ast.unparse(node) == "-1":
                self.count += 1
                return expression(name, node)
            return node

    count = _used(form, Dims(form))
    if count:
        form.add_constant(f"{name} = -1", form.tree)
    return count


@form
def sizes_in_one_tuple(form: Form) -> int:
    """``torch.zeros(2, 3)`` as ``torch.zeros((2, 3))``, ``size=(2, 3)`` for randn."""

    class Tuples(_Visitor):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            full = dotted(node.func, self.names)
            if full in ("torch.zeros", "torch.ones", "torch.empty", "torch.randn", "torch.rand") and len(node.args) > 1:
                self.count += 1
                packed = ast.Tuple(node.args, ast.Load())
                packed.lineno = node.lineno
                if full == "torch.empty":
                    node.args = [packed]
                else:
                    node.args = []
                    node.keywords.insert(0, ast.keyword("size", packed))
                    node.keywords[0].lineno = node.lineno
            return node

    return _used(form, Tuples(form))
