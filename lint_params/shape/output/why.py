"""What was proved, refuted or left unknown on a line, for people: ``--why FILE:LINE``."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from lint_params.project import Project
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.runs.analyse import check_file
from lint_params.shape.runs.chosen import GIVEN

_HOW = {
    "sizes": "with sizes as symbols",
    "open": "with nothing taken for granted",
    "ranks": "whatever the number of dimensions of the input",
    "sound": "with a number of dimensions of the input that all of it takes",
    "defaults": "with the default arguments",
    "module code": "in the module's own code",
    "function": "in this function",
}


def why_report(path: str, text: str, line: int, as_json: bool = False) -> str:
    """What was proved, refuted or left unknown on a line, and why."""
    project = Project()
    file = project.add(path, ast.parse(text))
    it = Interpreter(project)
    it.watch = (path, line)
    facts: list[dict[str, Any]] = []
    notes: list[str] = []
    for run in check_file(file, project, it, suppose=True):
        for o in run.obligations:
            built = o.built is not None and o.built.path == path and o.built.line == line
            if o.path == path and (getattr(o.node, "lineno", 0) == line or built):
                facts.append(
                    {
                        "rule": o.rule,
                        "verdict": o.verdict.value,
                        "name": o.name,
                        "expected": None if o.expected is None else str(o.expected),
                        "got": None if o.got is None else str(o.got),
                        "why": o.why,
                        "subject": run.subject,
                        "how": _with(run.chosen) if run.how == "supposed" else _HOW.get(run.how, run.how),
                    }
                )
        if run.exhausted and run.root is not None:
            first, last = getattr(run.root, "lineno", 0), getattr(run.root, "end_lineno", 0)
            if first <= line <= last:
                notes.append(f"{run.subject}: too many steps, what is left of it is unknown")
    facts = [f for i, f in enumerate(facts) if f not in facts[:i]]
    calls = list(dict.fromkeys(it.watched))
    if as_json:
        out = {
            "version": 1,
            "path": path,
            "line": line,
            "obligations": facts,
            "calls": calls,
            "notes": notes,
        }
        return json.dumps(out, indent=2)
    lines = [_sentence(f) for f in facts] + [f"value: {call}" for call in calls] + notes
    if not lines:
        lines = [
            "nothing here is checked: no layer is called or built on this line, or it is never reached"
        ]
    return "\n".join(f"{path}:{line}: {text}" for text in lines)


def _with(chosen: Mapping[tuple[str, str], Any]) -> str:
    """The choices of a run as its caller would write them."""
    if not chosen:
        return "with the defaults of what its callers give"
    return "with " + ", ".join(f"{name} given" if v is GIVEN else f"{name}={v!r}" for (_, name), v in chosen.items())


def _sentence(fact: dict[str, Any]) -> str:
    sizes = (
        f"needs {fact['expected']}, gets {fact['got']}" if fact["expected"] else "sizes not known"
    )
    why = f" ({fact['why']})" if fact["why"] else ""
    where = f" in {fact['subject']}" if fact["subject"] else ""
    return f"{fact['verdict']}: {fact['name']} [{fact['rule']}] {sizes}{why}, {fact['how']}{where}"
