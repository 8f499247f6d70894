"""The command's options."""

from __future__ import annotations

import argparse
import re

from lint_params import __version__

_FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")
_DEVICES = ("auto", "cpu", "cuda", "mps", "meta")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="lint-params",
        description="Finds PyTorch parameters that will not learn and layers that do not fit.",
        epilog="Exit status: 0 clean, 1 findings, 2 wrong use.",
    )
    top.add_argument("paths", nargs="*", metavar="PATH", help="files and folders; - for stdin")
    top.add_argument("--version", action="version", version=f"lint-params {__version__}")

    rules = top.add_argument_group("rules (codes, beginnings of codes, names, levels, ALL)")
    rules.add_argument("--select", type=_keys, metavar="RULES", help="these and no others")
    rules.add_argument("--extend-select", type=_keys, default=[], metavar="RULES")
    rules.add_argument("--ignore", type=_keys, default=[], metavar="RULES")
    rules.add_argument(
        "--per-file-ignores",
        type=_per_file,
        action="append",
        default=[],
        metavar="PATTERN:RULES",
        help="separate several with blanks",
    )
    rules.add_argument("--preview", action="store_true", default=None, help="preview rules too")
    rules.add_argument("--explain", metavar="RULE", help="print the page of a rule")
    rules.add_argument("--list-rules", action="store_true")

    files = top.add_argument_group("files")
    files.add_argument("--exclude", type=_keys, metavar="PATTERNS", help="replaces the default")
    files.add_argument("--extend-exclude", type=_keys, default=[], metavar="PATTERNS")
    files.add_argument("--stdin-filename", metavar="NAME", help="what to call stdin")
    files.add_argument("--config", metavar="FILE", help="read this configuration only")
    files.add_argument("--isolated", action="store_true", help="read no configuration")

    output = top.add_argument_group("output")
    output.add_argument("--output-format", choices=_FORMATS, default="text")
    output.add_argument("--output-file", metavar="FILE")
    output.add_argument("--show-source", action="store_true", help="draw the code with carets")
    output.add_argument("--statistics", action="store_true", help="counts per rule")
    output.add_argument("--report-unused-noqa", action="store_true", help="on stderr")
    output.add_argument("--disable-noqa", action="store_true", help="noqa comments do nothing")
    output.add_argument("--baseline", metavar="FILE", help="report what is not in it")
    output.add_argument("--write-baseline", metavar="FILE", help="accept what is found today")
    output.add_argument("-q", "--quiet", action="store_true", help="findings only, no progress")

    verify = top.add_argument_group("verification (torch needed)")
    verify.add_argument("--verify", action="store_true", help="run each finding on torch")
    verify.add_argument("--device", choices=_DEVICES, default="auto")
    verify.add_argument(
        "--verify-strict", action="store_true", help="only confirmed findings count"
    )
    verify.add_argument("--verify-script", metavar="DIR", help="write a script for each finding")

    fixes = top.add_argument_group("fixes")
    fixes.add_argument("--fix", action="store_true", help="apply the safe fixes")
    fixes.add_argument("--unsafe-fixes", action="store_true", help="the others as well")
    fixes.add_argument("--diff", action="store_true", help="print what --fix would do")

    shapes = top.add_argument_group("shapes")
    shapes.add_argument("--shapes", metavar="FILE", help="layer by layer; nothing is run")
    shapes.add_argument("--why", metavar="FILE:LINE", help="what is known about a line, and why")

    speed = top.add_argument_group("speed")
    speed.add_argument("-j", "--jobs", type=_jobs, metavar="N", help="processes")
    speed.add_argument("--no-cache", action="store_true")
    return top


def _keys(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text) if word]


def _jobs(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number of processes expected, not {text!r}")
    return int(text)


def _per_file(text: str) -> list[tuple[str, tuple[str, ...]]]:
    pairs = []
    for item in text.split():
        pattern, colon, keys = item.rpartition(":")
        if not colon or not pattern or not _keys(keys):
            raise argparse.ArgumentTypeError(f"PATTERN:RULES expected, not {item!r}")
        pairs.append((pattern, tuple(_keys(keys))))
    return pairs
