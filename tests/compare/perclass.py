"""CPU seconds that shapes take, class by class, in a process that runs nothing else.

    python compare/perclass.py PATH...

Prints JSON: the seconds that went into each Module class of the files, all its runs together.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lint_params.config import Config
from lint_params.runner import Linter
from lint_params.shape.runs import analyse


def main(paths: list[str]) -> None:
    spent: dict[tuple[str, str], float] = defaultdict(float)
    check_class = analyse.check_class

    def timed(it: Any, cls: Any, name: str, *args: Any, **options: Any) -> Iterator[Any]:
        runs = check_class(it, cls, name, *args, **options)
        while True:
            began = time.process_time()
            run = next(runs, None)
            spent[cls.file.path, name] += time.process_time() - began
            if run is None:
                return
            yield run

    analyse.check_class = timed
    linter = Linter(Config())
    for path in paths:
        linter.lint_file(path)
    print(json.dumps(list(spent.values())))


if __name__ == "__main__":
    main(sys.argv[1:])
