"""Layers that defaults leave out: which choices lead to them, what is proved there, and that torch
comes to the layer with the same choices."""

from __future__ import annotations

import ast
import textwrap

import pytest

from lint_params.project import Project
from lint_params.shape.check import Verdict
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.output.findings import ShapeFacts
from lint_params.shape.output.why import why_report
from lint_params.shape.runs.analyse import check_file
from lint_params.shape.runs.arguments import Mode
from lint_params.shape.runs.chosen import GIVEN
from lint_params.shape.runs.conditions import Conditions
from lint_params.shape.runs.one_class import run_class
from lint_params.shape.value import ClassRef

HEAD = "import torch\nfrom torch import nn\n"
#: The class, the attribute in question, what is chosen, a call that torch takes.
CASES = {
    "a flag": (
        """
        class Net(nn.Module):
            def __init__(self, dim, deep=False):
                super().__init__()
                if deep:
                    stem = [nn.Linear(dim, 7), nn.Linear(7, 5)]
                else:
                    stem = [nn.Linear(dim, 5)]
                self.stem = nn.Sequential(*stem)
            def forward(self, x):
                return self.stem(x)
        """,
        "stem", {"deep": True}, "Net(3, deep=True)(torch.randn(2, 3))",
    ),
    "a flag kept under another name, and asked in forward": (
        """
        class Net(nn.Module):
            def __init__(self, dim, use_skip=False):
                super().__init__()
                self.body = nn.Linear(dim, dim)
                self.with_skip = use_skip
                self.skip = nn.Linear(dim, 4) if self.with_skip else None
            def forward(self, x):
                x = self.body(x)
                if not self.with_skip:
                    return x
                return self.skip(x)
        """,
        "skip", {"use_skip": True}, "Net(3, use_skip=True)(torch.randn(2, 3))",
    ),
    "a text": (
        """
        class Net(nn.Module):
            def __init__(self, dim, union="cat"):
                super().__init__()
                self.union = union
                self.fc = None
                if union == "cat":
                    self.fc = nn.Linear(2 * dim, dim)
                elif union == "add":
                    self.fc = nn.Linear(dim, dim)
                else:
                    raise ValueError(union)
                self.one = nn.Linear(dim, dim)
            def forward(self, x):
                x = self.one(x)
                x = torch.cat([x, x], -1) if self.union == "cat" else x + x
                if self.fc is not None:
                    x = self.fc(x)
                return x
        """,
        "fc", {"union": "add"}, "Net(3, union='add')(torch.randn(2, 3))",
    ),
    "a part of a text": (
        """
        class Net(nn.Module):
            def __init__(self, dim, stem=""):
                super().__init__()
                deep = "deep" in stem
                self.one = nn.Linear(dim, 8)
                self.two = nn.Linear(8, 8) if deep else nn.Identity()
            def forward(self, x):
                return self.two(self.one(x))
        """,
        "two", {"stem": "deep"}, "Net(3, stem='deep')(torch.randn(2, 3))",
    ),
    "an argument that need not be given, and a helper method": (
        """
        class Net(nn.Module):
            def __init__(self, dim, hidden=None):
                super().__init__()
                self.hidden = hidden
                self.one = nn.Linear(dim, dim)
                if hidden is not None:
                    self._init_head(dim, hidden)
            def _init_head(self, dim, hidden):
                self.head = nn.Linear(dim, hidden)
            def forward(self, x):
                x = self.one(x)
                if self.hidden is None:
                    return x
                return self._head(x)
            def _head(self, x):
                return self.head(x)
        """,
        "head", {"hidden": GIVEN}, "Net(3, hidden=4)(torch.randn(2, 3))",
    ),
    "a number": (
        """
        class Net(nn.Module):
            def __init__(self, dim, radix=2):
                super().__init__()
                self.one = nn.Linear(dim, dim)
                if radix > 1:
                    self.two = nn.Identity()
                else:
                    self.two = nn.Linear(dim, dim)
            def forward(self, x):
                return self.two(self.one(x))
        """,
        "two", {"radix": 1}, "Net(3, radix=1)(torch.randn(2, 3))",
    ),
    "two at once, one of them of forward": (
        """
        class Net(nn.Module):
            def __init__(self, dim, extra=False):
                super().__init__()
                self.one = nn.Linear(dim, dim)
                if extra:
                    self.two = nn.Linear(dim, 2)
                self.extra = extra
            def forward(self, x, more=False):
                x = self.one(x)
                if self.extra and more:
                    x = self.two(x)
                return x
        """,
        "two", {"extra": True, "more": True}, "Net(3, extra=True)(torch.randn(2, 3), more=True)",
    ),
}  # fmt: skip


def _runs(source: str) -> list:
    project = Project()
    return list(check_file(project.add("net.py", ast.parse(HEAD + textwrap.dedent(source))), project, suppose=True))


@pytest.mark.parametrize("name", CASES)
def test_the_choice_leads_to_the_layer_and_proves_it(name: str) -> None:
    source, attribute, chosen, _ = CASES[name]
    project = Project()
    file = project.add("net.py", ast.parse(HEAD + textwrap.dedent(source)))
    (node,) = [n for n in file.tree.body if isinstance(n, ast.ClassDef)]
    it, cls = Interpreter(project), ClassRef(node, file)
    it.current = file
    methods = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}
    conditions = Conditions(node, methods)
    layers = [n for n in ast.walk(node) if isinstance(n, ast.Call) and ast.unparse(n.func) == "nn.Linear"]
    choices = [
        conditions.needed(built, use)
        for built in layers
        for use in conditions.uses[attribute]
        if conditions.attribute(built) in (attribute, "")
    ]
    (choice,) = [c for c in choices if c and {key[1]: value for key, value in c.items()} == chosen][:1]
    run = run_class(it, cls, "Net", (cls, methods["__init__"]), Mode.SIZES, frozenset(), chosen=choice)
    proved = [o.name for o in run.obligations if o.verdict is Verdict.PROVED]
    assert any(one.startswith(f"self.{attribute}") for one in proved)


@pytest.mark.parametrize("name", CASES)
def test_torch_comes_to_it_with_that_choice_and_not_without(name: str) -> None:
    torch = pytest.importorskip("torch")
    source, attribute, _, call = CASES[name]
    scope: dict = {}
    exec(HEAD + textwrap.dedent(source), scope)
    called: list[str] = []
    original = torch.nn.Module.__call__

    def spy(module: object, *args: object, **kwargs: object) -> object:
        called.append(f"{type(module).__name__} {getattr(module, 'in_features', '')}")
        return original(module, *args, **kwargs)

    counts = []
    for one in (call, "Net(3)(torch.randn(2, 3))"):
        called.clear()
        torch.nn.Module.__call__ = spy
        try:
            eval(one, scope)
        finally:
            torch.nn.Module.__call__ = original
        counts.append(list(called))
    assert counts[0] != counts[1]


WRONG = """
class Net(nn.Module):
    def __init__(self, dim, extra=False, wide=False):
        super().__init__()
        self.one = nn.Linear(dim, 8 if wide else 4)
        if extra:
            self.two = nn.Linear(8, 3)
        self.extra = extra
    def forward(self, x):
        x = self.one(x)
        return self.two(x) if self.extra else x
"""


def test_what_is_refuted_under_a_choice_is_not_reported() -> None:
    """The author may mean the two flags to go together, and a linted file has no such runs."""
    runs = _runs(WRONG)
    assert any(run.how == "supposed" for run in runs)
    assert not any(o.verdict is Verdict.REFUTED for run in runs for o in run.obligations if run.how == "supposed")
    project = Project()
    facts = ShapeFacts(project.add("net.py", ast.parse(HEAD + WRONG)), project)
    assert not facts.mismatches
    assert all(run.how != "supposed" for run in facts.runs)


def test_defaults_stand_in_for_what_callers_give() -> None:
    source = """
    class Block(nn.Module):
        def __init__(self, dim, norm=nn.LayerNorm):
            super().__init__()
            self.norm = norm(dim)
            self.fc = nn.Linear(dim, dim)
        def forward(self, x):
            return self.norm(self.fc(x))

    class Net(nn.Module):
        def __init__(self, dim, norm):
            super().__init__()
            self.block = Block(dim, norm)
        def forward(self, x):
            return self.block(x)
    """
    first = [r for r in _runs(source) if r.how == "supposed" and r.subject == "Block"][0]
    assert [o.name for o in first.obligations if o.verdict is Verdict.PROVED] == ["self.norm"]


def test_why_names_the_choice() -> None:
    source = HEAD + textwrap.dedent(CASES["a text"][0])
    line = source.splitlines().index("            x = self.fc(x)") + 1
    told = why_report("net.py", source, line)
    assert "proved: self.fc [linear-input-mismatch] needs dim, gets dim, with union='add' in Net" in told
