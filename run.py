"""Restore face photos: align → degrade → search → record. Start with `python run.py --help`."""

from __future__ import annotations

import gc
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from conf.schema import register
from inversion.runtime.streams import outlive_closed_pipes

register()


@hydra.main(config_path="conf", config_name="config", version_base="1.3")
def main(cfg: DictConfig) -> float:
    """Returns a sweep's objective, higher is better: mean PSNR to the original, to the observed photo without one."""
    from sweeps.execute.job import Job, score  # torch and mlflow load late: --help must not wait for them
    from sweeps.execute.run_jobs import run_jobs

    (results,) = run_jobs([Job.composed(cfg, HydraConfig.get())])
    return score(results)


if __name__ == "__main__":
    outlive_closed_pipes()
    gc.disable()  # until everything is imported: see inversion/runtime/heap.py
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Interrupted: what was reached is recorded. The same command goes on with what is missing.")
