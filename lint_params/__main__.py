"""``python -m lint_params``."""

import sys

from lint_params.cli import main

sys.exit(main())
