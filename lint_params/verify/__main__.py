"""``python -m lint_params.verify``: the verifier's own process, see ``server``."""

import sys

from lint_params.verify import server

if "--one" in sys.argv:
    server.one()
else:
    server.serve()
