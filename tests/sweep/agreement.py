"""Does what the interpreter infers agree with what torch does? For classes of installed libraries.

    python tests/sweep/agreement.py timm vit_pytorch
    python tests/sweep/agreement.py --limit 20 --show diffusers

Run it with a Python that has torch and the libraries (timm, vit_pytorch, torchvision,
segmentation_models_pytorch, x_transformers, diffusers); this folder's linter is used. Every
Module class that can be built and called with made-up values runs on torch with hooks on all of
its layers, and in the interpreter with symbols for the whole numbers among the same arguments.
Each shape that a layer gave is compared with the inferred one, the symbols bound to the real
numbers: *agreed* if all of its sizes are known and equal, *in part* if those that are known are
equal, *unknown* if none is, *contradicted* otherwise. Exit status 1: something contradicts.
"""

# The libraries' code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import pkgutil
import resource
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from linting import OutOfTime, working_tree

LIBRARIES = ["timm", "vit_pytorch", "segmentation_models_pytorch", "torchvision", "x_transformers", "diffusers"]


def modules(library: str) -> Iterator[Any]:
    root = importlib.import_module(library)
    yield root
    for info in pkgutil.walk_packages(root.__path__, f"{library}.", onerror=lambda name: None):
        if "test" in info.name or "__main__" in info.name:
            continue
        with contextlib.suppress(BaseException):
            yield importlib.import_module(info.name)


def compared(real: Any, inferred: Any) -> Iterator[tuple[str, str, str]]:
    """(verdict, name of the layer, both shapes) of each call of each layer."""
    for name, shapes in real.outputs.items():
        calls = inferred.outputs.get(name, [])
        paired = len(calls) == len(shapes)
        for i, shape in enumerate(shapes):
            options = [calls[i]] if paired else calls
            verdicts = [(_verdict(shape, dims, whole, inferred), dims) for dims, whole in options]
            best = min(verdicts, key=lambda v: ORDER.index(v[0]), default=("unknown", []))
            yield best[0], name, f"{list(shape)} is not {[str(d) for d in best[1]]}"


ORDER = ["agreed", "in part", "unknown", "contradicted"]


def _verdict(shape: tuple[int, ...], dims: list[Any], whole: bool, inferred: Any) -> str:
    numbers = [inferred.number(d) for d in dims]
    if (whole and len(dims) != len(shape)) or len(dims) > len(shape):
        return "contradicted" if dims or whole else "unknown"
    tail = shape[len(shape) - len(dims) :]
    if any(n is not None and n != s for n, s in zip(numbers, tail)):
        return "contradicted"
    if whole and None not in numbers:
        return "agreed"
    return "in part" if any(n is not None for n in numbers) else "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="*", default=LIBRARIES)
    parser.add_argument("--limit", type=float, default=20.0, help="CPU seconds for one class")
    parser.add_argument("--memory", type=int, default=8, help="GiB for all of it")
    parser.add_argument("--show", action="store_true", help="also name the classes that are left out")
    parser.add_argument("--only", default="", help="only classes whose dotted name contains this")
    args = parser.parse_args()
    most = args.memory << 30  # a model with made-up sizes may want any amount
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with tempfile.TemporaryDirectory() as scratch:
        sys.path.insert(0, str(working_tree(Path(scratch))))
        totals = Counter[str]()
        for library in args.libraries:
            counts = _library(library, args)
            print(f"{library}: {_text(counts)}", flush=True)
            totals.update(counts)
        print(f"all: {_text(totals)}")
    return 1 if totals["contradicted"] else 0


def _text(counts: Counter[str]) -> str:
    names = ["classes", "not run", "not inferred", "layer outputs", *ORDER]
    return ", ".join(f"{counts[name]} {name}" for name in names)


def _library(library: str, args: argparse.Namespace) -> Counter[str]:
    from lint_params.project import Project

    def stop(*_: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, stop)
    warnings.simplefilter("ignore")
    counts = Counter[str]()
    project = Project()
    for module in modules(library):
        for name, kind in sorted(vars(module).items()):
            dotted = f"{module.__name__}.{name}"
            if args.only in dotted and _is_own(kind, module):
                signal.setitimer(signal.ITIMER_VIRTUAL, args.limit)
                try:
                    told = _class(kind, module, project, counts)
                except OutOfTime:
                    told = "out of time"
                    counts["not run"] += 1
                finally:
                    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                if told and (args.show or "contradicted" in told):
                    print(f"  {dotted}: {told}", flush=True)
    return counts


def _is_own(kind: Any, module: Any) -> bool:
    from torch import nn

    return isinstance(kind, type) and issubclass(kind, nn.Module) and kind.__module__ == module.__name__


def _class(kind: type, module: Any, project: Any, counts: Counter[str]) -> str:
    import inferred
    import real

    from lint_params.verify.made_up.source_facts import FileView
    from lint_params.verify.run.watch import Watch

    path = Path(module.__file__)
    text = path.read_text(encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        seen = real.run(kind, FileView(module, ast.parse(text)), Watch(str(path), text))
    if seen is None:
        counts["not run"] += 1
        return "not run"
    if seen.unbatched:  # the linter takes it that what comes in has a batch dimension
        counts["not run"] += 1
        return "run without a batch"
    given = [*zip(seen.given.names, seen.given.args), *seen.given.kwargs.items()]
    file = project.load(path)
    told = inferred.run(project, file, kind.__name__, seen.arguments, given)
    if told.why:
        counts["not inferred"] += 1
        return told.why
    counts["classes"] += 1
    wrong = []
    for verdict, name, shapes in compared(seen, told):
        counts["layer outputs"] += 1
        counts[verdict] += 1
        if verdict == "contradicted":
            wrong.append(f"{name}: {shapes}")
    return f"contradicted ({seen.arguments}, {[tuple(getattr(v, 'shape', ())) for _, v in given]})\n    " + "\n    ".join(wrong) if wrong else ""


if __name__ == "__main__":
    sys.exit(main())
