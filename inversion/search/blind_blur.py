"""Find the Gaussian blur of a photo that arrives blurred, by what it took from each spatial frequency.

Any face explains any blur a little: the restoration that fits best prefers the weakest kernel. What the kernel
leaves when all faces are averaged over does not (Levin et al. 2009, Understanding and evaluating blind
deconvolution algorithms, MAP_k in section 3). Averaging is easy for power spectra: faces in one framing differ
little in theirs, the generator knows how much, and a blur multiplies a spectrum by its own.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from inversion.degradations.blur import (
    AUTO,
    GaussianBlur,
    default_kernel_size,
    default_sigma,
    gaussian_kernel,
)
from inversion.degradations.degradation import Degradation
from inversion.degradations.wiener import frequency_response
from inversion.errors import ConfigError
from inversion.generator.stylegan2 import Generator
from inversion.latents.starts import TRUNCATION_PSI
from inversion.metrics.sharpness import noise_power, ring_mean, ring_power
from inversion.model import Model

log = logging.getLogger(__name__)

SAMPLES = 128  # faces; twice as many find kernels no better
AT_ONCE = 8  # faces drawn together: memory
WIDENING = 1.15  # from one band of frequencies to the next, at least one period
CLEAR = 4.0  # times the noise's power tells of the blur
UNLIKE = 0.2  # nepers by which the generator's faces may differ from photos, in every band on its own
CANDIDATES = 120
UNLIKELY = 1.6  # times another kernel than the one that is found: an assumed one is doubted
DOUBTED = 256  # px, largest side at which a CPU draws faces fast enough for a doubt
WIDEST = 0.25  # of the side


@dataclass(frozen=True)
class FaceSpectrum:
    """Log power of unblurred faces in bands of spatial frequency: as in `ring_power`, natural logarithm."""

    rings: Tensor  # [R / 2], mean
    bands: Tensor  # [bands], mean
    covariance: Tensor  # [bands, bands]

    @classmethod
    def of(cls, power: Tensor) -> FaceSpectrum:
        """From the `ring_power` of many faces: [N, R / 2]."""
        bands = in_bands(power).log()
        unlike = UNLIKE**2 * torch.eye(bands.shape[1], dtype=bands.dtype)
        return cls(power.log().mean(dim=0), bands.mean(dim=0), bands.T.cov() + unlike)


def is_to_be_found(degradation: Degradation, degraded: bool) -> bool:
    """Whether the photo is asked for the kernel. Raises ConfigError where it cannot tell."""
    if not (isinstance(degradation, GaussianBlur) and degradation.kernel_size == AUTO):
        return False
    if not degraded:
        raise ConfigError(
            "degradation.kernel_size=auto finds the kernel of a photo that arrives blurred. Got degraded=false; "
            "degraded=true would work, or a kernel size in pixels to blur it with."
        )
    if degradation.sigma is not None:
        raise ConfigError(
            "degradation.kernel_size=auto finds sigma as well. "
            f"Got degradation.sigma={degradation.sigma}; leave it out."
        )
    return True


def resolve_kernel(degradation: Degradation, photo: Tensor, degraded: bool, model: Model) -> Degradation:
    """The same degradation, with the kernel found where it is asked for: photo [1, 3, R, R] in [-1, 1].

    Raises ConfigError.
    """
    if is_to_be_found(degradation, degraded):
        size = find_kernel_size(photo, face_spectrum(model.generator)).item()
        return GaussianBlur(round(size, 3), round(default_sigma(size), 4))
    if degraded and isinstance(degradation, GaussianBlur) and degradation.kernel_size is None:
        doubt_assumed_kernel(photo, model)
    return degradation


def doubt_assumed_kernel(photo: Tensor, model: Model) -> None:
    """Warn where the blur that a photo shows is far from the size that is assumed: too wide a one draws stripes.

    Not for large nets on a CPU, where the faces that the photo is compared with would take minutes to draw.
    """
    if _takes_minutes(photo):
        return
    side = photo.shape[-1]
    assumed = default_kernel_size(side)
    found = find_kernel_size(photo, face_spectrum(model.generator)).item()
    if not 1 / UNLIKELY <= found / assumed <= UNLIKELY:
        seen = "hardly blurred" if found < 2 else f"blurred by about {found:.1f} px"
        log.warning(
            "The photo looks %s at %d px, but %d px are assumed, 10 %% of the side. degradation.kernel_size=auto uses "
            "what is found; a number of pixels sets it.",
            seen,
            side,
            assumed,
        )


def blur_misfit(operator: Degradation, photo: Tensor, model: Model) -> float | None:
    """By how much χ² a blur explains a photo that arrives blurred less well than the best window of Gaussians does.

    operator: bound; photo: [1, 3, R, R] in [-1, 1]. None where nothing can be said: another degradation, or a large net
    on a CPU.
    """
    if not isinstance(operator, GaussianBlur) or _takes_minutes(photo):
        return None
    side = photo.shape[-1]
    own = response(operator.kernel(photo.cpu().double()), side)
    tried = torch.cat([own, candidate_responses(side)])
    (found,) = chi_squares(photo, tried, face_spectrum(model.generator))
    return float(found[0] - found[1:].min())


def _takes_minutes(photo: Tensor) -> bool:
    """To draw the faces that a photo is compared with."""
    return photo.shape[-1] > DOUBTED and photo.device.type == "cpu"


def found_kernel(asked: Degradation, resolved: Degradation) -> dict[str, float]:
    """found_kernel_size and found_sigma, in pixels, for the record; nothing where they were given."""
    if not (
        isinstance(asked, GaussianBlur) and isinstance(resolved, GaussianBlur) and asked.kernel_size == AUTO
    ):
        return {}
    found = {"found_kernel_size": resolved.kernel_size, "found_sigma": resolved.sigma}
    return {name: float(value) for name, value in found.items() if value is not None}


def find_kernel_size(photos: Tensor, faces: FaceSpectrum) -> Tensor:
    """The most probable width of a Gaussian window, sigma by OpenCV's rule: [B, 3, R, R] -> [B], pixels, 1 = sharp.

    Every size on a logarithmic scale is as likely beforehand.
    """
    side = photos.shape[-1]
    sizes, found = candidates(side), chi_squares(photos, candidate_responses(side), faces)
    return torch.stack([sizes[one.argmin()] for one in found])


def candidates(side: int) -> Tensor:
    """Window sizes on a logarithmic scale: [CANDIDATES], pixels."""
    return torch.linspace(0, math.log(WIDEST * side), CANDIDATES, dtype=torch.float64).exp()


def chi_squares(photos: Tensor, tried: Tensor, faces: FaceSpectrum) -> list[Tensor]:
    """How unlike each photo is to faces blurred in each way: photos [B, 3, R, R], tried [N, R / 2] -> B times [N].

    log power = log power of a face + log |H|^2 is normal with the faces' covariance, in all bands that stand clear of
    the photo's noise. tried: |H|^2, as from `responses`.
    """
    sharp = faces.rings.exp()
    expected = faces.bands + (in_bands(sharp * tried) / in_bands(sharp[None])).log()
    power = ring_power(photos.cpu().double())
    found = []
    for one, floor in zip(in_bands(power), noise_power(power), strict=True):
        count = int((one > CLEAR * floor).cumprod(0).sum().clamp(min=2))
        missed = (one[:count] - floor).clamp(min=1e-12).log() - expected[:, :count]
        spread = faces.covariance[:count, :count]
        found.append((missed * torch.linalg.solve(spread, missed.T).T).sum(dim=1))
    return found


@lru_cache(maxsize=1)
def face_spectrum(generator: Generator) -> FaceSpectrum:
    """Statistics over random faces of this generator, the same in every run. Conditional nets: random classes."""
    a = generator.architecture
    rng = torch.Generator().manual_seed(0)
    like = generator.mapping.w_avg
    powers = []
    with torch.no_grad():
        for _ in range(0, SAMPLES, AT_ONCE):
            z = torch.randn([AT_ONCE, a.z_dim], generator=rng).to(like)
            classes = torch.randint(max(a.c_dim, 1), [AT_ONCE], generator=rng)
            c = F.one_hot(classes, a.c_dim).to(like) if a.c_dim else None
            noises = [torch.randn([AT_ONCE, 1, r, r], generator=rng).to(like) for r in a.noise_resolutions]
            faces = generator.synthesis(generator.mapping(z, c, TRUNCATION_PSI), noises)
            powers.append(ring_power(faces.clamp(-1, 1).cpu().double()))
    return FaceSpectrum.of(torch.cat(powers))


def responses(sizes: Tensor, side: int) -> Tensor:
    """By what each kernel multiplies the power of each ring of frequencies: [N] -> [N, side / 2]."""
    sigmas = torch.tensor([[default_sigma(size)] for size in sizes.tolist()], dtype=torch.float64)
    kernels = map(gaussian_kernel, sizes.tolist(), sigmas)
    return torch.cat([response(kernel, side) for kernel in kernels])


@lru_cache(maxsize=4)
def candidate_responses(side: int) -> Tensor:
    """The same of all `candidates`: [CANDIDATES, side / 2]. Every photo of a sweep is compared with them."""
    return responses(candidates(side), side)


def response(kernel: Tensor, side: int) -> Tensor:
    """The same of one kernel: [1, taps] -> [1, side / 2]."""
    line = frequency_response(kernel, side)[0]
    return ring_mean((line[:, None] * line).square()[None]).clamp(min=1e-12)


def in_bands(rings: Tensor) -> Tensor:
    """Mean over rings [N, R / 2] in bands that widen with frequency: [N, bands]."""
    edges, rings_in_all = [0], rings.shape[1]
    while edges[-1] < rings_in_all:
        edges.append(min(rings_in_all, max(edges[-1] + 1, round(WIDENING * edges[-1]))))
    return torch.stack([rings[:, a:b].mean(dim=1) for a, b in pairwise(edges)], dim=1)
