"""What a weights file holds, once read: shapes, tensors and where they came from."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from inversion.generator.architecture import AnyArchitecture, Architecture


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A StyleGAN2 or StyleGAN3 as tensors; every reader returns this, whatever the file's dialect.

    Names are those of NVIDIA's published files: mapping.*, synthesis.* in the generator; b{res}.fromrgb,
    b{res}.conv0, b{res}.conv1, b{res}.skip, b4.conv, b4.fc, b4.out in the discriminator. Float32, on the CPU.
    """

    architecture: AnyArchitecture
    generator: dict[str, Tensor]
    discriminator_architecture: Architecture | None = None  # None: the file carries no discriminator
    discriminator: dict[str, Tensor] | None = None
    w_std: float | None = None  # root mean squared distance of w to w_avg; None: not in the file
    license: str = ""
    description: str = ""
    source: str = ""  # file name and dialect that the tensors came from
    sha256: str = ""  # of the file that was read

    @property
    def w_avg(self) -> Tensor:
        """The mean code: [w_dim]."""
        return self.generator["mapping.w_avg"]
