"""How many layer calls of released libraries are decided, and why the others are not.

    python tests/sweep/unknown.py timm vit_pytorch       these libraries
    python tests/sweep/unknown.py --examples 5 timm      with more examples for each reason
    python tests/sweep/unknown.py --under transformers/models/b transformers

Counted is every layer that owns parameters (Linear, convolutions, norms, recurrent layers,
attention, embeddings) in every class of the library, once for each place where its class calls
it. Each counts as the best that a run of its class says of it: the one with symbolic arguments,
with the defaults, or with a number of dimensions for its inputs. Where these leave it open, it
counts as the best of the runs with other arguments, chosen so that a layer behind a flag is
reached, and then of those in which the library's other classes and functions build and call the
class, with the arguments that they give; how many are proved only so is said:

- proved: its sizes fit, for all values of the symbols;
- free: an argument of forward comes in, and this call pins its size. So it is with what torch's
  functions make of such arguments alone, as long as none of their sizes is known, and with what
  a module that somebody hands over makes of a tensor: the source says nothing of these sizes;
- refuted: a finding;
- unknown: neither, or the call was never reached. So do calls of an attribute of ``self``
  whose value is unknown: it may be a layer.

A layer that takes other arguments than a call has, in a run that takes flags both ways, is not
what is called there. Layers that only methods like ``reset_classifier`` build, to which neither
the constructor nor forward leads, are no part of the model and are told apart.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from census import ASIDE, SUPPOSED, USED, Library
from libraries import cache_folder, pinned, sources
from linting import OutOfTime
from watching import ORDER

from lint_params.shape.check import Verdict

ROW = "{:28} {:>6} {:>7} {:>6} {:>8} {:>8} {:>12}  {}"


def read(folder: Path, under: str, limit: float) -> Library:
    def stop(*_: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, stop)
    library = Library(folder)
    for path in sorted((folder / under).rglob("*.py")):
        signal.setitimer(signal.ITIMER_VIRTUAL, limit)
        try:
            library.read(path)
        except OutOfTime:
            library.late.append(path.relative_to(folder).as_posix())
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return library


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="+", choices=pinned(), metavar="library")
    parser.add_argument("--cache", type=Path, help="where the sources are kept, as for sweep.py")
    parser.add_argument("--under", default="", help="only this folder of a library")
    parser.add_argument("--limit", type=float, default=60.0, help="CPU seconds for one file")
    parser.add_argument("--reasons", type=int, default=25, help="how many reasons to show")
    parser.add_argument("--examples", type=int, default=2, help="how many places for each")
    args = parser.parse_args()
    print(ROW.format("library", "calls", *(kind.name.lower() for kind in ORDER), "of not free", ""))
    for name in args.libraries:
        began = time.process_time()
        library = read(sources(pinned()[name], args.cache or cache_folder()), args.under, args.limit)
        asked = library.answers()
        answers = [a for a in asked if a.why != ASIDE]
        counts = Counter(a.kind for a in answers)
        row = [len(answers), *(counts[kind] for kind in ORDER)]
        bound = len(answers) - counts[Verdict.FREE]
        share = f"{100 * counts[Verdict.PROVED] / bound:.1f}%" if bound else ""
        print(ROW.format(name, *row, share, f"{time.process_time() - began:.0f} s of CPU"), flush=True)
        for file in library.late:
            print(f"  {file}: out of time")
        at_defaults = sum(a.kind is Verdict.PROVED and a.how == "defaults" for a in answers)
        if at_defaults:
            print(f"  {at_defaults} of the proved ones only for the default arguments")
        supposed = sum(a.kind is Verdict.PROVED and a.how == SUPPOSED for a in answers)
        if supposed:
            print(f"  {supposed} of the proved ones only with other arguments than the defaults")
        used = sum(a.kind is Verdict.PROVED and a.how == USED for a in answers)
        if used:
            print(f"  {used} of the proved ones only in what the library makes of the class")
        if len(asked) > len(answers):
            print(f"  not counted: {len(asked) - len(answers)} layers {ASIDE}")
        places: dict[str, list[str]] = defaultdict(list)
        for answer in answers:
            if answer.kind is Verdict.UNKNOWN:
                places[answer.why].append(answer.place)
        for why, where in sorted(places.items(), key=lambda item: -len(item[1]))[: args.reasons]:
            print(f"  {len(where):5} {why}")
            step = max(1, len(where) // max(args.examples, 1))
            for place in where[::step][: args.examples]:
                print(f"          {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
