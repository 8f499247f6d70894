"""The parts of the sweep that need no library: comparison, judgements, archives, the table."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import sweep
from judgements import Judgement, Key, judgements, no_longer_found, verdicts, write
from libraries import Library, pinned, sources, unpack
from linting import Run, ask, gather, working_tree
from report import changes, crash_changes, shortened, table, unsettled


def key(line: int, code: str = "LP401", library: str = "zoo", version: str = "1.0") -> Key:
    return Key(library, version, "zoo/net.py", line, code)


def test_base_against_head() -> None:
    base = {key(1): "says a", key(2): "gone", key(3): "as before"}
    head = {key(1): "says b", key(3): "as before", key(4, "LP208"): "new"}
    lines = list(changes(base, head, {key(4, "LP208"): Judgement("false", "why")}, 5))
    assert lines == [
        "Added: 1 (1 false)",
        " LP208: 1",
        "  zoo: zoo/net.py:4: LP208 new [false]",
        "Removed: 1 (1 unjudged)",
        " LP401: 1",
        "  zoo: zoo/net.py:2: LP401 gone [unjudged]",
        "Changed: 1 (1 unjudged)",
        " LP401: 1",
        "  zoo: zoo/net.py:1: LP401 says a -> says b [unjudged]",
    ]


def test_the_same_line_of_another_version_is_another_finding() -> None:
    old, new = {key(1): "a"}, {key(1, version="1.1"): "a"}
    assert list(changes(old, new, {}, 5))[0] == "Added: 1 (1 unjudged)"


def test_long_lists_are_cut_rule_by_rule_with_a_count() -> None:
    texts = {key(n): "m" for n in range(1, 6)} | {key(9, "LP208"): "other"}
    assert list(shortened(texts, texts, 2)) == [
        " LP208: 1",
        "  zoo: zoo/net.py:9: LP208 other",
        " LP401: 5",
        "  zoo: zoo/net.py:1: LP401 m",
        "  zoo: zoo/net.py:2: LP401 m",
        "  ... and 3 more of LP401",
    ]


def test_crashes_are_compared_apart() -> None:
    assert list(crash_changes(["a.py: old", "both"], ["both", "b.py: new"], 5)) == [
        "New crashes: 1",
        "  b.py: new",
        "Crashes mended: 1",
        "  a.py: old",
    ]


def test_judgements_are_matched_by_release_place_and_rule(tmp_path: Path) -> None:
    file = tmp_path / "judged.csv"
    file.write_text(
        "library,version,file,line,code,verdict,why\n"
        'zoo,1.0,zoo/net.py,1,LP401,true,"fails, always"\n'
        "zoo,1.0,zoo/net.py,2,LP401,arguable,with the defaults only\n"
        "zoo,0.9,zoo/net.py,3,LP401,false,of an old release\n"
    )
    judged = judgements(file)
    found = [key(1), key(1, "LP402"), key(3)]
    assert verdicts(found, judged) == {"true": 1, "unjudged": 2}
    assert no_longer_found(found, judged, {("zoo", "1.0")}) == [key(2)]
    text = "\n".join(unsettled({one: "m" for one in found}, judged, {("zoo", "1.0")}, 9))
    assert "Without a judgement: 2" in text and "no longer found: 0" in text
    assert "True, and no longer found: 1" in "\n".join(unsettled({}, judged, {("zoo", "1.0")}, 9))


def test_findings_are_written_as_they_are_judged(tmp_path: Path) -> None:
    out = io.StringIO()
    write([key(7), key(1)], {key(1): Judgement("true", "a, b")}, out)
    file = tmp_path / "rows.csv"
    file.write_text(out.getvalue())
    assert out.getvalue().splitlines()[2] == "zoo,1.0,zoo/net.py,7,LP401,,"
    with pytest.raises(SystemExit, match="no judgement"):
        judgements(file)  # nobody has judged line 7


@pytest.mark.parametrize(
    "row", ["zoo,1.0,a.py,1,LP401,true,again", "zoo,1.0,a.py,2,LP401,wrong,why"]
)
def test_double_and_unknown_judgements_are_refused(tmp_path: Path, row: str) -> None:
    file = tmp_path / "judged.csv"
    file.write_text(
        "library,version,file,line,code,verdict,why\nzoo,1.0,a.py,1,LP401,true,why\n" + row + "\n"
    )
    with pytest.raises(SystemExit):
        judgements(file)


def test_the_judgements_of_this_repository_are_of_pinned_releases() -> None:
    known = {(library.name, library.version) for library in pinned().values()}
    judged = judgements()
    assert judged and {(one.library, one.version) for one in judged} <= known


def test_wheels_and_sdists_are_unpacked_alike(tmp_path: Path) -> None:
    wheel, sdist = tmp_path / "zoo-1.0-py3-none-any.whl", tmp_path / "zoo-1.0.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("zoo/net.py", "x = 1\n")
        archive.writestr("zoo/data.bin", "no source")
    with tarfile.open(sdist, "w:gz") as archive_:
        for name in ("zoo-1.0/zoo/net.py", "zoo-1.0/README"):
            info = tarfile.TarInfo(name)
            info.size = 6
            archive_.addfile(info, io.BytesIO(b"x = 1\n"))
    for archive in (wheel, sdist):
        target = tmp_path / archive.suffix
        unpack(archive, target)
        files = [p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()]
        assert files == ["zoo/net.py"]


def test_what_is_in_the_cache_is_not_downloaded(tmp_path: Path) -> None:
    (tmp_path / "zoo-1.0").mkdir()
    assert sources(Library("zoo", "1.0", "animals"), tmp_path) == tmp_path / "zoo-1.0"


def test_rows_of_a_run_are_added_up() -> None:
    rows = [
        {"file": "a.py", "lines": 10, "cpu": 0.5, "crashes": [], "findings": [[3, "LP401", "m"]]},
        {"file": "b.py", "lines": 5, "cpu": 0.25, "crashes": ["b.py: broke"], "findings": []},
        {"file": "c.py", "lines": 1, "cpu": 60.0, "late": True},
    ]
    run = gather([json.dumps(row) for row in rows])
    assert run.findings == {("a.py", 3, "LP401"): "m"}
    assert (run.files, run.lines, run.cpu) == (3, 16, 60.75)
    assert (run.crashes, run.late) == (["b.py: broke"], ["c.py"])


def test_the_table_has_a_row_for_each_and_one_for_all() -> None:
    runs = {"ark": Run(files=2, lines=1200, cpu=1.0), "zoo": Run(files=1, lines=34, cpu=0.5)}
    base = {"ark": Run(cpu=2.0), "zoo": Run(cpu=1.0)}
    tallies = {"ark": Counter({"true": 1}), "zoo": Counter({"unjudged": 2})}
    rows = [row.split() for row in table(runs, base, tallies)]
    assert rows[1] == "ark 2 1,200 1 0 0 0 0 0 1.0 2.0".split()
    assert rows[3] == "in all 3 1,234 1 0 0 2 0 0 1.5 3.0".split()


@pytest.fixture
def mistake(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "net.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "net = nn.Sequential(nn.Linear(4, 8), nn.Linear(9, 2))\nnet(torch.zeros(1, 4))\n"
    )
    (folder / "plain.py").write_text("x = 1\n")
    return folder


def test_a_folder_is_linted_in_a_process_of_its_own(tmp_path: Path, mistake: Path) -> None:
    run = ask(working_tree(tmp_path), mistake, 20.0)
    assert list(run.findings) == [("net.py", 5, "LP401")]
    assert (run.files, run.lines, run.crashes, run.late) == (2, 7, [], [])


def test_a_linter_that_dies_is_a_crash(tmp_path: Path, mistake: Path) -> None:
    (tmp_path / "lint_params").mkdir()
    (tmp_path / "lint_params" / "__init__.py").write_text("raise SystemExit(3)\n")
    assert ask(tmp_path, mistake, 20.0).crashes == ["the process ended with status 3"]


def test_a_finding_that_nobody_judged_is_no_success(
    mistake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--folder", str(mistake)])
    assert sweep.main() == 1
    out = capsys.readouterr().out
    assert "Without a judgement: 1" in out and "1 findings: 1 unjudged" in out
    (mistake / "net.py").unlink()
    assert sweep.main() == 0
