"""The verifier: findings are run on torch, in other processes, and come back judged."""

from lint_params.verify.client import (
    MEMORY,
    TIMEOUT,
    TorchMissing,
    VerifierFailed,
    verify_findings,
)
from lint_params.verify.scripts import write_scripts

__all__ = [
    "MEMORY",
    "TIMEOUT",
    "TorchMissing",
    "VerifierFailed",
    "verify_findings",
    "write_scripts",
]
