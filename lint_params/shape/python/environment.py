"""Where the code runs: a recent torch on a plain machine, in an environment that nobody has set."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from lint_params.shape.evaluate.comparison import compare
from lint_params.shape.evaluate.truth import FAILED
from lint_params.shape.python import CONSTANTS, EXTERNALS, How, external
from lint_params.shape.value import External, Seq, Unknown, Value

if TYPE_CHECKING:
    from lint_params.shape.evaluate.interpreter import Interpreter

#: Code for older releases is kept beside that for this one, and is not what its authors run now.
_TORCH = "2.13.0"
_NUMBERS = re.compile(r"\d+(\.\d+)*")
CONSTANTS["torch.__version__"] = _TORCH
CONSTANTS["torch.version.__version__"] = _TORCH
CONSTANTS["sys.version_info"] = Seq([3, 12, 0], "tuple")


@external("packaging.version.parse", "packaging.version.Version", "pkg_resources.parse_version",
          "distutils.version.LooseVersion")  # fmt: skip
def _version(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """A version as the tuple of its numbers, which is compared as a version is."""
    found = _NUMBERS.match(args[0]) if isinstance(args[0], str) else None
    if found is None:
        return Unknown("version")
    return Seq([int(part) for part in found.group().split(".")], "tuple")


@external("importlib.metadata.version", "importlib_metadata.version")
def _installed(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return _TORCH if args[0] == "torch" else Unknown("version")


@external("os.getenv", "os.environ.get")
def _getenv(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    return args[1] if len(args) > 1 else kwargs.get("default")


@external("importlib.util.find_spec")
def _find_spec(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Torch is there; its plug-ins for machines of other kinds are not."""
    if args[0] == "torch":
        return External("torch")
    return None if args[0] in _OTHER_MACHINES else Unknown("a library that may be there")


_OTHER_MACHINES = ("torch_npu", "torch_xla", "torch_mlu")


@external("torch.jit.is_scripting", "torch.jit.is_tracing", "torch.compiler.is_compiling",
          "torch.compiler.is_exporting", "torch.onnx.is_in_onnx_export")  # fmt: skip
def _plain_run(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """Python runs the code itself: nothing is scripted, traced, compiled or exported."""
    return False


@external("pytest.skip", "pytest.fail", "pytest.xfail", "pytest.exit", "sys.exit", "os._exit", "builtins.exit",
          "builtins.quit")  # fmt: skip
def _leave(it: Interpreter, args: list[Value], kwargs: dict[str, Value]) -> Value:
    """What follows is not run."""
    return FAILED


def _comparison(kind: type) -> How:
    return lambda it, args, kwargs: compare(it, kind, args[0], args[1])


for _name, _kind in zip(
    ("lt", "le", "gt", "ge", "eq", "ne"), (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
):
    EXTERNALS[f"operator.{_name}"] = _comparison(_kind)
