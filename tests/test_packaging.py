"""What is installed is whole: wheel, sdist, a plain install and an editable one."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from examples import MISMATCH
from support import ROOT, STEMS


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_named_in_setup_cfg() -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "lint_params").rglob("*.py")}
    packages = {".".join(folder.parts) for folder in folders} | {"lint_params.rules"}
    assert set(setup()["options"]["packages"].split()) == packages


def test_dependencies_are_light() -> None:
    parser = setup()
    plain = parser["options"]["install_requires"]
    assert "torch" not in plain
    assert "libcst>=1.8.5\n" in plain, "from 1.8.5, without an upper pin"
    assert "torch" in parser["options.extras_require"]["verify"]
    assert "torch" in parser["options.extras_require"]["dev"]


def test_the_version_is_said_once() -> None:
    import lint_params

    assert setup()["metadata"]["version"] == "attr: lint_params.__version__"
    assert lint_params.__version__


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository and, in dist/, its sdist and the wheel made from that."""
    copy = tmp_path_factory.mktemp("source") / "lint-params"
    copy.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    run(sys.executable, "-m", "build", "--outdir", str(copy / "dist"), str(copy))
    return copy


def run(*command: str, cwd: Path | None = None) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_wheel(built: Path) -> None:
    (wheel,) = (built / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"lint_params/rules/{stem}.py" for stem in STEMS} <= names
    assert {"lint_params/py.typed", "lint_params/cli.py", "lint_params/report/sarif.py"} <= names
    tops = {name.partition("/")[0] for name in names}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"lint_params"}


def test_sdist(built: Path) -> None:
    (archive,) = (built / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {"setup.cfg", "pyproject.toml", "README.md", "lint_params/cli.py"} <= names
    assert {f"rules/{stem}.py" for stem in STEMS} <= names


@pytest.mark.parametrize("how", ["wheel", "editable"])
def test_installed(built: Path, how: str, tmp_path: Path) -> None:
    """In a fresh environment that sees this one's dependencies, but neither torch nor this."""
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", str(environment))
    python = str(next(environment.glob("[bS]*/python*")))
    (library,) = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
    ).splitlines()
    dependencies = tmp_path / "dependencies"
    dependencies.mkdir()
    for module in ("libcst", "flake8", "platformdirs", "pycodestyle", "pyflakes", "mccabe"):
        _link(module, dependencies)
    for module in ("yaml", "yaml_ft", "_yaml"):  # libcst asks for one of them
        _link(module, dependencies, needed=False)
    (Path(library) / "dependencies.pth").write_text(f"{dependencies}\n")
    (wheel,) = (built / "dist").glob("*.whl")
    what = [str(wheel)] if how == "wheel" else ["-e", str(built)]
    run(python, "-m", "pip", "install", "-q", "--no-deps", *what)

    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "net.py").write_text(MISMATCH)
    code = (
        "import sys; from lint_params.cli import main; status = main(['net.py', '--no-cache']);"
        "import lint_params.rules as r; print(r.__path__[0], status);"
        "assert 'torch' not in sys.modules"
    )
    output = run(python, "-c", code, cwd=folder)
    assert "LP401" in output
    place = Path(output.splitlines()[-1].rpartition(" ")[0])
    expected = built / "rules" if how == "editable" else Path(library) / "lint_params" / "rules"
    assert place.resolve() == expected.resolve()
    assert "lint-params" in run(python, "-m", "lint_params", "--version")
    # With --verify and no torch: how to install it, and exit status 2.
    done = subprocess.run(
        [python, "-m", "lint_params", "net.py", "--verify"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "lint-params[verify]" in done.stderr


def _link(module: str, folder: Path, needed: bool = True) -> None:
    """Make one installed top-level module visible, with nothing beside it."""
    import importlib.util

    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        assert not needed, module
        return
    origin = Path(spec.origin)
    source = origin.parent if origin.name == "__init__.py" else origin
    (folder / source.name).symlink_to(source, target_is_directory=source.is_dir())
