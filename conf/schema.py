"""What each setting is, so that a misspelt key or a wrong type is refused before anything is loaded.

No torch, no mlflow: tab completion and --help import this file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from conf import resolvers
from conf.derived import arguments_as_fields

# Which preset a degradation gets when the command line names none; everything else gets `invert`. See `preset_for`.
PRESETS = {
    "auto": "colorize",
    "blur": "deblur",
    "compose": "deblur",
    "downsample": "enlarge",
    "grayscale": "colorize",
    "inpaint": "inpaint",
    "jpeg": "deblur",
    "motion_blur": "deblur",
    "scratches": "inpaint",
    "sensor_noise": "deblur",
    "small_noisy_jpeg": "deblur",
}


# Nets that these presets were tuned for: the embedded ones, and those that a person says are like it. Published nets,
# and files (as a rule trained like them), have presets of their own, `published_deblur` and so on.
SMALL = ("portraits", "portraits64", "small_file")


@dataclass
class Tracking:
    """Where runs are recorded besides Hydra's output folder."""

    uri: str | None = MISSING  # of the MLflow store; null = record nowhere else
    experiment: str = MISSING  # of MLflow, in which the runs are listed
    artifacts: str | None = MISSING  # folder for the experiment's artifacts, fixed when it is created
    image_every: int = MISSING  # steps between images on the step slider; 0 = none
    animation_frames: int = MISSING  # frames of progress.webp, at most; 0 = none
    lease: float = 90.0  # seconds without a sign of life after which others run what this process was running
    parent: str | None = None  # id of the MLflow run that this one is shown under; a sweep sets it
    experiment_id: str | None = None  # in the store, so that nobody has to ask for it; a sweep sets it
    command: str | None = None  # to which the end of each point is told; a sweep sets it


@dataclass
class Launcher:
    """How the points of a sweep are run."""

    batch_size: int | None = None  # problems in one optimizer pass; null = as memory allows
    bars: bool = True  # a bar that counts steps; false where several processes share a terminal


@dataclass
class Packing(Launcher):
    """In other processes, each of which gets several points at once."""

    points_per_job: int | None = MISSING  # null = so many that 16 jobs share the sweep, 32 at most


@dataclass
class Joblib(Packing):
    """In processes of this machine."""

    jobs: int = MISSING  # processes; -1 = one per core


@dataclass
class Ray(Packing):
    """On a Ray cluster."""

    address: str | None = MISSING  # of a cluster; auto = this machine's; null = start one here
    cpus: float = MISSING  # of one job; the cluster runs as many jobs as it has CPUs for
    gpus: float = MISSING  # of one job; a fraction lets several jobs share a GPU


@dataclass
class Settings:
    """The top level: what a person overrides, and one node per config group."""

    image: str | None = None
    degraded: bool = False
    # Or false: see conf/check.py.
    align: Any = field(default_factory=lambda: {"face": None, "landmarks": None})
    max_size: int | None = 1024
    metrics: list[str] = field(default_factory=list)
    paste: bool | None = None
    points: str | None = None
    samples: int = 1
    start: str | None = None
    seed: int = 0
    seeds: int = 1
    device: str = "auto"
    precision: str = "auto"
    rerun: bool = False
    # Groups. Any: each file of a group brings the type of the class that it builds; see conf/check.py for the rest.
    generator: Any = MISSING
    degradation: Any = MISSING
    loss: Any = MISSING
    input: Any = MISSING
    tracking: Tracking = MISSING
    launcher: Launcher = MISSING


HYPERPARAMETERS = "inversion.search.hyperparameters.Hyperparameters"
Phase = make_dataclass(
    "Phase", arguments_as_fields("inversion.search.hyperparameters.Phase", without={"coarse"})
)
Config = make_dataclass(
    "Config",
    arguments_as_fields(HYPERPARAMETERS, without={"samples"}, types={"phases": list[Phase]}, missing=True),  # type: ignore[valid-type]
    bases=(Settings,),
)


def preset_for(degradation: str, generator: str) -> str:
    """The hyperparameters that a degradation gets on a net, where the command line names none."""
    preset = PRESETS.get(degradation, "invert")
    return preset if generator in SMALL else f"published_{preset}"


def loss_for(degradation: str, generator: str) -> str:
    """The loss that a degradation gets on a net, where the command line names none.

    Pixels where nothing is missing; else the discriminator's features, which keep the search near real-looking faces.
    Robust ones where damage is looked for, since not all of it is found.
    """
    if generator in SMALL and preset_for(degradation, generator) == "invert":
        return "pixel"
    features = "discriminator" if generator in SMALL else "lpips"
    return f"{features}_robust" if degradation == "auto" else features


def register() -> None:
    """Make the schemas known to Hydra, and the resolvers of the YAML files.

    Those of the classes that a YAML file builds are made when Hydra asks: hydra_plugins/constructor_schemas.py.
    """
    store = ConfigStore.instance()
    for schema in (Config, Tracking, Launcher, Packing, Joblib, Ray):
        store.store(schema.__name__.lower(), schema, group="schema")
    OmegaConf.register_new_resolver("preset_for", preset_for, replace=True)
    OmegaConf.register_new_resolver("loss_for", loss_for, replace=True)
    resolvers.register()
