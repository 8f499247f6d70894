"""Runs classes of a library, and mutants of them. A process of its own; children do the work.

Reads a request from the file that is its first argument, writes answers, a line each, into the
second. Both ends are mutants.py.
"""

# The code that is run may raise anything, anywhere:
# ruff: noqa: BLE001, S102, S307
from __future__ import annotations

import ast
import functools
import importlib
import json
import linecache
import os
import sys
import tempfile
import types
import warnings
from pathlib import Path
from typing import Any

import torch
from limited import limited
from observe import Example, cuda_as_copy, observe, shown
from torch import nn

from lint_params.verify import contain
from lint_params.verify.made_up import inputs, repair
from lint_params.verify.made_up.calls import Call
from lint_params.verify.made_up.inputs import Inputs
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.run import build
from lint_params.verify.run.load import module_name
from lint_params.verify.run.watch import Watch

Json = dict[str, Any]
MEMORY, OUTPUT = 4 << 30, 64 << 20
#: Seconds for one run of a class, and for everything that hangs on one root.
ONE, ROOT = 15.0, 240.0
#: Seconds to find out how a class is built and called.
FIND = 45.0
#: About so many classes of a library are built from made-up arguments, spread evenly.
MADE_UP = 120
#: Inputs with more elements than this are not kept for a class.
LARGEST = 1 << 21
_GIVEN = "_mutants_given"
#: Answers are written where stdin was: children keep it open, and nobody else writes there.
ANSWERS = 0


class Library:
    """The imported modules of a library, by file."""

    def __init__(self, files: list[str]) -> None:
        self.modules: dict[str, types.ModuleType] = {}
        self.files: dict[str, str] = {}
        for path in files:
            _, name = module_name(Path(path))
            try:
                module = importlib.import_module(name)
            except Exception:
                continue
            self.modules[path] = module
            self.files[name] = path
        for kind in self.classes().values():
            _recorded(kind)

    def classes(self) -> dict[str, type]:
        return {
            f"{path}::{kind.__qualname__}": kind
            for path, module in self.modules.items()
            for kind in vars(module).values()
            if isinstance(kind, type)
            and issubclass(kind, nn.Module)
            and kind.__module__ == module.__name__
        }

    def key(self, kind: type) -> str:
        path = self.files.get(kind.__module__, "")
        return f"{path}::{kind.__qualname__}" if path else ""


def _recorded(kind: type) -> None:
    """Objects of the class remember what their constructor got."""
    inner = vars(kind).get("__init__")
    if inner is None:
        return

    @functools.wraps(inner)
    def outer(self: Any, *args: Any, **kwargs: Any) -> None:
        self.__dict__.setdefault(_GIVEN, (args, kwargs))
        inner(self, *args, **kwargs)

    kind.__init__ = outer  # type: ignore[misc]


def examples(root: str, library: Library) -> dict[str, Example]:
    """How the classes that take part in a root are built and called."""
    made: Any
    if root.startswith("{"):
        spec = json.loads(root)
        space = {"torch": torch, "import_": importlib.import_module}
        torch.manual_seed(0)
        made = eval(spec["model"], space)
        args = eval(f"[{spec['inputs']}]", space)
        found = _watch(made, library)
        torch.manual_seed(0)
        made(*args)
        return found
    return _made_up(library.classes()[root], root, library)


def _made_up(kind: type, key: str, library: Library) -> dict[str, Example]:
    path = key.partition("::")[0]
    source = Path(path).read_text(encoding="utf-8")
    view = FileView(library.modules[path], ast.parse(source))
    watch = Watch(path, source)
    best: dict[str, Example] = {}
    for call in build.calls(kind, view, {}):
        torch.manual_seed(0)
        made, call, _ = build.construct(kind, call, view, watch)
        if not isinstance(made, nn.Module):
            continue
        found = _watch(made, library)
        sizes = {k: v for k, v in call.kwargs.items() if type(v) is int}
        given = _given(made, sizes, view, call)
        own = Example(tuple(call.args), dict(call.kwargs), given)
        if given is not None:
            return {**found, key: own}
        best = best or {key: own}
    return best


def _given(made: nn.Module, sizes: dict[str, Any], view: FileView, call: Call) -> Inputs | None:
    """Inputs on which forward runs."""
    for first in [*list(inputs.from_calls(made, view, call))[:2], inputs.synthesised(made, sizes)]:
        attempt: Inputs | None = first
        tried: set[str] = set()
        for _ in range(12):
            if attempt is None:
                break
            try:
                args, kwargs = attempt.fresh("cpu")
                torch.manual_seed(0)
                made(*args, **kwargs)
            except Exception as error:
                attempt = repair.repaired(attempt, error, tried)
            else:
                return attempt
    return None


def _watch(root: nn.Module, library: Library) -> dict[str, Example]:
    """Fills itself with the first call of each class of the library inside a model."""
    found: dict[str, Example] = {}

    def seen(module: nn.Module, args: Any, kwargs: Any) -> None:
        key = library.key(type(module))
        given = module.__dict__.get(_GIVEN)
        if key and key not in found and given is not None:
            if sum(t.numel() for t in inputs.flat([args, kwargs])) < LARGEST:
                fresh = Inputs(list(inputs.moved(args, "cpu")), inputs.moved(kwargs, "cpu"))
                found[key] = Example(given[0], given[1], fresh)

    for module in root.modules():
        module.register_forward_pre_hook(seen, with_kwargs=True)
    return found


def mutated(path: str, text: str) -> types.ModuleType:
    """The file with other contents, as a module of its package; nothing else notices."""
    _, name = module_name(Path(path))
    module = types.ModuleType(name)
    module.__file__ = path
    module.__package__ = name if path.endswith("__init__.py") else name.rpartition(".")[0]
    shown_as = f"{path}.mutant"
    linecache.cache[shown_as] = (len(text), None, text.splitlines(keepends=True), shown_as)
    sys.modules[name] = module
    _forgotten(name)
    exec(compile(text, shown_as, "exec", dont_inherit=True), vars(module))
    return module


def _forgotten(name: str) -> None:
    """Takes what a module put into the registries of its package out of them.

    Some of them refuse a second function of one name.
    """
    package = name.partition(".")[0]
    for other, module in list(sys.modules.items()):
        if other.partition(".")[0] == package:
            for table in [value for value in vars(module).values() if type(value) is dict]:
                for key, value in list(table.items()):
                    if isinstance(key, str) and isinstance(value, types.FunctionType):
                        if value.__module__ == name and not key.startswith("_"):
                            del table[key]


def judge(
    path: str, name: str, example: Example, mutant: Json, before: Json, holder: tuple[str, Example] | None
) -> Json:
    """What a mutant does that the original does not. ``holder``: the model of the file that may hold one
    of it, and how that is built."""
    try:
        module = mutated(path, mutant["text"])
        script = getattr(module, mutant["script"]) if mutant["script"] else None
        kind = getattr(module, name)
    except Exception as error:
        return {"valid": False, "why": f"import: {type(error).__name__}: {error}"[:200]}
    after = observe(kind, example, f"{path}.mutant", mutant["text"], script)
    raised = after["raised"]
    if raised is not None and raised["phase"] == "forward" and mutant["kind"] == "shape":
        if _fits_another(kind, example):
            return {"valid": False, "why": "runs on an input of another size"}
    if raised is not None:
        how = f"{raised['type']}: {raised['text']}"
        return {"valid": raised["torch"], "how": how, "raised": raised["lines"]}
    effects = shown(mutant["effects"], before, after)
    if effects == ["unwritten"] and holder is not None and _is_written_by(module, *holder, kind):
        return {"valid": False, "why": "the model that holds it writes it"}
    return {"valid": bool(effects), "how": ", ".join(effects), "raised": []}


def _fits_another(kind: Any, example: Example) -> bool:
    """Whether the mutant just wants another input: then it is another class, and no mistake."""
    attempt, tried = example.given, set[str]()
    torch.manual_seed(0)
    made = kind(*example.args, **example.kwargs)
    for _ in range(6):
        if attempt is None:
            return False
        try:
            args, kwargs = attempt.fresh("cpu")
            made(*args, **kwargs)
        except Exception as error:
            attempt = repair.repaired(attempt, error, tried)
        else:
            return True
    return False


def _is_written_by(module: types.ModuleType, name: str, example: Example, kind: Any) -> bool:
    """Whether a model fills what the class leaves open, as ``_init_weights`` does: no mistake either."""
    build.uninitialised_marked(True)
    try:
        made = getattr(module, name)(*example.args, **example.kwargs)
    except Exception:
        return False
    finally:
        build.uninitialised_marked(False)
    held = [one for one in made.modules() if type(one) is kind]
    return bool(held) and not any(torch.isnan(p).any() for one in held for p in one.parameters())


def of_root(root: str, wanted: dict[str, list[Json]] | None, library: Library) -> Json:
    """In a child: every class of the root that runs, or the mutants of the wanted ones."""
    scratch = tempfile.mkdtemp()
    contain.confine(scratch, MEMORY, OUTPUT, False)
    os.chdir(scratch)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    found = examples(root, library)
    for key, example in found.items():
        if wanted is not None and key not in wanted:
            continue
        path, _, name = key.partition("::")
        kind = library.classes().get(key)
        before = limited(lambda: observe(kind, example, path, ""), ONE) or {"raised": "no end"}
        if before.get("raised") is not None:
            example.given = None  # it can be built, and no more
            before = limited(lambda: observe(kind, example, path, ""), ONE) or {"raised": "no end"}
        if before.get("raised") is not None or not before.get("state"):
            continue
        if wanted is None:
            say({"class": key, "root": root, "runs": example.given is not None})
            continue
        whole = root if root in found else next(iter(found))  # what is called first is the model itself
        in_it = whole != key and whole.startswith(f"{path}::")
        holder = (whole.partition("::")[2], found[whole]) if in_it else None
        for mutant in wanted[key]:
            result = limited(lambda: judge(path, name, example, mutant, before, holder), ONE)
            say({"id": mutant["id"], "valid": False, "why": "no answer", **(result or {})})
    return {"done": True}


def say(row: Json) -> None:
    os.write(ANSWERS, (json.dumps(row) + "\n").encode())


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    wanted = request["wanted"]
    answers = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(answers, ANSWERS)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    cuda_as_copy()
    library = Library(request["files"])
    torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)  # its first import is slow
    for root in [*request["roots"], *_others(library)] if wanted is None else list(wanted):
        mutants = None if wanted is None else wanted[root]
        if wanted is not None or root not in _found(sys.argv[2]):
            answer = limited(lambda: of_root(root, mutants, library), FIND if wanted is None else ROOT)
            if answer is None or "internal" in answer:
                print(f"{root}: {(answer or {}).get('internal', 'no end')}", file=sys.stderr, flush=True)


def _others(library: Library) -> list[str]:
    """Classes to build from made-up arguments: models, which stand last in a file, first."""
    by_file: dict[str, list[str]] = {}
    for key in library.classes():
        by_file.setdefault(key.partition("::")[0], []).append(key)
    every = [key for keys in by_file.values() for key in reversed(keys)]
    return every[:: 1 + len(every) // MADE_UP]


def _found(answers: str) -> set[str]:
    """The classes that a root has shown to run."""
    lines = Path(answers).read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["class"] for line in lines if json.loads(line)["runs"]}


if __name__ == "__main__":
    main()
