"""The comparison with other tools reads them right, counts fairly and writes what it measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import peers
import pytest
from compare import clock, mutants, outputs, pairs, tables
from compare.outputs import Said
from support import ROOT

TWIN = pairs.Pair("twins", "net", "a\nb\nwrong\nd\n", "a\nb\nc\nright\nd\n", frozenset({3}))


def test_what_tools_print_is_read() -> None:
    assert outputs.flake8("a/b.py:3:5: TOR002 Likely typo\nnothing\n") == [
        Said("a/b.py", 3, "TOR002", "Likely typo")
    ]
    ruff = [{"filename": "a.py", "location": {"row": 2}, "code": None, "message": "broken"}]
    assert outputs.ruff(json.dumps(ruff)) == [Said("a.py", 2, "", "broken")]
    shape = {"path": "a.py", "line": 4, "name": "bad-argument-type", "concise_description": "no"}
    absent = {**shape, "name": "missing-import"}
    assert outputs.pyrefly(json.dumps({"errors": [shape, absent]})) == [
        Said("a.py", 4, "bad-argument-type", "no")
    ]
    error = {"file": "a.py", "line": 5, "code": "assignment", "message": "no", "severity": "error"}
    lines = [error, {**error, "severity": "note"}, {**error, "code": "import-not-found"}]
    assert outputs.mypy("\n".join(map(json.dumps, lines))) == [Said("a.py", 5, "assignment", "no")]


def test_our_own_output_is_read(tmp_path: Path) -> None:
    from examples import LINE, MISMATCH

    (tmp_path / "net.py").write_text(MISMATCH)
    command = [sys.executable, "-m", "lint_params", "--no-cache", "--output-format", "json"]
    done = clock.run([*command, "net.py"], cwd=tmp_path)
    (said,) = outputs.lint_params(done.out)
    assert (said.path, said.line, said.code) == ("net.py", LINE, "LP401")
    assert done.status == 1
    assert 0 < done.cost.cpu < 60 and done.cost.wall > 0
    assert 5e6 < done.cost.peak < 1e9


def test_a_command_that_never_ends_is_stopped() -> None:
    assert clock.run([sys.executable, "-c", "while True: pass"], seconds=1).status < 0


@pytest.mark.parametrize(
    ("buggy", "fixed", "catches"),
    [
        ([(3, "X", "wrong")], [], True),
        ([(3, "X", "wrong")], [(4, "X", "wrong")], False),  # said of both, in the same words
        ([(3, "X", "8 and 9")], [(3, "X", "8 and 8")], True),
        ([(1, "X", "wrong")], [], False),  # not where the mistake is
        ([(3, "X", "wrong")], [(1, "X", "wrong")], True),
        ([], [(3, "X", "wrong")], False),
    ],
)
def test_a_catch(
    buggy: list[tuple[int, str, str]], fixed: list[tuple[int, str, str]], catches: bool
) -> None:
    said = [[Said("net.py", *one) for one in side] for side in (buggy, fixed)]
    assert pairs.caught(TWIN, *said) is catches


def test_lines_that_moved_are_the_same_lines() -> None:
    assert pairs.mended(TWIN.buggy, TWIN.fixed) == {3}
    style = [Said("net.py", 4, "E", "style")], [Said("net.py", 5, "E", "style")]
    assert pairs.news(TWIN, *style) == []
    assert pairs.news(TWIN, style[0] * 2, style[1]) == style[0]


def test_twins_stay_as_they_are_but_for_the_marks() -> None:
    every = {pair.name: pair for pair in pairs.twins()}
    pair = every["mlp_widened"]
    assert "want" not in pair.buggy and pair.buggy.count("\n") > 15
    number = next(n for n, line in enumerate(pair.buggy.splitlines(), 1) if "return" in line)
    assert pair.lines is not None and number in pair.lines


def test_pages_have_both_sides() -> None:
    every = list(pairs.pages())
    assert len(every) > 40
    for pair in every:
        assert "import torch" in pair.buggy and pair.fixed.strip(), pair.name
        assert pair.buggy != pair.fixed and "want" not in pair.buggy, pair.name


def test_our_column(tmp_path: Path) -> None:
    """The fixtures' twins, judged as those of any tool are: what is caught is what is marked."""
    every, sound = list(pairs.twins()), {"clean_0.py": "import torch\n"}
    files = peers.staged(tmp_path, every, sound)
    assert len(files) == 2 * len(every) + 1
    always = {name: [Said(name, 1, "X", "always")] for name in files}
    row = peers.judged(every, sound, always)
    assert row["caught"] == {} and len(row["alarmed"]) == len(every) + 1
    said = [
        Said(str(tmp_path / f"{pair.name}_buggy.py"), min(pair.lines or {1}), "X", "once")
        for pair in every
    ]
    row = peers.judged(every, sound, peers.by_file(said, tmp_path))
    assert row == {"caught": {"twins": [pair.name for pair in every]}, "alarmed": []}


def test_mutants_lie_beside_their_originals(tmp_path: Path) -> None:
    package = tmp_path / "site" / "lib" / "sub"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "net.py").write_text("from . import x\nsound\n")
    made = tmp_path / "made" / "lib" / "1f"
    made.mkdir(parents=True)
    (made / "original.py").write_text("from . import x\nsound\n")
    (made / "mutant.py").write_text("from . import x\nwrong\n")
    about = {"path": str(package / "net.py"), "kind": "shape", "lines": [2], "related": [], "raised": [1]}
    (made / "meta.json").write_text(json.dumps(about))
    (pair,) = mutants.mutants(tmp_path / "made", 5)
    assert (pair.group, pair.lines) == ("mutants-shape", frozenset({1, 2}))
    stage = tmp_path / "stage"
    files = peers.staged(stage, [pair], {})
    assert files == ["lib/sub/net.py", "lib/sub/net_1f_buggy.py"]
    assert (stage / "lib" / "__init__.py").exists()
    said = peers.by_file([Said(str(stage / files[1]), 2, "X", "wrong")], stage)
    assert peers.judged([pair], {}, said) == {"caught": {"mutants-shape": [pair.name]}, "alarmed": []}


def test_tables() -> None:
    text = tables.table(["", "a"], [["row", "1"]])
    assert text == "|  | a |\n| --- | ---: |\n| row | 1 |\n"
    page = "x\n<!-- peers: generated, see tests/peers.py -->\nold\n<!-- end of peers -->\ny\n"
    new = tables.replaced(page, "peers", "new\n")
    assert tables.between(new, "peers") == "new\n" and new.startswith("x\n") and new.endswith("y\n")
    with pytest.raises(KeyError):
        tables.replaced(page, "others", "new\n")


def test_the_readme_has_the_table_that_was_measured() -> None:
    result = json.loads(peers.RESULT.read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tables.between(readme, "peers") == peers.rendered(result)


def test_the_result_is_of_all_tools_on_the_fixtures() -> None:
    result = json.loads(peers.RESULT.read_text(encoding="utf-8"))
    assert [tool["title"] for tool in result["tools"]] == [peers.TOOLS[key].title for key in peers.PEERS]
    for tool in result["tools"]:
        for group, names in tool.get("caught", {}).items():
            assert len(names) <= result["pairs"][group]
    assert result["pairs"].keys() >= {"twins", "pages"}


def test_a_tool_that_cannot_run_is_named() -> None:
    result = json.loads(peers.RESULT.read_text(encoding="utf-8"))
    lame = {"title": "Lame", "version": "1", "how": "-", "libraries": {}, "cannot": "no wheel"}
    text = peers.rendered({**result, "tools": [result["tools"][0], lame]})
    assert "Lame could not run: no wheel." in text
    assert all(line.endswith("– |") for line in text.splitlines() if line.startswith("| CPU"))
