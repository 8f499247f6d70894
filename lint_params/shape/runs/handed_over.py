"""Classes that a file never builds itself, but hands to a function with the settings of each model:
``build_model(Net, pretrained, **dict(width=64, depth=4))``. They are built with these, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lint_params.project import SourceFile
from lint_params.shape.check import Verdict
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import Mode, parameters
from lint_params.shape.runs.one_class import Checked, find_method, run_class
from lint_params.shape.runs.rewritten import may_rewrite
from lint_params.shape.runs.uses import Handed, settings, uses
from lint_params.shape.value import ClassRef, Unknown, Value
from lint_params.trees import walk

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: How a run took its arguments: as the file sets them for whom it hands the class to.
HANDED = "handed"
#: So many models of one class are built.
MOST = 3
#: After one that took more steps there is no other.
MOST_STEPS = 4_000


def is_unsettled(run: Checked) -> bool:
    """Whether a run with symbols ran out, or leaves a layer's sizes open."""
    return run.exhausted or any(o.verdict is Verdict.UNKNOWN for o in run.obligations)


def check_handed(it: Interpreter, file: SourceFile, classes: list[ClassRef]) -> Iterator[Checked]:
    """The classes as the models of the file set them: the plainest, and those that make another net of it."""
    for cls in classes:
        init = find_method(it, cls, "__init__")
        if init is None or find_method(it, cls, "forward") is None:
            continue
        names = {arg.arg for arg, _ in parameters(init[1].args)[1:]}
        models = list(_models(it, file, cls.node, names))
        seen: set[str] = set()
        for _ in range(MOST):
            new = [one for one in models if _choices(one[0]) - seen] or (models if not seen else [])
            if not new:
                break
            model = min(new, key=lambda one: sum(map(len, _texts(one[0]))))
            models.remove(model)
            best, rewritten = model
            seen |= _choices(best)
            chosen = _values(it, file, best)
            if chosen is None:
                continue
            run = run_class(it, cls, cls.node.name, init, Mode.DEFAULTS, rewritten, chosen=chosen)
            run.how, run.line = HANDED, min((value.lineno for value in best.values()), default=cls.node.lineno)
            yield run
            if run.steps > MOST_STEPS:
                break


def _models(
    it: Interpreter, file: SourceFile, cls: ast.ClassDef, names: set[str]
) -> Iterator[tuple[Mapping[str, ast.expr], frozenset[str]]]:
    """What each model of the file sets of the constructor's arguments, where nobody changes that on
    the way; and the others that the builder may set."""
    for use in uses(None, file, cls):
        rewritten = may_rewrite(it.project, file, cls, use) if isinstance(use, Handed) else None
        if rewritten is None or not isinstance(use, Handed):
            continue
        for by_name in settings(file.tree, use):
            if by_name is not None and not rewritten & by_name.keys():
                yield {name: value for name, value in by_name.items() if name in names}, rewritten & names


def _texts(model: Mapping[str, ast.expr]) -> set[str]:
    return {f"{name}={ast.unparse(value)}" for name, value in model.items()}


def _choices(model: Mapping[str, ast.expr]) -> set[str]:
    """The classes, functions and words that a model is made of: these make another net, and numbers the same."""
    parts = [part for value in model.values() for part in walk(value)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _values(it: Interpreter, file: SourceFile, model: Mapping[str, ast.expr]) -> dict[tuple[str, str], Value] | None:
    """The settings as values; None where one of them is not known."""
    scope = Scope(it.file_scope(file))
    values = {
        name: it.aside(lambda node=node: it.eval(node, scope), file.path)  # type: ignore[misc]
        for name, node in model.items()
    }
    if any(isinstance(value, Unknown) for value in values.values()):
        return None
    return {("__init__", name): value for name, value in values.items()}
