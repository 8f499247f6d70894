"""Runs sources on torch, each in a fork of a process that has imported it.

    python torch_side.py REQUEST ANSWERS

A row of the request says where the files lie and how they are run; its answer is what came of it:
``ok``, or the exception's type and text.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import signal
import sys
import types
import warnings
from pathlib import Path
from typing import Any

LIMIT = 30


def outcome(row: dict[str, Any]) -> str:
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    folder = row["folder"]
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    os.chdir(folder)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            _run(row)
    except SystemExit as end:
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
        return f"{lines[-1] if lines else ''}" if end.code else "ok"
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return "ok"


def _run(row: dict[str, Any]) -> None:
    import torch

    module = row["module"]
    if row["demo"]:
        sys.argv = ["demo.py", module]
        path = Path(row["folder"], "demo.py")
        names = {"__name__": "__main__", "__file__": str(path)}
        exec(compile(row["demo"], str(path), "exec"), names)
    elif row["check"]:
        given = {"m": importlib.import_module(module), "torch": torch, "nn": torch.nn, "F": torch.nn.functional}
        exec(compile(row["check"], "check", "exec"), given)
    else:
        path = Path(row["folder"], module.replace(".", "/") + ".py")
        main = types.ModuleType("__main__")
        main.__file__, main.__package__ = str(path), module.rpartition(".")[0]
        sys.modules["__main__"] = main
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), main.__dict__)
        exec(compile(row["run"] or "", "Run", "exec"), main.__dict__)


def main() -> None:
    warnings.filterwarnings("ignore")
    import torch

    # What a first step of an optimizer imports, each fork would import again.
    weight = torch.nn.Parameter(torch.ones(1))
    weight.sum().backward()
    torch.optim.Adam([weight]).step()
    torch.optim.SGD([weight], lr=0.1).step()
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with Path(sys.argv[2]).open("a", encoding="utf-8") as answers:
        for row in rows:
            reader, writer = os.pipe()
            child = os.fork()
            if not child:
                signal.alarm(LIMIT)
                os.write(writer, outcome(row).encode()[:4000])
                os._exit(0)
            os.close(writer)
            with os.fdopen(reader, "rb") as pipe:
                text = pipe.read().decode()
            os.waitpid(child, 0)
            answers.write(json.dumps({"id": row["id"], "outcome": text or "died"}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
