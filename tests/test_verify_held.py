"""What the verifier makes up for objects that hold sizes, data or methods, and for several inputs."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import HEAD, judged_cases

import lint_params
from lint_params.verify import verify_findings

#: name: (source, flagged text, subject). What is flagged runs, on nothing that was repaired.
CASES = {
    "a_size_in_a_configuration": (
        """
        class Net(nn.Module):
            def __init__(self, args):
                super().__init__()
                width = args.emb_dims
                self.fc = nn.Linear(width, args.hidden_units)
                self.drop = nn.Dropout(args.dropout_rate)

            def forward(self, x):
                return self.drop(self.fc(x))
        """,
        "return self.drop(self.fc(x))",
        "Net",
    ),
    "a_word_in_a_configuration": (
        """
        class Net(nn.Module):
            def __init__(self, config):
                super().__init__()
                self.mode = config.mode
                if self.mode == "plain":
                    self.fc = nn.Linear(8, 4)
                else:
                    exit()

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Net",
    ),
    "what_need_not_be_in_a_configuration": (
        """
        class Net(nn.Module):
            def __init__(self, config):
                super().__init__()
                if config.table is not None:
                    self.table = nn.Embedding.from_pretrained(config.table)
                else:
                    self.table = nn.Embedding(config.n_vocab, config.embed)
                self.fc = nn.Linear(config.embed, 3)

            def forward(self, x):
                return self.fc(self.table(x))
        """,
        "return self.fc(self.table(x))",
        "Net",
    ),
    "what_an_object_holds": (
        """
        import numpy as np

        class Agent(nn.Module):
            def __init__(self, envs):
                super().__init__()
                size = int(np.array(envs.single_space.shape).prod())
                self.fc = nn.Linear(size, 3)

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Agent",
    ),
    "a_layer_of_the_name_of_an_argument": (
        """
        class Net(nn.Module):
            def __init__(self, width, dropout, alpha):
                super().__init__()
                self.alpha = alpha
                self.fc = nn.Linear(width, 3)
                self.dropout = nn.Dropout(dropout)
                self.act = nn.LeakyReLU(self.alpha)

            def forward(self, x):
                return self.dropout(self.act(self.fc(x)))
        """,
        "return self.dropout(",
        "Net",
    ),
    "what_is_called_with_words": (
        """
        class Pair(nn.Module):
            def __init__(self, base_encoder, dim):
                super().__init__()
                self.one = base_encoder(num_classes=dim)
                self.other = base_encoder(num_classes=dim)

            def forward(self, x):
                return self.one(x) + self.other(x)
        """,
        "return self.one(x)",
        "Pair",
    ),
    "sizes_that_a_message_is_about": (
        """
        class Odd(nn.Module):
            def __init__(self, width, filter_widths):
                super().__init__()
                for each in filter_widths:
                    assert each % 2, "Only odd filter widths are supported"
                self.fc = nn.Linear(width, filter_widths[0])

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Odd",
    ),
    "an_argument_that_is_handed_on": (
        """
        class Inner(nn.Module):
            def __init__(self, obs, act):
                super().__init__()
                self.fc = nn.Linear(obs, act)

            def forward(self, x):
                return self.fc(x)

        class Outer(nn.Module):
            def __init__(self, obs, act):
                super().__init__()
                self.inner = Inner(obs, act=act)

            def forward(self, x):
                return self.inner(x).relu()
        """,
        "return self.inner(x).relu()",
        "Outer",
    ),
    "a_buffer_that_is_given": (
        """
        class Masked(nn.Module):
            def __init__(self, illegal):
                super().__init__()
                self.register_buffer("illegal", illegal.bool())
                self.fc = nn.Linear(8, 3)

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Masked",
    ),
    "height_and_width": (
        """
        class Lines(nn.Module):
            def __init__(self, img_channel, img_height, img_width):
                super().__init__()
                self.conv = nn.Conv2d(img_channel, 4, 3, padding=1)
                self.pool = nn.Sequential(nn.ReLU(), nn.AvgPool2d((2, 1)), nn.AvgPool2d(kernel_size=(2, 1)))
                self.fc = nn.Linear(4 * (img_height // 4), 6)

            def forward(self, images):
                x = self.pool(self.conv(images))
                b, c, h, w = x.size()
                return self.fc(x.view(b, c * h, w).permute(2, 0, 1))
        """,
        "return self.fc(x.view",
        "Lines",
    ),
    "parts_of_what_is_joined": (
        """
        class Cell(nn.Module):
            def __init__(self, hidden_dim=8, input_dim=20):
                super().__init__()
                self.z = nn.Conv2d(hidden_dim + input_dim, hidden_dim, 3, padding=1)

            def forward(self, h, x):
                hx = torch.cat([h, x], dim=1)
                z = torch.sigmoid(self.z(hx))
                return (1 - z) * h
        """,
        "return (1 - z) * h",
        "Cell",
    ),
    "an_input_for_each_layer": (
        """
        class Fusion(nn.Module):
            def __init__(self, dims, out_dim):
                super().__init__()
                self.projs = nn.ModuleList([nn.Linear(d, out_dim) for d in dims])

            def forward(self, *inputs):
                assert len(inputs) == len(self.projs)
                return sum(p(x) for p, x in zip(self.projs, inputs))
        """,
        "return sum(p(x)",
        "Fusion",
    ),
    "pictures_that_are_stacked": (
        """
        from typing import List

        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3)

            def forward(self, images: List[torch.Tensor]):
                x = torch.stack(images)
                return self.conv(x)
        """,
        "return self.conv(x)",
        "Detector",
    ),
    "arrays": (
        """
        import numpy as np

        class Sequences(nn.Module):
            def __init__(self):
                super().__init__()
                self.table = nn.Embedding(30, 4)

            def forward(self, seqs):
                places = np.tile(np.arange(seqs.shape[1]), [seqs.shape[0], 1])
                places *= seqs != 0
                return self.table(torch.LongTensor(places))
        """,
        "return self.table(",
        "Sequences",
    ),
    "an_object_that_gives_data": (
        """
        class Agent:
            def __init__(self, obs_dim):
                self.actor = nn.Linear(obs_dim, 2)

            def train(self, buffer, n=4):
                obs, reward = buffer.sample(n)
                return (self.actor(obs) * reward).mean().backward()
        """,
        "return (self.actor(obs)",
        "Agent.train",
    ),
    "a_call_of_a_method_of_that_name": (
        """
        def train(model, loader):
            model.train()
            for x, y in loader:
                nn.functional.cross_entropy(model(x), y).backward()
        """,
        "cross_entropy(",
        "train",
    ),
    "two_models_in_a_row": (
        """
        def train(encoder: nn.Module, decoder: nn.Module, x):
            params = [*encoder.parameters(), *decoder.parameters()]
            out = decoder(encoder(x))
            return out, params
        """,
        "return out, params",
        "train",
    ),
    "a_state_that_is_loaded": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(4, 3)

            def forward(self, x):
                return self.fc(x)

        def resume(state):
            net = Net()
            net.load_state_dict(state)
            return net
        """,
        "return net",
        "resume",
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory):
    return judged_cases(CASES, tmp_path_factory.mktemp("held"))


@pytest.mark.parametrize("name", CASES)
def test_the_flagged_line_runs(verdicts, name: str) -> None:
    assert verdicts[name].verdict.value == "refuted", verdicts[name].evidence


def test_a_snippet_shows_an_object_as_the_class_takes_it(verdicts) -> None:
    evidence = verdicts["a_size_in_a_configuration"].evidence
    assert "from types import SimpleNamespace" in evidence
    assert "args=SimpleNamespace(dropout_rate=0.1, emb_dims=" in evidence


def _verdicts(path: Path, body: str, code: str) -> list[str]:
    path.write_text(HEAD + textwrap.dedent(body))
    judged = verify_findings(list(lint_params.lint([path], select=[code])), device="cpu")
    return [f.verification.verdict.value for f in judged if f.verification is not None]


def test_what_one_method_raised_is_not_forgotten_for_another(tmp_path: Path) -> None:
    body = """
    class Agent:
        def __init__(self, width):
            self.net = nn.Linear(width, 3)
            self.target = nn.Linear(width, 3)

        def act(self, obs):
            return self.net(obs)

        def learn(self, batch):
            obs, reward = batch
            (self.net(obs) - reward).mean().backward()
            self.soft_update(self.net, self.target, 0.1)

        def soft_update(self, local_model, target_model, tau):
            for t, p in zip(target_model.parameters(), local_model.parameters()):
                t.copy_(tau * p.data + (1.0 - tau) * t.data)
    """
    assert _verdicts(tmp_path / "agent.py", body, "LP205") == ["confirmed"]


def test_what_is_set_by_name_is_seen(tmp_path: Path) -> None:
    body = """
    class Stages(nn.Module):
        NAMES = ("stem", "head")

        def __init__(self, dim=4):
            super().__init__()
            self.stem = nn.Linear(dim, dim)
            self.head = nn.Linear(dim, 2)

        def set_stage(self, index):
            for i, name in enumerate(self.NAMES):
                setattr(getattr(self, name), "requires_grad", i >= index)

        def forward(self, x):
            return self.head(self.stem(x))
    """
    assert _verdicts(tmp_path / "stages.py", body, "LP602") == ["confirmed"]


def test_an_iterator_that_an_object_keeps_is_seen(tmp_path: Path) -> None:
    body = """
    class Trainer:
        def __init__(self, model, lr=0.1):
            self.model = model
            self.params = model.parameters()
            self.opt = torch.optim.SGD(self.params, lr=lr)

        def step(self, x, y):
            self.opt.zero_grad()
            nn.functional.mse_loss(self.model(x), y).backward()
            norm = nn.utils.clip_grad_norm_(self.params, 1.0)
            self.opt.step()
            return norm
    """
    assert _verdicts(tmp_path / "trainer.py", body, "LP603") == ["confirmed"]


def test_a_tie_that_a_helper_makes_is_seen(tmp_path: Path) -> None:
    body = """
    class Tied(nn.Module):
        def __init__(self, vocab, dim=4):
            super().__init__()
            self.wte = nn.Embedding(vocab, dim)
            self.lm_head = nn.Linear(dim, vocab, bias=False)
            self._tie(self.lm_head, self.wte)

        @staticmethod
        def _tie(first: nn.Linear, second: nn.Embedding):
            first.weight.data = second.weight.data

        def forward(self, ids):
            return self.lm_head(self.wte(ids))
    """
    assert _verdicts(tmp_path / "tied.py", body, "LP204") == ["confirmed"]


def test_what_is_done_every_second_time_is_seen(tmp_path: Path) -> None:
    body = """
    class Critic(nn.Module):
        def __init__(self, state_dim, action_dim):
            super().__init__()
            self.fc = nn.Linear(state_dim + action_dim, 1)

        def forward(self, state, action):
            return self.fc(torch.cat([state, action], 1))

    class Agent:
        def __init__(self, state_dim, action_dim, every=2):
            self.critic = Critic(state_dim, action_dim)
            self.target = self.critic
            self.opt = torch.optim.Adam(self.critic.parameters())
            self.every, self.steps = every, 0

        def train(self, buffer, n=4):
            self.steps += 1
            state, action, reward = buffer.sample(n)
            loss = nn.functional.mse_loss(self.critic(state, action), reward + self.target(state, action))
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            if self.steps % self.every == 0:
                for p, t in zip(self.critic.parameters(), self.target.parameters()):
                    t.data.copy_(0.1 * p.data + 0.9 * t.data)
    """
    assert _verdicts(tmp_path / "agents.py", body, "LP609") == ["confirmed"]


def test_a_class_uses_what_only_the_script_sets(tmp_path: Path) -> None:
    body = """
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(size, width)
            self.layers = [nn.Linear(width, width) for _ in range(2)]

        def forward(self, ids):
            x = self.table(ids)
            for layer in self.layers:
                x = layer(x)
            return x

    if __name__ == "__main__":
        width = 4
        words = "one two one".split()
        words = list(set(words))
        size = len(words)
        net = Net()
        print(net(torch.zeros(3).long()).shape)
    """
    assert _verdicts(tmp_path / "words.py", body, "LP303") == ["confirmed"]


def test_what_other_arguments_do_away_with_is_not_refuted(tmp_path: Path) -> None:
    body = """
    from dataclasses import dataclass

    @dataclass
    class LossConfig:
        temperature: float = 0.07

    class Loss(nn.Module):
        def __init__(self, cfg: LossConfig):
            super().__init__()
            self.temperature = nn.Parameter(cfg.temperature)

        def forward(self, x):
            return x / self.temperature.mean()
    """
    assert "refuted" not in _verdicts(tmp_path / "loss.py", body, "LP101")


def test_an_index_of_a_loss_is_shown_by_a_script(tmp_path: Path) -> None:
    body = """
    model = nn.Linear(4, 3)
    criterion = nn.CrossEntropyLoss()
    loss = criterion(model(torch.randn(5, 4)), torch.zeros(5).long())
    print(loss.data[0])
    """
    assert _verdicts(tmp_path / "script.py", body, "LP405") == ["confirmed"]
