"""Methods of test classes: pytest and unittest call them, each on an object of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from lint_params.project import SourceFile
from lint_params.shape.evaluate.classes import definition
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.one_class import Checked, Fresh
from lint_params.shape.value import ClassRef, Function, Instance
from lint_params.trees import last_name, walk

_SET_UP = ("setUp", "setup_method")
#: A test that may stop anywhere, fail as it should, or put something in the place of the code.
_LEAVES = frozenset({"skipTest", "skip", "fail", "xfail", "importorskip", "patch"})


def tests(file: SourceFile) -> Iterator[tuple[ClassRef, ast.FunctionDef]]:
    """The methods that a runner of tests calls as they stand, with the classes whose they are."""
    for cls in file.tree.body:
        if isinstance(cls, ast.ClassDef) and not cls.decorator_list and _is_test_class(file, cls):
            for node in cls.body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test") and _is_plain(node):
                    yield ClassRef(cls, file), node


def _is_test_class(file: SourceFile, cls: ast.ClassDef) -> bool:
    bases = [file.names.qualify(base) for base in cls.bases]
    if bases == ["unittest.TestCase"]:
        return True
    made = any(getattr(node, "name", "") == "__init__" for node in cls.body)
    return not bases and cls.name.startswith("Test") and not made  # as pytest collects them


def _is_plain(node: ast.FunctionDef) -> bool:
    alone = len(parameters(node.args)) == 1 and not node.decorator_list
    return alone and not any(last_name(part) in _LEAVES for part in walk(node))


def run_test(it: Interpreter, cls: ClassRef, node: ast.FunctionDef) -> Checked:
    """The test after what sets it up."""
    run = Checked(f"{cls.node.name}.{node.name}", "function", [], node)
    with Fresh(it, run.subject) as obligations:
        run.obligations = obligations
        with run.bounded():
            case = Instance(cls)
            for name in (*_SET_UP, node.name):
                method = definition(cls, name)
                if isinstance(method, ast.FunctionDef) and len(parameters(method.args)) == 1:
                    it.call(Function(method, cls.file, cls.scope, case, cls), [], {}, method, name)
        run.steps = it.budget - it.steps
    return run
