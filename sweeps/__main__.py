"""python -m sweeps {app,ui,watch,missing,reap,report,table,sync}: look at recorded runs, and after them."""

from __future__ import annotations

import sys

from sweeps.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:]))
