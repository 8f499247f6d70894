"""What the verifier makes up for arguments whose use or whose error says what they are."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import DATA, HEAD, RULES, finding_at, judged_cases

import lint_params
from lint_params.verify import verify_findings

#: name: (source, flagged text, subject). What is flagged runs, on nothing that was repaired.
CASES = {
    "asked_for_by_name": (
        """
        class Named(nn.Module):
            def __init__(self, n_chans=None, mode=None, n_times=None):
                super().__init__()
                for name, value in (("n_chans", n_chans), ("n_times", n_times)):
                    if value is None:
                        raise ValueError(f"{name} is not known: give it")
                self.fc = nn.Linear(n_chans + 1, n_times)

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Named",
    ),
    "a_word_for_forward": (
        """
        class Phased(nn.Module):
            def __init__(self, width, kind="a", extra=None):
                super().__init__()
                self.kind, self.extra = kind, extra
                self.fc = nn.Linear(width, 3)

            def forward(self, x, phase, deep=False, mask=None):
                if phase == 0:
                    return x
                elif phase == 2 and deep:
                    return self._late(self.fc(x), mask)
                return x

            def _late(self, x, given):
                if given is not None and self.kind in ("b", "c"):
                    if self.extra is not None:
                        return x.relu()
                return x
        """,
        "return x.relu()",
        "Phased",
    ),
    "a_method_that_nothing_calls": (
        """
        class Frozen(nn.Module):
            def __init__(self, width, drop=0.0):
                super().__init__()
                self.drop = drop
                self.fc = nn.Linear(width, 3)

            def freeze(self):
                if self.drop:
                    self.fc.requires_grad_(False)

            def forward(self, x):
                return self.fc(x)
        """,
        "self.fc.requires_grad_(False)",
        "Frozen",
    ),
    "what_forward_asks_for": (
        """
        class Both(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.fc = nn.Linear(width, 3)

            def forward(self, x, table=None, scale=None):
                if table is None:
                    raise ValueError("table must be given")
                return self._scaled(self.fc(x), scale)

            def _scaled(self, x, scale):
                return x.sum(), scale.sum()
        """,
        "return x.sum(), scale.sum()",
        "Both",
    ),
    "a_layer_with_a_weight": (
        """
        class Beside(nn.Module):
            def __init__(self, layer):
                super().__init__()
                if not isinstance(layer, nn.Linear):
                    raise ValueError(f"not {layer}")
                self.layer = layer
                self.more = nn.Parameter(torch.zeros(layer.weight.shape[1]))

            def forward(self, x):
                return self.layer(x + self.more)
        """,
        "return self.layer(x + self.more)",
        "Beside",
    ),
    "an_optimizer_by_its_name": (
        """
        class Warm:
            def __init__(self, optimizer):
                self.rates = [group["lr"] for group in optimizer.param_groups]
        """,
        "self.rates =",
        "Warm",
    ),
    "a_number_by_its_annotation": (
        """
        from dataclasses import dataclass

        @dataclass
        class Plan:
            hidden_dims: int

        class Planned(nn.Module):
            def __init__(self, plan: Plan):
                super().__init__()
                self.fc = nn.Linear(plan.hidden_dims, 3)

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Planned",
    ),
    "a_probability": (
        """
        class Chance(nn.Module):
            def __init__(self, probability):
                super().__init__()
                assert 0 <= probability <= 1

            def forward(self, x):
                return x.relu()
        """,
        "return x.relu()",
        "Chance",
    ),
    "a_tensor_by_its_use": (
        """
        def resized(table, order):
            size = table.shape[0]
            return table.reshape(size, -1), order
        """,
        "return table",
        "resized",
    ),
    "a_text_by_its_use": (
        """
        def named(variant, order):
            depth, *rest = variant.split("_")
            return depth, rest, order
        """,
        "return depth",
        "named",
    ),
    "an_item_for_each_table": (
        """
        class Bags(nn.Module):
            def __init__(self, counts=(100, 50), dim=6):
                super().__init__()
                self.tables = nn.ModuleList([nn.EmbeddingBag(n, dim) for n in counts])

            def forward(self, sparse):
                rows = [table(ids) for table, ids in zip(self.tables, sparse)]
                return torch.stack(rows)
        """,
        "return torch.stack(rows)",
        "Bags",
    ),
    "a_class_for_each_row": (
        """
        class Inner(nn.Module):
            def __init__(self, n_actions):
                super().__init__()
                self.n_actions = n_actions
                self.fc = nn.Linear(n_actions, 3)

            def forward(self, scale, action):
                return scale * self.fc(nn.functional.one_hot(action, num_classes=self.n_actions).float())

        class Outer(nn.Module):
            def __init__(self, n_actions):
                super().__init__()
                self.scale = nn.Linear(4, 3)
                self.inner = Inner(n_actions)

            def forward(self, x, taken):
                return self.inner(self.scale(x), taken)
        """,
        "return scale * self.fc",
        "Outer",
    ),
    "a_state_of_two_parts": (
        """
        class Cell(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.fc = nn.Linear(width, width)

            def forward(self, x, before):
                h, c = before
                return self.fc(x) * h + c
        """,
        "return self.fc(x) * h + c",
        "Cell",
    ),
    "a_length_for_each_row": (
        """
        class Packed(nn.Module):
            def __init__(self, vocab_size):
                super().__init__()
                self.table = nn.Embedding(vocab_size, 6)
                self.rnn = nn.GRU(6, 4)

            def forward(self, text, text_lengths):
                rows = self.table(text)
                packed = nn.utils.rnn.pack_padded_sequence(rows, text_lengths.to("cpu"), enforce_sorted=False)
                return self.rnn(packed)
        """,
        "return self.rnn(packed)",
        "Packed",
    ),
    "a_tensor_for_each_name": (
        """
        class Named(nn.Module):
            def __init__(self, widths):
                super().__init__()
                self.parts = nn.ModuleDict({key: nn.Linear(width, 3) for key, width in widths.items()})

            def forward(self, inputs):
                return sum(self.parts[key](x) for key, x in inputs.items())
        """,
        "return sum(",
        "Named",
    ),
    "what_the_base_takes": (
        """
        class Scaled(nn.Conv2d):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.scale = nn.Parameter(torch.ones(1))

            def forward(self, x):
                return super().forward(x) * self.scale
        """,
        "return super().forward(x)",
        "Scaled",
    ),
    "a_method_in_the_place_of_forward": (
        """
        class Critic(nn.Module):
            def __init__(self, state_dim):
                super().__init__()
                self.value = nn.Linear(state_dim, 1)

            def forward(self):
                raise NotImplementedError

            def evaluate(self, state):
                return self.value(state).squeeze()
        """,
        "return self.value(state).squeeze()",
        "Critic",
    ),
    "what_a_trainer_is_given": (
        """
        class Net(nn.Module):
            def __init__(self, d_model, n_act):
                super().__init__()
                self.norm = nn.LayerNorm(d_model)
                self.fc = nn.Linear(d_model, n_act)

            def forward(self, x):
                return self.fc(self.norm(x))

        class Trainer:
            def __init__(self, net):
                self.net = net
                self.optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

            def learn(self, seen, wanted):
                loss = nn.functional.mse_loss(self.net(seen), wanted)
                loss.backward()
                self.optimizer.step()
        """,
        "self.optimizer.step()",
        "Trainer",
    ),
    "a_batch_by_its_parts": (
        """
        def score(model, batch):
            return nn.functional.cross_entropy(model(batch[0]), batch[1])

        def fit(student_model, train, val):
            optimizer = torch.optim.SGD(student_model.parameters(), lr=0.1)
            nn.functional.mse_loss(student_model(train[0]), train[1]).backward()
            optimizer.step()
            return compare(student_model, *val)

        def compare(model, x, y):
            return nn.functional.mse_loss(model(x), y)
        """,
        "return compare(",
        "fit",
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory):
    return judged_cases(CASES, tmp_path_factory.mktemp("made_up"))


@pytest.mark.parametrize("name", CASES)
def test_the_flagged_line_runs(verdicts, name: str) -> None:
    assert verdicts[name].verdict.value == "refuted", verdicts[name].evidence


def test_a_missing_attribute_is_shown_by_an_input_that_was_given_up(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    body = """
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 3)

        def forward(self, x, y):
            rows, steps, size = y.shape
            x = self.fcc(x)
            return x
    """
    path.write_text(HEAD + textwrap.dedent(body))
    (one,) = [f for f in lint_params.lint([path], select=["LP312"])]
    (judged,) = verify_findings([one], device="cpu")
    assert judged.verification is not None
    assert judged.verification.verdict.value == "confirmed", judged.verification.evidence
    assert "has no attribute 'fcc'" in judged.verification.evidence


def test_each_finding_of_a_class_has_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DATA))
    path = tmp_path / "several.py"
    body = """
    class Several(nn.Module):
        def forward(self, x, phase=0):
            if phase == 1:
                x = x.relu()
            if phase == 2:
                x = x.tanh()
            return x

        def more(self):
            return self.training
    """
    path.write_text(HEAD + textwrap.dedent(body))
    texts = ["return x", "x.relu()", "x.tanh()", "self.training"]
    asked = [finding_at(path, text, "LP900", "Several", {}) for text in texts]
    judged = verify_findings(asked, device="cpu", rules=RULES)
    assert [f.verification.verdict.value for f in judged if f.verification] == ["refuted"] * 4
