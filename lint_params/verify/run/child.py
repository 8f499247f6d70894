"""One scenario, run and judged: what a forked (or spawned) child does. Child only."""

# The linted code may raise anything, anywhere:
# ruff: noqa: BLE001
from __future__ import annotations

import dataclasses
import os
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from lint_params import evidence, registry
from lint_params.evidence import Run, Verification
from lint_params.rule import Finding, Level, Place, Rule, Step
from lint_params.verify.made_up.source_facts import FileView
from lint_params.verify.made_up.switches import way
from lint_params.verify.made_up.synthesis import Synthesis, synthesised
from lint_params.verify.run import build, functions, outer, script
from lint_params.verify.run.experiment import Experiment
from lint_params.verify.run.load import load
from lint_params.verify.run.plan import Scenario
from lint_params.verify.run.uses import Uses
from lint_params.verify.run.watch import Watch

Json = dict[str, Any]


@dataclasses.dataclass
class Target:
    """The file as the file's process imported it; scenarios fork from here."""

    path: str
    text: str
    lines: set[int]
    device: str
    config: Json
    watch: Watch
    view: FileView | None = None
    failures: tuple[evidence.Failure, ...] = ()  # of its top-level statements
    read: list[str] = dataclasses.field(default_factory=list)  # files that call its classes


def prepare(request: Json) -> Target:
    """Import the file under watch; failures are kept, not raised.

    A top-level statement may fail: classes are run with what the others defined.
    """
    path, text = request["path"], request["text"]
    lines = {line for f in request["findings"] for line in _span(f)}
    watch = Watch(path, text, lines)
    target = Target(path, text, lines, request["device"], request.get("config") or {}, watch)
    watch.install()
    watch.probes.importing = os.getpid()
    for folder in request.get("roots", ()):
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        failed: list[BaseException] = watch.probes.failed
        module, tree = load(Path(path), text, lines, watch.probes.for_source(), failed)
        sys.settrace(None)
        target.view = FileView(module, tree)
        target.read = _look_around(target.view, Path(path), request["findings"])
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        watch.probes.failed.append(error)
    sys.settrace(None)
    target.failures = tuple(map(watch.failure, watch.probes.failed))
    watch.probes.importing = 0
    watch.probes.failed.clear()
    return target


def _look_around(view: FileView, path: Path, findings: list[Json]) -> list[str]:
    """Let the view know the project's other files that call the findings' subjects."""
    names = {part for f in findings for part in f["subject"].split(".")[:2]}
    uses = Uses(path, names - {"__init__", "forward", "<locals>"})
    view.others = lambda name: uses.of(name, view.live(name))
    view.outer = lambda name: uses.outer(name, view.live(name))
    for name in sorted(names):  # read once, for all forks
        kind = view.live(name) if name else None
        if isinstance(kind, type):
            view.taken(kind)
    return sorted({str(found) for paths in uses.found.values() for found in paths})


def _span(finding: Json) -> range:
    return range(finding["place"][0], max(finding["place"][0], finding["place"][2]) + 1)


def perform(
    target: Target, scenario: Scenario, findings: list[Json], ties: dict[str, int] | None = None
) -> Run | None:
    """The run of one scenario; None where there is nothing to run."""
    view, watch = target.view, target.watch
    assert view is not None
    subject, needs = findings[0]["subject"], _needs(findings)
    shapes = all(finding["code"].startswith("LP4") for finding in findings)
    experiment = Experiment(watch, view, subject, target.device, needs, shapes and "backward" not in needs)
    experiment.applied = sorted({name for one in findings if (name := one["details"].get("applied"))})
    sys.settrace(watch.trace)
    try:
        if scenario.what == "import":
            return imported(target, subject)
        if scenario.what == "main":
            return script.of_main(experiment, target.text, target.lines)
        if scenario.what == "function":
            return functions.of_function(experiment, scenario.name)
        kind = view.live(scenario.name)
        view.complete(scenario.name)
        config = target.config
        if scenario.what == "part":
            for whole, elsewhere in islice(outer.classes(scenario.name, view), scenario.index, None):
                return experiment.of_part(kind, whole, elsewhere, config)
            return None
        if scenario.what == "thin":
            return experiment.of_class(kind, build.thin(kind, view), config, {})
        if scenario.what == "switched":
            wish = way(kind, scenario.index, view)
            call = build.calls(kind, view, config.get("classes", {}))[0]
            if wish.built:
                call = synthesised(kind, Synthesis(view, overrides=dict(wish.built)))
            experiment.words, experiment.method = wish.called, wish.method
            return experiment.of_class(kind, dataclasses.replace(call, fixed=wish.built), config, {})
        if ties:
            return experiment.of_class(kind, build.tied(kind, view, ties), config, ties)
        calls = build.calls(kind, view, config.get("classes", {}))
        return experiment.of_class(kind, calls[scenario.index], config, {})
    except (Exception, SystemExit) as error:
        experiment.failures.append(watch.failure(error))
        return experiment.finish()
    finally:
        sys.settrace(None)


def _needs(findings: list[Json]) -> frozenset[str]:
    """What the rules of the findings ask of a run beyond construct and forward."""
    rules = [_rule(data.get("rule", ""), from_data(data)) for data in findings]
    return frozenset().union(*(rule.needs for rule in rules if rule is not None))


def imported(target: Target, subject: str) -> Run:
    """The import of a file some of whose own statements failed: it is a script's run, too."""
    run = Run(path=target.path, subject=subject, device=target.device)
    run.kind, run.inputs_from, run.arguments_from = "script", "script", "script"
    run.snippet = f"python {Path(target.path).name}"
    run.failures = target.failures
    run.lines = frozenset(target.watch.lines)
    run.created = tuple(target.watch.created)
    run.data_writes = tuple(target.watch.data_writes)
    run.probes = tuple(target.watch.probes.seen)
    return run


def judge(run: Run, findings: list[Json]) -> list[Json]:
    """Each rule's verdict on the run, as data."""
    return [_verdict(run, from_data(data), data.get("rule", "")) for data in findings]


def _verdict(run: Run, finding: Finding, stem: str) -> Json:
    rule = _rule(stem, finding)
    if rule is None or type(rule).verify is Rule.verify:
        verdict = run.inconclusive("no-predicate", f"{finding.code} cannot be shown by a run")
    else:
        try:
            given = rule.verify(run, finding)
        except Exception as error:  # a rule's own mistake must not look like a verdict
            given = run.inconclusive("no-predicate", f"{type(error).__name__}: {error}")
        verdict = given if given is not None else nothing_seen(run, finding)
    return {
        "verdict": verdict.verdict.value,
        "evidence": verdict.evidence,
        "device": verdict.device or run.device,
        "seconds": verdict.seconds,
    }


def nothing_seen(run: Run, finding: Finding) -> Verification:
    obstacle = run.obstacle(finding)
    if obstacle is not None:
        return run.inconclusive(*obstacle)
    return run.inconclusive("no-predicate", "the run showed nothing for or against it")


def _rule(stem: str, finding: Finding) -> Rule | None:
    """The rule by its file; ``module:Class`` names one from elsewhere (tests)."""
    if ":" in stem:
        module, _, name = stem.partition(":")
        made: Rule = getattr(__import__(module, fromlist=[name]), name)()
        return made
    try:
        return registry.load(finding.name.replace("-", "_"))
    except ImportError:
        return None


def to_data(finding: Finding, rule: str = "") -> Json:
    place = finding.place
    return {
        "code": finding.code,
        "name": finding.name,
        "level": finding.level.value,
        "path": finding.path,
        "place": [place.line, place.column, place.end_line, place.end_column],
        "message": finding.message,
        "trace": [[step.line, step.text] for step in finding.trace],
        "subject": finding.subject,
        "details": dict(finding.details),
        "rule": rule,
    }


def from_data(data: Json) -> Finding:
    return Finding(
        code=data["code"],
        name=data["name"],
        level=Level(data["level"]),
        path=data["path"],
        place=Place(*data["place"]),
        message=data["message"],
        trace=tuple(Step(line, text) for line, text in data["trace"]),
        subject=data["subject"],
        details=data["details"],
    )
