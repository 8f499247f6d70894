"""Devices, as far as a machine without a GPU shows them: what is chosen, said and started."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from lint_params import lint
from lint_params.evidence import Verification
from lint_params.rule import Finding, Level, Place
from lint_params.verify import server, verify_findings
from lint_params.verify.contain import LINUX
from lint_params.verify.store import Store

NET = """
import os
import torch
from torch import nn
{before}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {inside}
        self.a = nn.Linear(3, 5)
        self.b = nn.Linear(6, 2)

    def forward(self, x):
        return self.b(self.a(x))
"""
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="of machines with a GPU")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="of machines without a GPU")


def verified(
    folder: Path, device: str, before: str = "", inside: str = "pass", **more: Any
) -> Verification:
    path = folder / "net.py"
    path.write_text(NET.format(before=before, inside=inside))
    line = len(NET.splitlines()) - 1 + before.count("\n")
    finding = Finding(
        "LP401", "linear-input-mismatch", Level.ERROR, str(path), Place(line, 16, line, 20), "m",
        subject="Net", details={"got": 5, "expected": 6, "attribute": "b"},
    )  # fmt: skip
    (judged,) = verify_findings([finding], device=device, **more)
    assert judged.verification is not None
    return judged.verification


@pytest.mark.parametrize(("there", "chosen"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool, chosen: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert server._device("auto") == chosen
    assert server._device("meta") == "meta"
    assert server._present("cuda") is there
    assert server._present("cpu") and server._present("meta")


@no_gpu
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named(tmp_path: Path, device: str) -> None:
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is one")
    verdict = verified(tmp_path, device)
    assert (verdict.verdict.value, verdict.device) == ("inconclusive", device)
    assert verdict.evidence == f"needs-device: no {device} here"


@no_gpu
@pytest.mark.parametrize(("device", "named"), [("auto", "cpu"), ("cpu", "cpu"), ("meta", "meta")])
def test_the_evidence_names_the_device(tmp_path: Path, device: str, named: str) -> None:
    verdict = verified(tmp_path, device)
    assert (verdict.verdict.value, verdict.device) == ("confirmed", named)
    assert re.search(r"5.{1,6}5.{1,6}6.{1,4}2", verdict.evidence)


def test_to_warm_torch_up_starts_no_gpu() -> None:
    """A fork of a process that has asked for a stream of the GPU cannot use it any more."""
    code = """
        import torch
        def started(*args, **kwargs):
            raise AssertionError("the GPU is asked for")
        torch.accelerator.current_accelerator = torch.accelerator.current_stream = started
        torch.cuda.current_stream = torch.cuda._lazy_init = started
        from lint_params.verify import server
        server._import_torch()
        try:
            torch.ones(2, device="cuda")
        except AssertionError as error:
            print(error)
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout.strip()) == (0, "the GPU is asked for"), said.stderr


@pytest.mark.parametrize(("device", "hidden"), [("cpu", True), ("meta", True), ("auto", False)])
def test_no_gpu_is_seen_where_none_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, hidden: bool
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    verdict = verified(tmp_path, device, inside='raise ValueError(os.environ["CUDA_VISIBLE_DEVICES"] or "none")')
    assert "ValueError: " + ("none" if hidden else "0") in verdict.evidence


@pytest.mark.skipif(not LINUX, reason="the command line is read from /proc")
@pytest.mark.parametrize("started", [False, True])
def test_a_file_that_starts_cuda_gets_processes_instead_of_forks(tmp_path: Path, started: bool) -> None:
    before = f"torch.cuda.is_initialized = lambda: {started}"
    shown = 'raise ValueError("one" if "--one" in open("/proc/self/cmdline").read() else "fork")'
    verdict = verified(tmp_path, "cpu", before, shown)
    assert f"ValueError: {'one' if started else 'fork'}" in verdict.evidence
    assert verified(tmp_path, "cpu", before).verdict.value == "confirmed"


@no_gpu
def test_what_needs_a_gpu_says_so(tmp_path: Path) -> None:
    inside = 'raise NotImplementedError("FlexAttention does not support backward on CPU.")'
    assert verified(tmp_path, "cpu", inside=inside).evidence.startswith("needs-device: ")
    inside = 'torch.zeros(2, device="cuda")'
    assert verified(tmp_path, "cpu", inside=inside).evidence.startswith("needs-device: ")


def test_a_made_up_device_is_one_to_move_to(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, device):\n"
        "        super().__init__()\n        self.w = nn.Parameter(torch.ones(2)).to(device)\n\n"
        "    def forward(self, x):\n        return x * self.w\n\n\n"
        "def made():\n    return Net('cpu')\n"
    )
    (judged,) = verify_findings(lint([str(path)]), device="cpu")
    assert judged.verification is not None
    assert (judged.code, judged.verification.verdict.value) == ("LP301", "confirmed")
    assert (judged.verification.device, "device='meta'" in judged.verification.evidence) == ("meta", True)


@gpu
@pytest.mark.parametrize("start", ["", "spawn"])
def test_on_a_gpu(tmp_path: Path, start: str) -> None:
    notes: list[str] = []
    verdict = verified(tmp_path, "cuda", start=start, note=notes.append)
    assert (verdict.verdict.value, verdict.device) == ("confirmed", "cuda")
    assert re.search(r"5.{1,6}5.{1,6}6.{1,4}2", verdict.evidence)
    if LINUX:
        assert {"memory limit", "writes only to scratch"} <= set(re.split("[;,] ", notes[0]))


@gpu
def test_what_a_gpu_does_not_say_the_cpu_does(tmp_path: Path) -> None:
    """A tensor left behind is shown there; what stands behind it, and what fails inside a
    kernel, is run on the CPU."""
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.mean = torch.zeros(3)\n        self.a = nn.Linear(3, 5)\n"
        "        self.b = nn.Linear(6, 2)\n\n    def forward(self, x):\n"
        "        return self.b(self.a(x - self.mean))\n\n\n"
        "class Table(nn.Module):\n    def __init__(self, vocab, dim):\n        super().__init__()\n"
        "        self.emb = nn.Embedding(vocab, dim)\n"
        "        self.emb.weight = nn.Parameter(torch.randn(dim, vocab))\n\n"
        "    def forward(self, ids):\n        return self.emb(ids)\n"
    )
    judged = {f.code: f.verification for f in verify_findings(lint([str(path)]), device="cuda")}
    said = {code: (v.verdict.value, v.device) for code, v in judged.items() if v is not None}
    assert said == {
        "LP310": ("confirmed", "cuda"),
        "LP401": ("confirmed", "cpu"),
        "LP407": ("confirmed", "cpu"),
    }


def test_a_file_that_asks_for_a_gpu_finds_none_in_a_run_on_the_cpu() -> None:
    code = """
        import torch
        torch.cuda.is_available, torch.cuda.device_count = lambda: True, lambda: 2
        from lint_params.verify.alone import hide_gpus
        hide_gpus()
        print(torch.cuda.is_available(), torch.backends.mps.is_available(), torch.cuda.device_count())
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout.strip()) == (0, "False False 0"), said.stderr


AGENT = """
import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Critic(nn.Module):
    def __init__(self, state_dim):
        super().__init__()
        self.l1 = nn.Linear(state_dim, 16)
        self.l2 = nn.Linear(16, 1)

    def forward(self, state):
        return self.l2(torch.relu(self.l1(state)))


class Agent:
    def __init__(self, state_dim):
        self.critic = Critic(state_dim).to(device)
        self.critic_target = self.critic
        self.optimizer = torch.optim.Adam(self.critic.parameters())

    def train(self, replay_buffer, batch_size=8):
        state, reward = replay_buffer.sample(batch_size)
        loss = (self.critic(state) - reward - self.critic_target(state).detach()).pow(2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for p, q in zip(self.critic.parameters(), self.critic_target.parameters()):
            q.data.copy_(0.01 * p.data + 0.99 * q.data)
"""


@gpu
def test_what_is_made_up_on_the_cpu_meets_no_gpu(tmp_path: Path) -> None:
    """Only made-up data stand between the agent and an answer: the CPU gives it."""
    path = tmp_path / "agent.py"
    path.write_text(AGENT)
    (judged,) = verify_findings(lint([str(path)]), device="cuda")
    assert judged.verification is not None
    assert (judged.code, judged.verification.verdict.value) == ("LP609", "confirmed")


@gpu
def test_memory_is_limited_beside_a_gpu(tmp_path: Path) -> None:
    inside = 'torch.ones(2, device="cuda"); torch.ones(8 << 28)'
    verdict = verified(tmp_path, "cuda", inside=inside)
    assert verdict.evidence.startswith("out-of-memory: ")


def test_verdicts_are_kept_for_the_gpus_that_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """"auto" is another device where they are hidden."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    seen = Store(None, "auto").key({"path": "net.py"})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert Store(None, "auto").key({"path": "net.py"}) != seen
