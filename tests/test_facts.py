"""What the facts answer, and that they stay silent where the source does not say."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from textwrap import dedent

import pytest

from lint_params.facts import ClassFacts, FileFacts, Kind
from lint_params.project import Project

HEAD = """\
import torch
import torch.nn as nn
import torch.nn.functional as F
"""


def read(text: str, head: str = HEAD) -> FileFacts:
    text = head + dedent(text)
    return FileFacts("example.py", text, ast.parse(text))


def last(facts: FileFacts, name: str) -> Kind:
    """The kind of the last use ``probe(<expr>)`` named by its keyword, else of the first."""
    for call in facts.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "probe":
            for keyword in call.keywords:
                if keyword.arg == name:
                    return facts.kind_of(keyword.value)
    raise AssertionError(name)


def cls_of(facts: FileFacts, name: str) -> ClassFacts:
    return next(cls for cls in facts.classes if cls.name == name)


# -- names -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("imports", "expression", "expected"),
    [
        ("import torch", "torch.nn.Linear", "torch.nn.Linear"),
        ("import torch.nn as nn", "nn.Linear", "torch.nn.Linear"),
        ("from torch import nn as N", "N.Linear", "torch.nn.Linear"),
        ("from torch.nn import Linear as L", "L", "torch.nn.Linear"),
        ("from torch.nn.modules.linear import Linear", "Linear", "torch.nn.Linear"),
        ("from torch.nn.parameter import Parameter", "Parameter", "torch.nn.Parameter"),
        ("from torch.nn import *", "Linear", "torch.nn.Linear"),
        ("import torch.nn as nn\nLinear = nn.Linear", "Linear", "torch.nn.Linear"),
        ("import inspect", "inspect.Parameter", "inspect.Parameter"),
        ("", "len", "builtins.len"),
        ("", "unknown", None),
    ],
)
def test_qualify(imports: str, expression: str, expected: str | None) -> None:
    text = f"{imports}\nprobe({expression})\n"
    facts = FileFacts("m.py", text, ast.parse(text))
    call = next(facts.nodes(ast.Call))
    assert facts.qualify(call.args[0]) == expected


def test_qualify_respects_local_names() -> None:
    facts = read(
        """
        def shadowed(nn):
            probe(nn.Linear)

        def imported():
            from torch import optim as nn
            probe(nn.SGD)

        def alias():
            Layer = nn.Linear
            probe(Layer)

        def rebound(flag):
            Layer = nn.Linear
            if flag:
                Layer = nn.Conv2d
            probe(Layer)

        def inner(xs):
            return [probe(torch.x) for torch in xs]
        """
    )
    found = [
        facts.qualify(call.args[0])
        for call in facts.nodes(ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "probe"
    ]
    assert found[:4] == [None, "torch.optim.SGD", "torch.nn.Linear", None]


# -- classes ---------------------------------------------------------------------------
def test_module_classes() -> None:
    facts = read(
        """
        from abc import ABC
        from typing import Generic, TypeVar
        from elsewhere import Thing
        import pytorch_lightning as pl
        T = TypeVar("T")
        class A(nn.Module): pass
        class B(A): pass
        class C(nn.Linear): pass
        class D(Thing): pass
        class E(Thing, nn.Module): pass
        class G(nn.Module, Generic[T], ABC): pass
        class H(pl.LightningModule): pass
        class I: pass
        class J(nn.modules.batchnorm.BatchNorm2d): pass
        class Parameter: pass
        """
    )
    assert [cls.name for cls in facts.module_classes] == ["A", "B", "C", "E", "G", "H", "J"]
    complete = {cls.name: cls.bases_complete for cls in facts.module_classes}
    assert complete == {
        "A": True, "B": True, "C": True, "E": False, "G": True, "H": False, "J": True
    }  # fmt: skip
    assert [one.name for one in cls_of(facts, "B").mro] == ["B", "A"]
    assert cls_of(facts, "A").subclasses == [cls_of(facts, "B")]


def test_bases_from_other_files(tmp_path: Path) -> None:
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("from .base import Base\n")
    (package / "base.py").write_text(
        "from torch import nn\n"
        "class Base(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(2, 2)\n"
        "def build():\n    return nn.Conv2d(1, 1, 1)\n"
    )
    text = (
        "from pkg import Base as B\nfrom .base import build\n"
        "class Net(B):\n    def f(self):\n        probe(fc=self.fc, made=build())\n"
    )
    path = package / "net.py"
    path.write_text(text)
    facts = FileFacts(str(path), text, ast.parse(text), Project())
    net = cls_of(facts, "Net")
    assert net.is_module
    assert net.bases_complete
    assert "fc" in net.submodules
    assert last(facts, "fc").layer == "Linear"
    assert last(facts, "made").layer == "Conv2d"


def test_members_and_methods() -> None:
    facts = read(
        """
        class Net(nn.Module):
            size = 3
            w: nn.Parameter
            def __init__(self, dim, deep):
                self.dim = dim
                super().__init__()
                self.fc, self.act = nn.Linear(dim, dim), nn.ReLU()
                self.w = nn.Parameter(torch.zeros(dim))
                if deep:
                    self.more = nn.Linear(dim, dim)
                self.register_buffer("mean", torch.zeros(dim))
                self._build()
            def _build(self):
                self.head = nn.Linear(3, 3)
                setattr(self, f"x{self.dim}", 1)
            def forward(self, x):
                return self._helper(x)
            def _helper(self, x):
                return self.fc(x)
            def unused(self):
                pass
        """
    )
    net = cls_of(facts, "Net")
    assert net.members["dim"][0].before_super
    assert not net.members["fc"][0].before_super
    assert net.kind("fc").layer == "Linear"
    assert net.kind("act").layer == "ReLU"
    assert set(net.parameters) == {"w"}
    assert set(net.buffers) == {"mean"}
    assert {"fc", "act", "more", "head"} <= set(net.submodules)
    assert [c.what for c in net.members["more"][0].conditions] == ["if"]
    assert net.members["head"][0].method == "_build"
    assert net.reached_from_forward == {"forward", "_helper"}
    assert "_build" in net.reached_from_init
    assert len(net.dynamic_members) == 1
    assert net.may_define("anything")  # because of setattr with a computed name


def test_may_define() -> None:
    facts = read(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = 1
            def m(self): ...
        class Odd(Net, Unknown): ...
        """
    )
    net = cls_of(facts, "Net")
    assert net.may_define("a")
    assert net.may_define("m")
    assert net.may_define("training")
    assert not net.may_define("b")
    assert cls_of(facts, "Odd").may_define("b")


# -- values ----------------------------------------------------------------------------
def test_kinds_through_names_and_branches() -> None:
    facts = read(
        """
        def f(x, flag, layer: nn.Linear, model: nn.Module):
            w = torch.zeros(3)
            a = nn.Parameter(w)
            b = a * 2
            if flag:
                c = nn.Linear(2, 2)
            else:
                c = nn.Conv2d(1, 1, 1)
            d = None
            if flag:
                d = nn.Linear(2, 2)
            e = x
            g = a
            g = g.t()
            for p in model.parameters():
                q = p
            for i, m in enumerate(model.modules()):
                if isinstance(m, nn.Linear):
                    probe(narrowed=m.weight)
                if not isinstance(m, (nn.Linear, nn.Conv2d)):
                    continue
                probe(both=m.weight)
            h = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
            moved = nn.Linear(2, 2).to("cpu").eval()
            probe(w=w, a=a, b=b, c=c, d=d, e=e, g=g, q=q, weight=layer.weight, data=a.data)
            probe(items=h[0], moved=moved, unknown=x.weight, mask=lambda w: w)
            probe(comprehended=[m for m in model.modules() if isinstance(m, nn.Linear)][0])
        """
    )
    assert last(facts, "w").is_tensor
    assert last(facts, "a").is_parameter
    assert last(facts, "b").is_tensor
    origin = last(facts, "b").origin
    assert origin is not None and origin.is_parameter
    choice = last(facts, "c")
    assert choice.what == "choice"
    assert choice.may_be("module")
    assert not choice.is_module
    optional = last(facts, "d")
    assert optional.layer == "Linear"
    assert optional.optional
    assert not last(facts, "e").known
    assert last(facts, "g").is_tensor
    assert last(facts, "q").is_parameter
    assert last(facts, "weight").is_parameter
    assert last(facts, "narrowed").is_parameter
    assert last(facts, "both").is_parameter
    data = last(facts, "data")
    assert data.is_tensor and data.same_data
    assert last(facts, "items").layer == "Linear"
    assert last(facts, "moved").layer == "Linear"
    assert not last(facts, "unknown").known
    assert last(facts, "comprehended").layer == "Linear"


def test_kinds_of_attributes() -> None:
    facts = read(
        """
        class Block(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.fc = nn.Linear(dim, dim)
                self.scale = nn.Parameter(torch.ones(dim))
        class Plain:
            def __init__(self):
                self.data = [1]
        class Net(nn.Module):
            def __init__(self, other):
                super().__init__()
                self.block = Block(3)
                self.plain = Plain()
                self.other = other
                self.beta = nn.Parameter(torch.zeros(3))
                self.lazy = nn.LazyLinear(3)
            def clamp(self):
                self.beta = self.beta.clamp(0, 1)
            def f(self):
                w = self.beta.clamp(0, 1)
                probe(weight=self.block.fc.weight, scale=self.block.scale, plain=self.plain)
                probe(other=self.other.weight, clamped=w, lazy=self.lazy.weight)
                probe(stat=self.block.fc.weight.data.abs(), grad=self.beta.grad)
        """
    )
    assert last(facts, "weight").is_parameter
    assert last(facts, "scale").is_parameter
    plain = last(facts, "plain")
    assert plain.what == "object" and plain.cls is cls_of(facts, "Plain")
    assert not last(facts, "other").known
    assert last(facts, "clamped").is_tensor
    assert last(facts, "lazy").is_uninitialised
    assert last(facts, "stat").is_tensor
    assert last(facts, "grad").is_tensor


def test_functions_of_the_file_are_followed() -> None:
    facts = read(
        """
        def layer(n):
            return nn.Sequential(nn.Linear(n, n), nn.ReLU())
        def maybe(n):
            if n:
                return nn.Linear(n, n)
        def weight(n):
            w = nn.Parameter(torch.empty(n))
            nn.init.zeros_(w)
            return w
        def loop(n):
            return loop(n - 1)
        @cached
        def decorated(n):
            return nn.Linear(n, n)
        probe(layer=layer(3), maybe=maybe(3), weight=weight(3), loop=loop(3), decorated=decorated(3))
        """
    )
    assert last(facts, "layer").layer == "Sequential"
    assert last(facts, "maybe").optional
    assert last(facts, "weight").is_parameter
    assert not last(facts, "loop").known
    assert not last(facts, "decorated").known


def test_loops_keep_both_values() -> None:
    facts = read(
        """
        def f(xs):
            h = None
            for x in xs:
                probe(h=h)
                h = torch.zeros(3)
            while True:
                k = nn.Linear(2, 2)
                break
            probe(k=k)
            try:
                t = torch.ones(2)
            except ValueError:
                t = None
            probe(t=t)
        """
    )
    kind = last(facts, "h")
    assert kind.is_tensor and kind.optional
    assert last(facts, "k").layer == "Linear"
    assert last(facts, "t").optional


@pytest.mark.parametrize(
    ("expression", "shape", "dtype", "unwritten"),
    [
        ("torch.empty(2, 3)", 2, "", True),
        ("torch.empty((2, 3))", 2, "", True),
        ("torch.zeros(size=(2, 3))", 2, "", False),
        ("torch.zeros(n)", None, "", False),  # n may be a torch.Size
        ("torch.Tensor(2, 3)", 2, "", True),
        ("torch.Tensor([1, 2])", 1, "", False),
        ("torch.Tensor()", 1, "", True),
        ("torch.tensor(1.0)", 0, "torch.float32", False),
        ("torch.tensor([1, 2])", 1, "torch.int64", False),
        ("torch.tensor([1.0, 2])", 1, "torch.float32", False),
        ("torch.arange(0, 3)", None, "torch.int64", False),
        ("torch.arange(0, 3).float()", None, "torch.float32", False),
        ("torch.arange(0.0, 3)", None, "", False),
        ("torch.zeros(3, dtype=torch.long)", 1, "torch.long", False),
        ("torch.full((2,), 1)", 1, "torch.int64", False),
        ("torch.empty_like(x)", None, "", True),
    ],
)
def test_creation(expression: str, shape: int | None, dtype: str, unwritten: bool) -> None:
    facts = read(f"def f(n, x):\n    w = {expression}\n    probe(w=w)\n")
    call = next(c for c in facts.nodes(ast.Call) if ast.unparse(c.func) == "probe")
    made = facts.creation(call.keywords[0].value)
    assert made is not None
    assert (None if made.shape is None else len(made.shape)) == shape
    assert made.dtype == dtype
    assert made.unwritten == unwritten


@pytest.mark.parametrize(
    ("expression", "owns"),
    [
        ("nn.Linear(2, 2)", True),
        ("nn.ReLU()", False),
        ("nn.LayerNorm(3, elementwise_affine=False)", False),
        ("nn.InstanceNorm2d(3)", False),
        ("nn.InstanceNorm2d(3, affine=True)", True),
        ("nn.Sequential(nn.ReLU(), nn.Linear(2, 2))", True),
        ("nn.Sequential(nn.ReLU(), nn.Flatten())", False),
        ("nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])", True),
        ("Block()", True),
        ("NoBlock()", False),
        ("Maybe(1)", None),
        ("unknown()", None),
    ],
)
def test_owns_parameters(expression: str, owns: bool | None) -> None:
    facts = read(
        f"""
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(2, 2)
        class NoBlock(nn.Module):
            def __init__(self):
                super().__init__()
                self.act = nn.ReLU()
        class Maybe(nn.Module):
            def __init__(self, deep):
                super().__init__()
                if deep:
                    self.fc = nn.Linear(2, 2)
        probe(m={expression})
        """
    )
    call = next(c for c in facts.nodes(ast.Call) if ast.unparse(c.func) == "probe")
    assert facts.owns_parameters(call.keywords[0].value) is owns


# -- writes, conditions, optimizers ----------------------------------------------------
def test_writes() -> None:
    facts = read(
        """
        def f(p: nn.Parameter, xs):
            p.data = p.data.t()
            p.data[0] = 1
            p.data.zero_()
            p[0].fill_(1)
            p[0] = 1
            p += 1
            nn.init.ones_(p)
            xs.append(p)
            xs[0].zero_()
            del xs
            p.detach().add_(1)
        """
    )
    found = [(ast.unparse(w.target), w.how, w.through, w.method, w.view) for w in facts.writes]
    assert ("p", "bind", "data", "", False) in found
    assert ("p", "item", "data", "", False) in found
    assert ("p", "method", "data", "zero_", False) in found
    assert ("p", "method", "", "fill_", True) in found
    assert ("p", "item", "", "", False) in found
    assert ("p", "augmented", "", "", False) in found
    assert ("p", "init", "", "ones_", False) in found
    assert ("xs", "grow", "", "append", False) in found
    assert ("xs[0]", "method", "", "zero_", False) in found
    assert ("xs", "delete", "", "", False) in found
    assert ("p", "method", "detach", "add_", False) in found


def test_no_grad() -> None:
    facts = read(
        """
        def a(x):
            with torch.no_grad():
                probe(1)
            probe(0)
        @torch.inference_mode()
        def b(x):
            probe(1)
        def c(x):
            with torch.set_grad_enabled(False):
                probe(1)
            with torch.set_grad_enabled(True):
                probe(0)
            with open("x"):
                probe(0)
        """
    )
    for call in facts.nodes(ast.Call):
        if isinstance(call.func, ast.Name) and call.func.id == "probe":
            argument = call.args[0]
            assert isinstance(argument, ast.Constant)
            assert facts.no_grad(call) == bool(argument.value), ast.unparse(call)


def test_optimizers() -> None:
    facts = read(
        """
        def f(model, other, flag):
            a = torch.optim.SGD(model.parameters(), lr=1)
            b = torch.optim.Adam([{"params": model.body.parameters()}, {"params": other.parameters()}])
            c = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()))
            ps = list(model.parameters()) + list(other.parameters())
            d = torch.optim.AdamW(ps)
            e = torch.optim.SGD(groups(model))
        """
    )
    found = [
        ([ast.unparse(owner) for owner in one.owners], one.complete, one.name)
        for one in facts.optimizers
    ]
    assert found == [
        (["model"], True, "a"),
        (["model.body", "other"], True, "b"),
        (["model"], False, "c"),
        (["model", "other"], True, "d"),
        ([], False, "e"),
    ]


def test_places_count_characters() -> None:
    text = 'é = "ü"; probe(é)\n'
    facts = FileFacts("x.py", text, ast.parse(text))
    place = facts.place(next(facts.nodes(ast.Call)))
    assert (place.column, place.end_column) == (10, 18)
    assert text[place.column - 1 : place.end_column - 1] == "probe(é)"


def test_deep_and_odd_sources_do_not_hang() -> None:
    deep = "x = " + "+".join(["a"] * 400)
    loops = "".join("    " * i + f"for i{i} in x:\n" for i in range(1, 12))
    text = f"import torch\n{deep}\ndef f(x):\n{loops}{'    ' * 12}y = y * 2\n    probe(y=y)\n"
    facts = FileFacts("x.py", text, ast.parse(text))
    for call in facts.nodes(ast.Call):
        for keyword in call.keywords:
            facts.kind_of(keyword.value)
    for write in facts.writes:
        facts.kind_of(write.target)


def test_what_lies_in_what_is_found_at_once() -> None:
    from lint_params.facts.story.things import Thing

    rows = [[Thing("module") for _ in range(8)] for _ in range(10)]
    for below, above in zip(rows, rows[1:]):
        for one in below:
            one.inside.extend(above)
    began = time.process_time()
    assert rows[0][0].lies_in(rows[-1][0])
    assert not rows[0][0].lies_in(Thing("module"))  # 8 ** 9 ways lead up
    assert time.process_time() - began < 0.5


def test_words_that_loops_and_formats_put_together() -> None:
    facts = read(
        """
        NAMES = ("left", "right")

        class Net(nn.Module):
            PARTS = ("stem", "head")

            def __init__(self, depth, names):
                super().__init__()
                grown = ["a"]
                grown.append(names[0])
                for i in range(2):
                    probe(one=f"up{i}", two="up%d" % (i + 1), three="up{}".format(i))
                    for j, name in enumerate(NAMES):
                        probe(four=name + "_" + str(i), five=j)
                for part in self.PARTS:
                    probe(six=part)
                for k in range(depth):
                    probe(seven=f"up{k}")
                for name in grown:
                    probe(eight=name)
                probe(nine=f"{depth}", ten=f"{1.5:.1f}")
        """
    )

    def words(name: str) -> list[str | int] | None:
        given = [word for call in facts.nodes(ast.Call) for word in call.keywords if word.arg == name]
        return facts.words(given[0].value)

    assert words("one") == ["up0", "up1"]
    assert words("two") == ["up1", "up2"]
    assert words("three") == ["up0", "up1"]
    assert sorted(words("four") or ()) == ["left_0", "left_1", "right_0", "right_1"]
    assert words("five") == [0, 1]
    assert words("six") == ["stem", "head"]
    assert [words(name) for name in ("seven", "eight", "nine", "ten")] == [None] * 4
