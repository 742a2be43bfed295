"""Restore face photos: align → degrade → search → record. Start with `python run.py --help`."""

from __future__ import annotations

from sweeps.cli import main

if __name__ == "__main__":
    main()
