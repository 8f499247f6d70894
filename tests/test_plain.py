"""Functions of plain values are worked out once, and what is remembered is what Python computes."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from lint_params.project import SourceFile
from lint_params.shape.evaluate import calls
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.value import Seq, Unknown, Value

ONCE = {
    "numbers": "def f(k, s=1):\n    return (k - s) // 2\ndef run():\n    return f(7), f(7)",
    "tuples": "def f(x):\n    return x if isinstance(x, tuple) else (x, x)\ndef run():\n    return f((1, 2)), f((1, 2))",
    "a closure": "def of(n):\n    def f(x):\n        return x * n\n    return f\ng = of(3)\ndef run():\n    return g(2), g(2)",
    "a table": "T = {'a': 4}\ndef f(x):\n    return T[x]\ndef run():\n    return f('a'), f('a')",
}
CHANGED = {
    "another argument": "def f(x):\n    return x + 1\ndef run():\n    return f(1), f(2), f(1)",
    "a truth is no number": "def f(x):\n    return 5 if isinstance(x, bool) else 6\ndef run():\n    return f(1), f(True), f(1)",
    "by position and by name": "def f(a=1, b=2):\n    return a * 10 + b\ndef run():\n    return f(3), f(b=3), f(a=3)",
    "an item is set": "T = {'a': 4}\ndef f(x):\n    return T[x]\ndef run():\n    one = f('a')\n    T['a'] = 7\n    return one, f('a')",
    "a list grows": "L = [1]\ndef f(x):\n    return len(L) + x\ndef run():\n    one = f(1)\n    L.append(2)\n    return one, f(1)",
    "a function that asks another": (
        "T = {'a': 4}\ndef g(x):\n    return T[x]\ndef f(x):\n    return g(x) + 1\n"
        "def run():\n    one = f('a')\n    T['a'] = 7\n    return one, f('a')"
    ),
    "inside a list": "T = [[1]]\ndef f(i):\n    return len(T[i])\ndef run():\n    one = f(0)\n    T[0].append(2)\n    return one, f(0)",
    "of a class": "class C:\n    T = {'a': 4}\ndef f(x):\n    return C.T[x]\ndef run():\n    one = f('a')\n    C.T['a'] = 7\n    return one, f('a')",
    "a name around": (
        "def of(n):\n    def f(x):\n        return x * n\n    return f\n"
        "def run():\n    return of(2)(3), of(5)(3), of(2)(3)"
    ),
    "while the function around runs": (
        "def run():\n    n = 2\n    def f(x):\n        return x * n\n    one = f(3)\n    n = 5\n    return one, f(3)"
    ),
    "a list of its own": "def f(n):\n    return [n]\ndef run():\n    a, b = f(1), f(1)\n    a.append(2)\n    return len(a), len(b)",
}


def evaluated(source: str, times: int = 2) -> list[Value]:
    """What ``run()`` gives, called as often."""
    it = Interpreter()
    scope = it.file_scope(SourceFile("example.py", "example", ast.parse(source)))
    run = scope.lookup(it, "run")
    return [it.call(run, [], {}, run.node, "run") for _ in range(times)]


def python(source: str, times: int = 2) -> list[Any]:
    names: dict[str, Any] = {}
    exec(source, names)  # our own text
    return [names["run"]() for _ in range(times)]


@pytest.mark.parametrize("name", [*ONCE, *CHANGED])
def test_what_is_remembered_is_what_python_computes(name: str) -> None:
    source = {**ONCE, **CHANGED}[name]
    known = 0
    for ours, theirs in zip(evaluated(source), python(source)):
        assert isinstance(ours, Seq)
        for one, other in zip(ours.items, theirs, strict=True):
            if not isinstance(one, Unknown):
                known += 1
                plain = tuple(one.items) if isinstance(one, Seq) else one
                assert plain == other, name
    assert known, "nothing was computed"


@pytest.mark.parametrize("name", ONCE)
def test_it_is_worked_out_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []
    work_out = calls._run

    def noted(it: Interpreter, fn: Any, *rest: Any) -> Value:
        worked.append(fn.node.name)
        return work_out(it, fn, *rest)

    monkeypatch.setattr(calls, "_run", noted)
    evaluated(ONCE[name], times=1)
    assert worked.count("f") == 1


def test_the_steps_are_counted_each_time() -> None:
    source = "def f(x):\n    return x * 2 + 1\ndef run(x):\n    return f(x)"
    it = Interpreter()
    run = it.file_scope(SourceFile("example.py", "example", ast.parse(source))).lookup(it, "run")
    taken = []
    for _ in range(3):
        before = it.steps
        it.call(run, [4], {}, run.node, "run")
        taken.append(before - it.steps)
    assert len(set(taken)) == 1 and taken[0] > 4


def test_a_name_that_a_function_binds_again_is_never_taken_for_its_first_value() -> None:
    source = (
        "W, V = 1, 1\ndef f(x):\n    return W + x, V + x\ndef grow():\n    global W\n    W = 5\n"
        "def run():\n    one = f(1)\n    grow()\n    return [*one, *f(1)]"
    )
    for ours, theirs in zip(evaluated(source), python(source)):
        assert isinstance(ours, Seq)
        assert [isinstance(one, Unknown) for one in ours.items] == [True, False, True, False]
        assert [one for one in ours.items if not isinstance(one, Unknown)] == [theirs[1], theirs[3]]
