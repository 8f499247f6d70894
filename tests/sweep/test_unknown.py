"""What ``unknown.py`` counts: every layer call once, by the best that a run says of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from census import ASIDE, Library

SOURCE = '''
import torch
from torch import nn
from elsewhere import unheard_of


class Net(nn.Module):
    def __init__(self, dim, made):
        super().__init__()
        self.first = nn.Linear(dim, 2 * dim)
        self.second = nn.Linear(2 * dim, dim)
        self.third = nn.Linear(dim, dim)
        self.idle = nn.Linear(dim, dim)
        self.given = made(dim)

    def forward(self, x):
        x = self.second(self.first(x))
        x = self.given(x)
        return self.third(unheard_of(x))

    def grow(self, dim):
        self.first = nn.Linear(dim, 8)


class Wrong(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, 7), nn.Linear(8, dim))

    def forward(self, x):
        return self.net(x)


class Block(nn.Module):
    def __init__(self, dim, layer):
        super().__init__()
        self.first = layer(dim, dim)
        self.second = nn.Linear(dim, dim)

    def forward(self, x):
        return self.second(self.first(x))


class Stack(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.block = Block(dim, nn.Linear)

    def forward(self, x):
        return self.block(x)


class Fusing:
    def fuse(self, dim):
        self.fused = nn.Linear(dim, 3 * dim)


class Handed(nn.Module):
    def __init__(self, dim, teacher):
        super().__init__()
        self.teacher = teacher
        self.learn = nn.Linear(dim, dim)

    def forward(self, x):
        return self.learn(self.teacher(x))


class Made(nn.Module):
    def __init__(self, dim, layer):
        super().__init__()
        self.made = layer(dim)
        self.after = nn.Linear(dim, dim)

    def forward(self, x):
        return self.after(self.made(x))


class Joined(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.both = nn.Linear(dim, dim)
        self.again = nn.Linear(dim, dim)
        self.late = nn.Linear(dim, dim)

    def forward(self, one, other, at: int):
        both = torch.cat([one, other], dim=at)
        both = self.both(both)
        return self.again(both), self.late(torch.cat([both, both], dim=at))


class Pooled(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.head = nn.Linear(dim, 4)

    def forward(self, x):
        return self.head(x.mean(1))
'''

ANSWERS = [
    ("Net.first", "free input", ""),
    ("Net.second", "proved", ""),
    ("Net.third", "unknown", "value: unknown function elsewhere.unheard_of"),
    ("Net.idle", "unknown", "built, never called"),
    ("Net.first", "unknown", ASIDE),
    ("Wrong.net", "free input", ""),
    ("Wrong.net", "refuted", ""),
    ("Block.first", "free input", ""),
    ("Block.second", "proved", ""),
    ("Fusing.fused", "unknown", ASIDE),
    ("Handed.learn", "free input", ""),
    ("Made.after", "unknown", "value: call of an argument"),
    ("Joined.both", "free input", ""),
    ("Joined.again", "proved", ""),
    ("Joined.late", "unknown", "sizes not comparable: a size of the output of torch.cat"),
    ("Pooled.head", "free input", ""),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    folder = tmp_path_factory.mktemp("library")
    (folder / "net.py").write_text(SOURCE)
    library = Library(folder)
    library.read(folder / "net.py")
    return [(a.place, a.kind.value, a.why) for a in library.answers()]


@pytest.mark.parametrize(("name", "kind", "why"), ANSWERS)
def test_each_layer_is_counted(answers: list[tuple[str, str, str]], name: str, kind: str, why: str) -> None:
    assert any(f" {name}" in place and (k, w) == (kind, why) for place, k, w in answers), answers


def test_an_attribute_that_may_be_a_layer_counts(answers: list[tuple[str, str, str]]) -> None:
    assert [(k, w) for p, k, w in answers if " " not in p] == [
        ("unknown", "callee is unknown: call of an argument")
    ] * 2
    assert len(answers) == len(ANSWERS) + 2
