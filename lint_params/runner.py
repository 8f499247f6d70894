"""Many files: discovery, cache, processes, progress. Results come back sorted by path."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lint_params import engine, registry, selection
from lint_params.config import Config
from lint_params.discover import files
from lint_params.engine import Result
from lint_params.rule import Finding, Rule

if TYPE_CHECKING:
    from concurrent.futures import Future

    from lint_params.cache import Cache
    from lint_params.project import Project

#: A pool of processes starts only for this many bytes of source that mention torch.
POOL_PAYS = 400_000
#: Parsed files of a project are kept up to this many bytes of source: memory has a bound.
KEEP_BYTES = 3_500_000

Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """The results of all files, in the order of their paths."""

    results: list[Result] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        found = [finding for result in self.results for finding in result.findings]
        return sorted(found, key=lambda finding: finding.sort_key)

    @property
    def suppressed(self) -> int:
        return sum(len(result.suppressed) for result in self.results)

    @property
    def crashes(self) -> list[str]:
        return [crash for result in self.results for crash in result.crashes]

    @property
    def notes(self) -> list[str]:
        return [note for result in self.results for note in result.notes]


class Linter:
    """Lints one file after another under one configuration; one to a process."""

    def __init__(self, config: Config, noqa: bool = True) -> None:
        self.config = config
        self.noqa = noqa
        self._rules: tuple[Rule, ...] | None = None
        self._project: Project | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        if self._rules is None:
            self._rules = selection.chosen(self.config)
        return self._rules

    def rules_for(self, path: str) -> tuple[Rule, ...]:
        return selection.drop(self.rules, self.config.ignored_in(path))

    def settings(self, path: str) -> str:
        """What of the configuration changes the result of this file; part of the cache's key."""
        codes = " ".join(rule.code for rule in self.rules_for(path))
        return f"{codes} unreadable={self.wants_unreadable(path)} noqa={self.noqa}"

    def wants_unreadable(self, path: str) -> bool:
        ignored = (*self.config.ignore, *self.config.ignored_in(path))
        return not selection.covers(ignored, registry.UNREADABLE, registry.UNREADABLE_NAME)

    def project(self) -> Project:
        from lint_params.project import Project

        if self._project is None:
            self._project = Project()
        if self._project.trim(KEEP_BYTES):
            gc.collect()  # a tree and what is known about it refer to each other
        return self._project

    def lint(self, path: str, data: bytes) -> Result:
        project = self.project() if b"torch" in data else None
        return engine.lint_bytes(
            path,
            data,
            self.rules_for(path),
            project,
            noqa=self.noqa,
            unreadable=self.wants_unreadable(path),
        )

    def lint_file(self, path: str) -> Result:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            return self.unreadable(path, error)
        return self.lint(path, data)

    def unreadable(self, path: str, error: OSError) -> Result:
        wanted = self.wants_unreadable(path)
        return engine.unreadable_file(path, error) if wanted else Result(path)


def run(
    paths: Sequence[str],
    config: Config,
    *,
    jobs: int | None = None,
    use_cache: bool = True,
    noqa: bool = True,
    progress: Progress | None = None,
) -> Outcome:
    """Lint all files below ``paths``; ConfigError for a path that is not there."""
    linter = Linter(config, noqa)
    selection.check(config)
    todo = files(paths, config)
    kept = _cache(use_cache and bool(todo))
    done: dict[str, Result] = {}
    keys: dict[str, str] = {}
    sizes: dict[str, int] = {}
    fresh: dict[str, Result] = {}
    try:
        small: list[str] = []
        for path in todo:
            try:
                data = Path(path).read_bytes()
            except OSError as error:
                done[path] = linter.unreadable(path, error)
                continue
            if kept is not None:
                from lint_params import cache

                keys[path] = cache.key(path, data, linter.settings(path))
                hit = kept.get(keys[path])
                if hit is not None:
                    done[path] = hit
                    continue
            if b"torch" in data:
                sizes[path] = len(data)
            else:
                small.append(path)  # only its syntax is read
        waiting = [*small, *sizes]
        for number, result in enumerate(_lint_all(waiting, sizes, linter, jobs), 1):
            fresh[result.path] = result
            if progress is not None:
                progress(number, len(waiting))
    finally:
        if kept is not None:
            kept.put({keys[path]: result for path, result in fresh.items() if path in keys})
            kept.close(keys[path] for path in done if path in keys)
    done |= fresh
    return Outcome([done[path] for path in todo])


def _cache(wanted: bool) -> Cache | None:
    """An open cache; sqlite is imported only where it is used."""
    if not wanted:
        return None
    from lint_params.cache import Cache

    return Cache(None)


def cpus() -> int:
    """The processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every platform
        return os.cpu_count() or 1


def _lint_all(
    paths: Sequence[str], sizes: dict[str, int], linter: Linter, jobs: int | None
) -> Iterator[Result]:
    """Results as they come; in processes where that pays."""
    count = min(jobs or cpus(), len(sizes))
    if count <= 1 or (jobs is None and sum(sizes.values()) < POOL_PAYS):
        with engine.uncollected():  # but where the linter lets go of trees
            yield from map(linter.lint_file, paths)
        return
    yield from _in_pool(sorted(paths, key=lambda p: -sizes.get(p, 0)), linter, count)


def _in_pool(paths: list[str], linter: Linter, count: int) -> Iterator[Result]:
    """Largest files first, so that no process is left alone with one at the end."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    left = set(paths)
    arguments = (linter.config, linter.noqa)
    pool = ProcessPoolExecutor(count, initializer=_start, initargs=arguments)
    try:
        futures: dict[Future[Result], str] = {pool.submit(_work, path): path for path in paths}
        for future in as_completed(futures):
            result = future.result()
            left.discard(result.path)
            yield result
    except BrokenProcessPool:
        pool.shutdown(wait=False, cancel_futures=True)
        yield from _one_by_one([path for path in paths if path in left], arguments)
    except BaseException:  # Ctrl-C, or the reader stopped: leave no process behind
        _stop(pool)
        raise
    else:
        pool.shutdown()


def _one_by_one(paths: list[str], arguments: tuple[Config, bool]) -> Iterator[Result]:
    """After a process died: each file where only it can be lost, and is named."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(1, initializer=_start, initargs=arguments)
    try:
        for path in paths:
            try:
                yield pool.submit(_work, path).result()
            except BrokenProcessPool:
                pool.shutdown(wait=False)
                pool = ProcessPoolExecutor(1, initializer=_start, initargs=arguments)
                yield Result(path, crashes=[f"{path}: internal error: the process died"])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _stop(pool: object) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)  # type: ignore[attr-defined]
    for process in processes:
        process.terminate()


_linter: Linter | None = None


def _start(config: Config, noqa: bool) -> None:
    """In a worker: Ctrl-C is the parent's business."""
    import signal

    global _linter
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # the linter collects where it lets go of trees
    _linter = Linter(config, noqa)


def _work(path: str) -> Result:
    assert _linter is not None
    return _linter.lint_file(path)
