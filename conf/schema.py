"""What each setting is, so that a misspelt key or a wrong type is refused before anything is loaded.

No torch, no mlflow: tab completion and --help import this file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

# Which preset a degradation gets when the command line names none; everything else gets `invert`.
PRESETS = {
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


@dataclass
class Tracking:
    """Where runs are recorded besides Hydra's output folder."""

    uri: str | None = MISSING  # of the MLflow store; null = record nowhere else
    experiment: str = MISSING
    artifacts: str | None = MISSING  # folder for the experiment's artifacts, fixed when it is created
    image_every: int = MISSING  # steps between images on the step slider; 0 = none
    animation_frames: int = MISSING  # frames of progress.webp, at most; 0 = none
    parent: str | None = None  # id of the MLflow run that this one is shown under; a sweep sets it


@dataclass
class Launcher:
    """How the points of a sweep are run."""

    # problems (photos, grid points) in one optimizer pass; null = as memory allows
    batch_size: int | None = None
    bars: bool = True  # a bar that counts steps; false where several processes share a terminal


@dataclass
class Joblib(Launcher):
    jobs: int = MISSING  # processes; -1 = one per core


@dataclass
class Ray(Launcher):
    # of a running cluster, auto = the one of this machine; null = start one here
    address: str | None = MISSING
    cpus: float = MISSING  # of one point; the cluster runs as many points as it has CPUs for
    gpus: float = MISSING  # a fraction lets several points share a GPU


@dataclass
class Phase:
    space: str = MISSING
    share: float = 1.0
    learning_rate: float | None = None
    optimize_noise: bool | None = None


@dataclass
class Config:
    """The top level: what a person overrides, and one node per config group."""

    image: str | None = None
    degraded: bool = False
    align: Any = field(default_factory=lambda: {"face": None, "landmarks": None})
    paste: bool = False
    samples: int = 1
    start: str | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    rerun: bool = False
    # hyperparameters/ (see inversion/search/hyperparameters.py for ranges)
    steps: int = MISSING
    reg: float = MISSING
    prior: str = MISSING
    space: str | None = MISSING
    optimizer: str = MISSING
    learning_rate: float = MISSING
    ramp_up: float = MISSING
    ramp_down: float = MISSING
    jitter: float = MISSING
    jitter_until: float = MISSING
    noise_weight: float = MISSING
    optimize_noise: bool = MISSING
    phases: list[Phase] = MISSING
    coarse_until: float = MISSING
    early_stop: bool = MISSING
    tuning_steps: int = MISSING
    tuning_rate: float = MISSING
    # groups
    generator: Any = MISSING
    degradation: Any = MISSING
    loss: Any = MISSING
    input: Any = MISSING
    tracking: Tracking = MISSING
    launcher: Launcher = MISSING


@dataclass
class Net:
    class_index: int | None = None  # class of a conditional net, from 0; null = codes of all its classes


@dataclass
class Embedded(Net):
    _target_: str = "inversion.checkpoints.sources.embedded"
    name: str = MISSING


@dataclass
class Download(Net):
    _target_: str = "inversion.checkpoints.sources.download"
    url: str = MISSING
    sha256: str | None = None
    size: int | None = None  # bytes


@dataclass
class File(Net):
    _target_: str = "inversion.checkpoints.sources.file"
    path: str = MISSING
    sha256: str | None = None


@dataclass
class GaussianBlur:
    _target_: str = "inversion.degradations.blur.GaussianBlur"
    kernel_size: int | float | str | None = None  # text: auto
    sigma: float | None = None


@dataclass
class Inpaint:
    _target_: str = "inversion.degradations.inpaint.Inpaint"
    fraction: float | None = None
    box: list[float] | None = None
    mask: str | None = None


@dataclass
class Downsample:
    _target_: str = "inversion.degradations.downsample.Downsample"
    factor: int = 8
    method: str = "area"


@dataclass
class MotionBlur:
    _target_: str = "inversion.degradations.motion_blur.MotionBlur"
    length: float | None = None
    angle: float = 30.0


@dataclass
class SensorNoise:
    _target_: str = "inversion.degradations.sensor_noise.SensorNoise"
    sigma: float = 0.05
    photons: float | None = None
    dead: float = 0.0


@dataclass
class JPEG:
    _target_: str = "inversion.degradations.jpeg.JPEG"
    quality: int = 12


@dataclass
class Scratches:
    _target_: str = "inversion.degradations.scratches.Scratches"
    strokes: int = 9
    width: float = 0.08
    seed: int = 0


@dataclass
class Compose:
    _target_: str = "inversion.degradations.compose.Compose"
    _convert_: str = "all"  # else Hydra makes configs again of the operators that it has built
    steps: list[Any] = field(default_factory=list)


@dataclass
class Loss:
    _target_: str = MISSING
    weight: float = 1.0
    identity: float = 0.0
    l1: float = 0.0


@dataclass
class LPIPS(Loss):
    _target_: str = "inversion.losses.lpips.LPIPS"
    levels: int = 1
    vgg_path: str | None = None
    heads_path: str | None = None


@dataclass
class Photos:
    _target_: str = "inversion.photos.Photos"
    image: str | None = None
    align: Any = None
    degraded: bool = False
    mask: str | None = None


@dataclass
class Synthetic:
    _target_: str = "inversion.photos.Synthetic"
    seed: int = 0
    truncation_psi: float = 0.7
    mask: str | None = None


def register() -> None:
    """Make the schemas known to Hydra, and the resolver that picks a preset for a degradation."""
    store = ConfigStore.instance()
    store.store("config", Config, group="schema")
    launchers = (Launcher, Joblib, Ray)
    degradations = (GaussianBlur, Inpaint, Downsample, MotionBlur, SensorNoise, JPEG, Scratches, Compose)
    groups = (Tracking, Embedded, Download, File, Loss, LPIPS, Photos, Synthetic)
    for schema in (*launchers, *degradations, *groups):
        store.store(schema.__name__.lower(), schema, group="schema")
    OmegaConf.register_new_resolver("preset_for", lambda name: PRESETS.get(name, "invert"), replace=True)
