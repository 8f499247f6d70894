"""One run of the command over files: lint, verify, fix, compare with a baseline, report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lint_params import config as configuration
from lint_params import registry, runner
from lint_params.config import Config, ConfigError
from lint_params.report import Report, colour_wanted, render
from lint_params.rule import Finding, Outcome, Verification
from lint_params.source import Source, Unreadable, lines_of, read, split_cell

if TYPE_CHECKING:
    from argparse import Namespace

CLEAN, FOUND, WRONG = 0, 1, 2
#: Internal errors that are printed; the rest is counted.
SHOWN = 20


class Session:
    def __init__(self, options: Namespace) -> None:
        self.options = options
        self.paths: list[str] = options.paths
        self.stdin = "-" in self.paths
        if not self.paths:
            raise ConfigError("no path given; `lint-params .` lints this folder")
        if self.stdin and len(self.paths) > 1:
            raise ConfigError("- stands alone: stdin is one file")
        if options.stdin_filename and not self.stdin:
            raise ConfigError("--stdin-filename goes with -")
        if options.verify_strict or options.verify_script:
            options.verify = True
        if options.unsafe_fixes and not (options.fix or options.diff):
            raise ConfigError("--unsafe-fixes goes with --fix or --diff")
        self.name = options.stdin_filename or "stdin.py"
        self.config = self._config()
        self._said: set[str] = set()
        self._sources: dict[str, Source | None] = {}
        self._stdin_data: bytes | None = None

    # -- what to lint with -------------------------------------------------------------
    def _config(self) -> Config:
        options = self.options
        if options.isolated:
            base = Config(root=str(Path.cwd()))
        elif options.config:
            base = configuration.load(options.config)
        else:
            base = configuration.find([self.name] if self.stdin else self.paths)
        per_file = [pair for group in options.per_file_ignores for pair in group]
        return base.overridden(
            select=options.select,
            extend_select=options.extend_select,
            ignore=options.ignore,
            preview=options.preview,
            exclude=tuple(options.exclude) if options.exclude is not None else None,
            extend_exclude=(*base.extend_exclude, *options.extend_exclude),
            per_file_ignores=(*base.per_file_ignores, *per_file),
        )

    # -- the run -----------------------------------------------------------------------
    def run(self) -> int:
        options = self.options
        if options.verify:
            self._need_torch()
        if options.fix or options.diff:
            from lint_params.fixing import fix_files

            status = fix_files(self)
            if status is not None:
                return status
        outcome = self.lint()
        findings = outcome.findings
        if options.baseline:
            from lint_params import baseline

            findings = baseline.new(options.baseline, findings, self.lines_for(findings))
        if options.verify:
            try:
                findings = self._verified(findings)
            except ConfigError:  # what was found without it is not lost
                self._report(findings, outcome, verified=False)
                raise
        if options.write_baseline:
            from lint_params import baseline

            baseline.write(options.write_baseline, findings, self.lines_for(findings))
            self.say(f"{len(findings)} findings accepted in {options.write_baseline}")
            return WRONG if self._troubles(outcome) else CLEAN
        self._report(findings, outcome)
        if options.report_unused_noqa:
            for result in outcome.results:
                for line, key in result.unused_noqa:
                    print(f"{result.path}:{line}: unused noqa: {key}", file=sys.stderr)
        if self._troubles(outcome):
            return WRONG
        return FOUND if any(map(self._counts, findings)) else CLEAN

    def lint(self) -> runner.Outcome:
        """Lint the paths, or stdin, as they are now."""
        options = self.options
        if self.stdin:
            result = self.linter().lint(self.name, self.stdin_data())
            return runner.Outcome([result])
        return runner.run(
            self.paths,
            self.config,
            jobs=options.jobs,
            use_cache=not options.no_cache,
            noqa=not options.disable_noqa,
            progress=self._progress("linted"),
        )

    def linter(self) -> runner.Linter:
        return runner.Linter(self.config, noqa=not self.options.disable_noqa)

    def stdin_data(self) -> bytes:
        if self._stdin_data is None:
            self._stdin_data = sys.stdin.buffer.read()
        return self._stdin_data

    def say(self, text: str) -> None:
        if not self.options.quiet:
            print(f"lint-params: {text}", file=sys.stderr)

    # -- source text for formats and fingerprints --------------------------------------
    def source(self, path: str) -> Source | None:
        file, _ = split_cell(path)
        if file not in self._sources:
            try:
                data = self.stdin_data() if self.stdin else Path(file).read_bytes()
                self._sources[file] = read(file, data)
            except (OSError, Unreadable):
                self._sources[file] = None
        return self._sources[file]

    def forget_sources(self) -> None:
        self._sources.clear()

    def lines_for(self, findings: Sequence[Finding]) -> dict[str, list[str]]:
        """Shown path to lines, for the files and cells that have findings."""
        found = {}
        for path in {finding.path for finding in findings}:
            source = self.source(path)
            if source is None:
                continue
            _, number = split_cell(path)
            cell = next((c.text for c in source.cells if c.number == number), source.text)
            found[path] = lines_of(cell)
        return found

    # -- verification ------------------------------------------------------------------
    def _need_torch(self) -> None:
        from importlib.util import find_spec

        from lint_params.verify import TorchMissing

        if find_spec("torch") is None:  # looked up, not imported
            raise ConfigError(str(TorchMissing()))

    def call(self) -> dict[str, Any]:
        """How this run verifies: the same for findings and for what fixes make of them."""
        table = self.config.verify
        inputs = {k.removesuffix(".inputs"): v for k, v in table.items() if k.endswith(".inputs")}
        classes = {k: v for k, v in table.items() if not k.endswith(".inputs")}
        verdicts = None
        if not self.options.no_cache:
            from lint_params.cache import folder

            verdicts = folder() / "verdicts"
        return {
            "device": self.options.device,
            "config": {"classes": classes, "inputs": inputs},
            "jobs": self.options.jobs,
            "cache": verdicts,
            "note": self._say_once,
        }

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)

    def _verified(self, findings: list[Finding]) -> list[Finding]:
        from lint_params.verify import (
            TorchMissing,
            VerifierFailed,
            verify_findings,
            write_scripts,
        )

        if self.stdin:
            why = "import-failed: stdin is not run; give the file by its path"
            return [f.with_verification(Verification(Outcome.INCONCLUSIVE, why)) for f in findings]
        able = [f for f in findings if _can_run(f)]
        try:
            judged = iter(verify_findings(able, progress=self._progress("verified"), **self.call()))
        except (TorchMissing, VerifierFailed) as error:
            raise ConfigError(str(error)) from None
        done = [next(judged) if _can_run(f) else _not_run(f) for f in findings]
        if self.options.verify_script:
            try:
                written = write_scripts(done, self.options.verify_script)
            except OSError as error:
                raise ConfigError(f"--verify-script: {error}") from None
            self.say(f"{len(written)} scripts written to {self.options.verify_script}")
        return done

    def _counts(self, finding: Finding) -> bool:
        """Whether a finding counts in the exit status."""
        proof = finding.verification
        if self.options.verify_strict and finding.code != registry.UNREADABLE:
            return proof is not None and proof.verdict is Outcome.CONFIRMED
        return proof is None or proof.verdict is not Outcome.REFUTED

    # -- output ------------------------------------------------------------------------
    def _report(
        self, findings: list[Finding], outcome: runner.Outcome, verified: bool | None = None
    ) -> None:
        options = self.options
        file = options.output_file
        needs_lines = options.show_source or options.output_format in ("sarif", "gitlab")
        if options.output_format in ("json", "sarif") or options.show_source:
            findings = self._with_fixes(findings)
        report = Report(
            findings,
            files=len(outcome.results),
            suppressed=outcome.suppressed,
            verified=options.verify if verified is None else verified,
            colour=file is None and colour_wanted(sys.stdout),
            show_source=options.show_source,
            statistics=options.statistics,
            lines=self.lines_for(findings) if needs_lines else {},
        )
        text = render(options.output_format, report)
        if file is None:
            sys.stdout.write(text)
            return
        try:
            Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise ConfigError(f"cannot write {file}: {error.strerror}") from None

    def _with_fixes(self, findings: list[Finding]) -> list[Finding]:
        """Fixes that a rule makes by rewriting a statement are worked out only to be shown."""
        from lint_params.fix import with_fixes

        done = []
        for finding in findings:
            source = None if split_cell(finding.path)[1] else self.source(finding.path)
            done += with_fixes([finding], source.text) if source is not None else [finding]
        return done

    def _progress(self, verb: str) -> Callable[[int, int], None] | None:
        if self.options.quiet or not sys.stderr.isatty():
            return None

        def show(done: int, total: int) -> None:
            end = "\r\x1b[K" if done == total else ""
            sys.stderr.write(f"\r{verb} {done} of {total}{end}")
            sys.stderr.flush()

        return show

    def _troubles(self, outcome: runner.Outcome) -> bool:
        """Say what went wrong inside; True where the result cannot be relied on."""
        for note in outcome.notes:
            self.say(note)
        for crash in outcome.crashes[:SHOWN]:
            print(f"lint-params: {crash}", file=sys.stderr)
        if len(outcome.crashes) > SHOWN:
            print(f"lint-params: {len(outcome.crashes) - SHOWN} more", file=sys.stderr)
        if outcome.crashes:
            print("lint-params: please report this with the file's text", file=sys.stderr)
        return bool(outcome.crashes)


def _can_run(finding: Finding) -> bool:
    return finding.code != registry.UNREADABLE and split_cell(finding.path)[1] is None


def _not_run(finding: Finding) -> Finding:
    if finding.code == registry.UNREADABLE:
        return finding
    why = "import-failed: notebooks are not run"
    return replace(finding, verification=Verification(Outcome.INCONCLUSIVE, why))
