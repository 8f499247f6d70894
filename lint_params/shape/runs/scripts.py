"""The module's own code and its functions: the modules that they build and call."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from lint_params.names import dotted
from lint_params.project import SourceFile
from lint_params.shape.check import Verdict
from lint_params.shape.evaluate.classes import is_module_class
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.overrides import judge_overrides
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import (
    Mode,
    free_tensor,
    function_arguments,
    parameters,
)
from lint_params.shape.runs.cases import run_test, tests
from lint_params.shape.runs.changed import forget_changed
from lint_params.shape.runs.entries import call_entries
from lint_params.shape.runs.one_class import Checked, Fresh, call_methods
from lint_params.shape.runs.steady import steady
from lint_params.shape.value import (
    OPEN,
    ClassRef,
    Function,
    Instance,
    Layer,
    Unknown,
    Value,
)
from lint_params.trees import every, last_name, walk

#: For all functions of a file together: files with a hundred constructors of one model exist.
MAX_SCRIPT_STEPS = 80_000
#: For the entries of a registry of whole models, of which one shows what the others do.
MAX_ENTRY_STEPS = 20_000


def check_scripts(it: Interpreter, file: SourceFile, called: Iterable[str], ran: set[str]) -> Iterator[Checked]:
    """The module's own statements and its functions, which are added to ``ran``: the modules that
    they build and call. ``called`` are the plain names that the file calls."""
    body = [
        s
        for s in _statements(file.tree.body)
        if not isinstance(s, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    builders = _builders(it, file, called)
    if any(_may_matter(file, s, builders) for s in body):
        first = _run_body(it, body, file)
        yield steady(it, first, lambda: _run_body(it, body, file), literal=True)
    left = MAX_SCRIPT_STEPS
    entries: set[frozenset[str]] = set()
    for node in file.tree.body:
        if isinstance(node, ast.FunctionDef) and left > 0 and node.name in builders:
            if node.decorator_list and plainly_called(node):
                used = _own_names(file, node)
                if used in entries or left < MAX_SCRIPT_STEPS - MAX_ENTRY_STEPS:
                    continue  # another entry of a registry, of the same classes
                entries.add(used)
            ran.add(node.name)
            if _skips_cases(node):
                continue
            run = run_function(it, node, file)
            if _is_called_otherwise(file, node):
                run.obligations[:] = [o for o in run.obligations if o.verdict is not Verdict.REFUTED]
                yield run
            else:
                yield steady(it, run, lambda n=node: run_function(it, n, file))  # type: ignore[misc]
            left -= it.budget - it.steps
    for cls, test in tests(file):
        if left > 0 and _may_matter(file, cls.node, builders):
            run = run_test(it, cls, test)
            yield steady(it, run, lambda c=cls, t=test: run_test(it, c, t))  # type: ignore[misc]
            left -= it.budget - it.steps


def _is_called_otherwise(file: SourceFile, node: ast.FunctionDef) -> bool:
    """Whether the file calls a helper, and never with all of its default sizes: what becomes of others
    shows where it is called."""
    names = [arg.arg for arg, _ in parameters(node.args)]
    sizes = {
        arg.arg for arg, default in parameters(node.args)
        if isinstance(default, ast.Constant) and type(default.value) is int
    }
    if not sizes or plainly_called(node):
        return False
    calls = [n for n in every(file.tree, ast.Call) if getattr(n.func, "id", "") == node.name]
    return bool(calls) and all(
        sizes & {*names[: len(call.args)], *(keyword.arg or "" for keyword in call.keywords)} for call in calls
    )


_MAIN = ("__name__ == '__main__'", "'__main__' == __name__")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of the module, one by one also below ``if __name__ == "__main__"``."""
    for statement in body:
        if isinstance(statement, ast.If) and not statement.orelse and ast.unparse(statement.test) in _MAIN:
            yield from statement.body
        else:
            yield statement


def _skips_cases(node: ast.FunctionDef) -> bool:
    """Whether some of what pytest hands a test is skipped, where only a reader sees which values come
    together; or a test puts something else in the place of what the code has."""
    if any(arg.arg in ("monkeypatch", "mocker") for arg, _ in parameters(node.args)):
        return True
    marks = {last_name(part) for mark in node.decorator_list for part in walk(mark)}
    if "patch" in marks:
        return True
    return "parametrize" in marks and any(last_name(part) == "skip" for part in walk(node))


def _own_names(file: SourceFile, node: ast.FunctionDef) -> frozenset[str]:
    """The classes and functions of the file that a function calls or hands on: ``Weights.DEFAULT``
    only looks something up."""
    own = {n.name for n in file.tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
    parts = [n for statement in node.body for n in walk(statement)]
    asked = {id(n.value) for n in parts if isinstance(n, ast.Attribute)}
    return frozenset(
        n.id for n in parts if isinstance(n, ast.Name) and n.id in own and id(n) not in asked
    )


def _builders(it: Interpreter, file: SourceFile, called: Iterable[str]) -> set[str]:
    """Functions of the file and imported ones that build modules, themselves or through each other."""
    calls: dict[str, set[str]] = {}
    found = {name for name in called if _is_imported_builder(it, file, name)}
    for node in file.tree.body:
        if isinstance(node, ast.FunctionDef):
            names = calls[node.name] = set()
            for part in walk(node):
                if isinstance(part, ast.Call):
                    if isinstance(part.func, ast.Name):
                        names.add(part.func.id)
                    if _builds(file, part):
                        found.add(node.name)
    grown = True
    while grown:
        more = {name for name, used in calls.items() if name not in found and used & found}
        grown = bool(more)
        found |= more
    return found


def _is_imported_builder(it: Interpreter, file: SourceFile, name: str) -> bool:
    """Whether it is a function of another file of the project which calls a module class of that
    file's and returns something: ``build(cfg)``."""
    full = file.names.bindings.get(name)
    hit = it.project.resolve(full, file) if it.project is not None and isinstance(full, str) else None
    if hit is None or hit[0] is file or not isinstance(hit[1], ast.FunctionDef):
        return False
    home, parts = hit[0], list(walk(hit[1]))
    returns = any(isinstance(n, ast.Return) and n.value is not None for n in parts)
    return returns and any(isinstance(n, ast.Call) and _makes_module(it, home, n) for n in parts)


def _makes_module(it: Interpreter, file: SourceFile, call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Name):
        return False
    made = it.file_scope(file).lookup(it, call.func.id)
    return isinstance(made, ClassRef) and is_module_class(it, made)


def _builds(file: SourceFile, call: ast.Call) -> bool:
    """Whether a call may build a module: a class of torch.nn, or one by its capital letter, itself
    or in one of its methods (``Net.from_config(...)``), or one of a table (``MODELS["net"](...)``)."""
    if isinstance(call.func, ast.Subscript) and isinstance(call.func.value, ast.Name):
        return call.func.value.id.isupper()
    text = dotted(call.func)
    if text is None or text.endswith(".from_pretrained"):
        return False  # the sizes of the latter are in a file
    *_, before, last = ("", *text.split("."))
    if not (last[:1].isupper() or before[:1].isupper()):
        return False
    name = file.names.qualify(text)
    if name is None:
        return False
    if not last[:1].isupper() and name.startswith("torch."):
        return False  # F.relu
    return name.startswith("torch.nn.") or not name.startswith(_LIBRARIES)


_LIBRARIES = ("torch.", "numpy.", "typing.", "collections.", "pathlib.", "PIL.", "builtins.")


def _may_matter(file: SourceFile, statement: ast.stmt, builders: set[str]) -> bool:
    """Whether a statement of the module's own code builds or calls something."""
    for node in walk(statement):
        if isinstance(node, ast.Call):
            if _builds(file, node) or (
                isinstance(node.func, ast.Name) and node.func.id in builders
            ):
                return True
    return False


def _run_body(it: Interpreter, body: list[ast.stmt], file: SourceFile) -> Checked:
    from lint_params.shape.evaluate.stmt import run as run_block

    run = Checked("", "module code", [], file.tree)
    with Fresh(it, "") as obligations:
        run.obligations = obligations
        with run.bounded():
            names = it.file_scope(file)
            code = Scope(names)
            try:
                for statement in body:
                    names.running = statement.end_lineno or statement.lineno
                    if run_block(it, [statement], code) is not None:
                        break
                    forget_changed(it, statement, code)
            finally:
                names.running = None
            judge_overrides(it, 0)
            _call_uncalled(it)
    return run


def run_function(it: Interpreter, node: ast.FunctionDef, file: SourceFile) -> Checked:
    run = Checked(node.name, "function", [], node)
    with Fresh(it, node.name) as obligations:
        run.obligations = obligations
        with run.bounded():
            scope = Scope(it.file_scope(file))
            kwargs = function_arguments(it, node.args, scope)
            if node.args.kwarg is not None and not plainly_called(node):
                kwargs[OPEN] = Unknown("perhaps in **kwargs")
            own = Function(node, file)
            own.plain = True  # whatever its decorators hand over, it may be called as it stands
            it.call(own, [], kwargs, node, node.name)
            if not node.name.startswith("test"):  # which runs what it means to run
                _call_uncalled(it)
        run.steps = it.budget - it.steps
    return run


def plainly_called(node: ast.FunctionDef, own: int = 0) -> bool:
    """Whether ``resnet18()`` is a call as its users make it: what ``**kwargs`` may hold is extra.
    The first ``own`` arguments are given anyway."""
    return all(default is not None for _, default in parameters(node.args)[own:])


def _call_uncalled(it: Interpreter) -> None:
    """Modules that the code builds and does not call are checked on an input of free shape."""
    made = [m for m in it.made if isinstance(m, (Instance, Layer))]
    inner: set[int] = set()
    for module in made:
        for child in _children(module):
            inner.add(id(child))
    for module in made:
        if module.called or id(module) in inner:
            continue
        if isinstance(module, Layer) and module.spec.name != "torch.nn.Sequential":
            continue
        it.calls.results.clear()  # they were shown for another input
        if isinstance(module, Instance):
            if not is_module_class(it, module.cls):
                continue
            run = Checked("", "", [])
            run.mark = it.ctx.mark()
            call_methods(it, module, Mode.SIZES, run)
            call_entries(it, module, run.mark)
        elif module.items and len(module.items) > 1:
            node = module.node if module.node is not None else it.ctx.node
            it.call(module, [free_tensor("input")], {}, node, "Sequential")


def _children(module: Instance | Layer) -> Iterator[Value]:
    yield from module.attrs.values()
    if module.items is not None:
        yield from module.items.values()
