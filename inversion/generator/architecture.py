"""The numbers that fix a StyleGAN2's shape; a checkpoint reader fills them in from the file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """Shape of a StyleGAN2 generator or discriminator (Karras et al. 2020; names as in NVIDIA's code)."""

    img_resolution: int  # side of the square image, a power of two >= 4
    channel_base: int = 32768  # channels(res) = min(channel_base // res, channel_max)
    channel_max: int = 512
    z_dim: int = 512  # 0 for discriminators
    c_dim: int = 0  # length of the class label, 0 = unconditional
    w_dim: int = 512
    mapping_layers: int = 8
    img_channels: int = 3
    architecture: str = "skip"  # skip, resnet or orig
    conv_clamp: float | None = None  # 256 for nets trained with fp16 top layers
    mbstd_group_size: int = 4  # minibatch standard deviation (discriminator only)
    mbstd_channels: int = 1  # channels that it adds (discriminator only)

    @property
    def resolutions(self) -> list[int]:
        """4, 8, ..., img_resolution."""
        return [2**i for i in range(2, self.img_resolution.bit_length())]

    def channels(self, resolution: int) -> int:
        return min(self.channel_base // resolution, self.channel_max)

    @property
    def num_ws(self) -> int:
        """One code per convolution, one more for the last RGB layer: 18 at 1024 px."""
        return 2 * len(self.resolutions)

    @property
    def noise_resolutions(self) -> list[int]:
        """Side of each noise map, in the order in which the layers take them: 4, 8, 8, 16, 16, ..."""
        return [4] + [resolution for resolution in self.resolutions[1:] for _ in range(2)]
