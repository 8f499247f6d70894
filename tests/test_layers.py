"""The order of the house: imports go down or sideways, and start-up imports only what it uses."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import CLEAN, MISMATCH
from support import ROOT, STEMS

PACKAGE = ROOT / "lint_params"
#: Module or package (longest match) to its level.
LEVELS = {
    "lint_params": 0,  # the version, and a lazy API
    "lint_params.frames": 0,
    "lint_params.source": 0,
    "lint_params.trees": 0,
    "lint_params.parse": 0,
    "lint_params.shape.sizes": 0,
    "lint_params.shape.value": 0,
    "lint_params.shape.check": 1,
    "lint_params.shape.call": 1,
    "lint_params.shape.context": 1,
    "lint_params.shape.ops": 1,
    "lint_params.shape.provenance": 1,
    "lint_params.folders": 2,
    "lint_params.names": 2,
    "lint_params.project": 2,
    "lint_params.shape.python": 2,
    "lint_params.shape.evaluate": 2,
    "lint_params.shape": 2,
    "lint_params.rule": 3,
    "lint_params.facts": 3,
    "lint_params.evidence": 3,
    "lint_params.mismatch": 3,
    "lint_params.torch_errors": 3,
    "lint_params.trace": 2,
    "lint_params.shape.runs": 3,
    "lint_params.shape.output": 3,
    "lint_params.registry": 4,
    "lint_params.rules": 4,
    "lint_params.baseline": 5,
    "lint_params.cache": 5,
    "lint_params.config": 5,
    "lint_params.discover": 5,
    "lint_params.engine": 5,
    "lint_params.expected": 2,
    "lint_params.fix": 5,
    "lint_params.notebook": 5,
    "lint_params.report": 5,
    "lint_params.runner": 5,
    "lint_params.selection": 5,
    "lint_params.suppress": 5,
    "lint_params.cli": 6,
    "lint_params.__main__": 6,
    "lint_params.fixing": 6,
    "lint_params.flake8_plugin": 6,
    "lint_params.new_rule": 6,
    "lint_params.options": 6,
    "lint_params.pages": 6,
    "lint_params.session": 6,
    "lint_params.shape_page": 6,
    "lint_params.verify": 6,
}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def level_of(module: str) -> int:
    while module not in LEVELS:
        module, dot, _ = module.rpartition(".")
        assert dot, module
    return LEVELS[module]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and module of every import that runs, at the top or inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        todo += [] if for_types else ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: write the import out"
            base = node.module or ""
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                is_module = (ROOT / inner.replace(".", "/")).with_suffix(".py").exists()
                is_package = (ROOT / inner.replace(".", "/") / "__init__.py").exists()
                yield node.lineno, inner if is_module or is_package else base


def test_every_module_has_a_level() -> None:
    for path in FILES:
        module = module_of(path)
        if module != "lint_params":
            assert any(
                module == known or module.startswith(known + ".")
                for known in LEVELS
                if known != "lint_params"
            ), f"{module} is in no layer"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_never_go_up(path: Path) -> None:
    module = module_of(path)
    if module == "lint_params":
        return  # the API at the bottom opens the doors at the top, when it is called
    for line, name in imports(path):
        if name == "lint_params" or not name.startswith("lint_params."):
            continue
        assert level_of(name) <= level_of(module), f"{path}:{line}: {module} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_only_the_verifier_imports_torch(path: Path) -> None:
    if "verify" not in path.relative_to(PACKAGE).parts:
        assert not [name for _, name in imports(path) if name.partition(".")[0] == "torch"]


@pytest.mark.parametrize("stem", STEMS)
def test_rules_import_the_contract_only(stem: str) -> None:
    path = ROOT / "rules" / f"{stem}.py"
    allowed = {"lint_params.rule", "libcst", *sys.stdlib_module_names}
    for line, name in imports(path):
        known = name in allowed or name.partition(".")[0] in allowed
        assert known, f"{path}:{line}: a rule imports {name}"
    top = [
        name.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in node.names
    ]
    assert not any(name.startswith("libcst") for name in top), "import libcst where it is used"


# -- what each path through the command imports ------------------------------------------

HEAVY = ("torch", "numpy", "libcst", "rich", "sqlite3", "flake8", "multiprocessing", "concurrent")


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules that a run of the command imports."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from lint_params.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('\\0' + ' '.join(set(sys.modules) - before))"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "\0" in done.stdout, done.stderr
    return set(done.stdout.rpartition("\0")[2].split())


def families(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.fixture
def folder(project: Path) -> Path:
    (project / "bad.py").write_text(MISMATCH)
    (project / "good.py").write_text(CLEAN)
    (project / "other.py").write_text("x = 1\n")
    return project


def test_version_imports_next_to_nothing(folder: Path) -> None:
    modules = imported(folder, "--version")
    ours = {name for name in modules if name.startswith("lint_params")}
    assert ours == {"lint_params", "lint_params.cli", "lint_params.options"}
    assert not families(modules) & set(HEAVY)


@pytest.mark.parametrize("output_format", ["text", "json", "sarif", "github", "gitlab", "junit"])
def test_a_run_imports_what_it_uses(folder: Path, output_format: str) -> None:
    modules = imported(folder, "bad.py", "--no-cache", "--output-format", output_format)
    assert not families(modules) & set(HEAVY)
    reports = {name for name in modules if name.startswith("lint_params.report.")}
    assert reports == {f"lint_params.report.{output_format}"}
    assert not any(name.startswith("lint_params.verify") for name in modules)


def test_a_warm_run_imports_no_rule_needs(folder: Path) -> None:
    imported(folder, "bad.py")
    modules = imported(folder, "bad.py")
    assert "sqlite3" in families(modules)
    assert not families(modules) & (set(HEAVY) - {"sqlite3"})
    assert not any(name.startswith(("lint_params.shape", "lint_params.facts")) for name in modules)


def test_a_file_without_torch_needs_no_facts(folder: Path) -> None:
    modules = imported(folder, "other.py", "--no-cache")
    assert not any(name.startswith(("lint_params.shape", "lint_params.facts")) for name in modules)


def test_verify_never_imports_torch_here(folder: Path) -> None:
    modules = imported(folder, "good.py", "bad.py", "--verify", "--no-cache")
    assert "lint_params.verify" in modules
    assert "torch" not in families(modules)
