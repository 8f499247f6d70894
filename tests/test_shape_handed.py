"""Nets that are only handed to a builder: built with the settings of their models, unless somebody
may change these on the way."""

from __future__ import annotations

import ast
import textwrap

import pytest

from lint_params.project import Project
from lint_params.shape.check import Verdict
from lint_params.shape.runs.analyse import check_file
from lint_params.shape.runs.handed_over import HANDED

NET = """
    from torch import nn

    class Net(nn.Module):
        def __init__(self, width=8, base=64, num_classes=10):
            super().__init__()
            self.up = nn.Linear(16, int(width * (base / 64)))
            self.down = nn.Linear(2 * width, num_classes)

        def forward(self, x):
            return self.down(self.up(x))

    def create(variant, **kwargs):
        return build(Net, variant, **kwargs)

    def net(variant, **kwargs):
        return create(variant, **dict(dict(width=24), **kwargs))
"""


def refuted(builder: str) -> list[tuple[int | None, int | None]]:
    text = textwrap.dedent(NET) + textwrap.dedent(builder)
    project = Project()
    runs = check_file(project.add("net.py", ast.parse(text)), project)
    return [
        (o.expected, o.got)
        for run in runs if run.how == HANDED
        for o in run.obligations if o.verdict is Verdict.REFUTED
    ]  # fmt: skip


def test_a_builder_that_gives_what_it_gets() -> None:
    builder = """
        def build(cls, variant, **kwargs):
            if kwargs.pop("features_only", False):
                raise ValueError(variant)
            return cls(**kwargs)
    """
    assert refuted(builder) == [(48, 24)]


def test_what_a_builder_may_set_is_open() -> None:
    builder = """
        def fill(known, kwargs):
            for name in ("num_classes", "base"):
                kwargs.setdefault(name, known[name])

        def build(cls, variant, **kwargs):
            fill(read(variant), kwargs)
            return cls(**kwargs)
    """
    assert refuted(builder) == []


@pytest.mark.parametrize(
    "body",
    [
        'kwargs["width"] = 2 * kwargs["width"]; return cls(**kwargs)',
        "kwargs.update(read(variant)); return cls(**kwargs)",
        "kwargs = {**kwargs, **read(variant)}; return cls(**kwargs)",
        "return cls(**read(variant), **kwargs)",
        "return cls(read(variant), **kwargs)",
        "change(kwargs); return cls(**kwargs)",
        "for k in read(variant): kwargs[k] = 2\n    return cls(**kwargs)",
        "return variant",
    ],
)
def test_what_a_builder_may_change_is_not_taken(body: str) -> None:
    assert refuted(f"def build(cls, variant, **kwargs):\n    {body}\n") == []


def test_a_builder_that_nobody_sees() -> None:
    assert refuted("from elsewhere import build\n") == []
