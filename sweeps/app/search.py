"""One restoration of the page, in a process of its own: python -m sweeps.app.search FOLDER SETTING=VALUE …

Does what run.py does with the same settings, and says at the end, as a line of JSON, how it ended and where.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path


def main(folder: str, words: list[str]) -> None:
    from inversion.errors import ConfigError, explain
    from inversion.presets import composed
    from sweeps.execute.job import Job
    from sweeps.execute.process import end_with_parent
    from sweeps.execute.rounds import run_until_done
    from sweeps.execute.run_jobs import run_jobs
    from sweeps.plan.config import Config

    end_with_parent()
    try:
        chosen = [word.partition("=")[2] for word in words if word.startswith("degradation=")]
        config = Config.of(composed(*words))
        job = Job(config, Path(folder), tuple(words), chosen[-1] if chosen else "none")
    except ConfigError as error:
        tell("FAILED", explain(error), folder)
        return
    (results,) = run_until_done([job], run_jobs)
    reasons = [(one.photo if len(results) > 1 else "", one.ending.reason) for one in results]
    statuses = [one.ending.status for one in results]
    status = next((one for one in ("KILLED", "FINISHED") if one in statuses), "FAILED")
    whole = results[0].part
    said = "; ".join(": ".join(filter(None, each)) for each in reasons if each[1])
    tell(status, said, str(results[0].folder if whole is None else whole.whole))


def tell(status: str, reason: str, folder: str) -> None:
    print(json.dumps({"status": status, "reason": reason, "folder": folder}), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main(sys.argv[1], sys.argv[2:])
