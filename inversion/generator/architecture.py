"""The numbers that fix a network's shape; a checkpoint reader fills them in from the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


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

    @property
    def feature_channels(self) -> dict[int, int]:
        """Side -> channels of the feature maps to which offsets can be added."""
        return {side: self.channels(side) for side in self.resolutions}

    @property
    def style_channels(self) -> list[int]:
        """How many channels the code of each layer styles."""
        return [self.channels(self.resolutions[i // 2]) for i in range(self.num_ws)]


class FilteredLayer(NamedTuple):
    """Shape of one of StyleGAN3's convolutions with its leaky ReLU between an upsampling and a downsampling filter."""

    name: str  # of its parameters
    in_channels: int
    out_channels: int
    in_size: int  # side in pixels, with the margin
    out_size: int
    up: int  # factor before the leaky ReLU
    down: int  # factor after it
    up_taps: int  # 1: no filter
    down_taps: int
    radial: bool  # downsampling filter of [taps, taps], else [taps] for each axis
    padding: tuple[int, int]  # zeros before and after the upsampled image; negative: pixels cut off


@dataclass(frozen=True)
class StyleGAN3Architecture:
    """Shape of a StyleGAN3 generator (Karras et al. 2021, Alias-Free Generative Adversarial Networks).

    Sampling rates and bandwidth are in cycles per image side: a layer of rate s has s pixels over the image and
    `margin_size` more around it. Config T has 3x3 kernels, config R 1x1 kernels and radial filters.
    """

    img_resolution: int  # side of the square image, a power of two
    channels: tuple[int, ...]  # of each layer's output, RGB last; the first also of the Fourier features
    sampling_rates: tuple[int, ...]  # of each layer's output; the first also of the Fourier features
    bandwidth: float = 2.0  # of the Fourier features
    num_critical: int = 2  # layers before RGB whose downsampling filter is never radial
    margin_size: int = 10  # pixels on each side of all but the last two layers
    conv_kernel: int = 3
    filter_size: int = 6  # taps per resampling factor
    lrelu_upsampling: int = 2  # rate of the leaky ReLU over the higher one of the layer's input and output
    use_radial_filters: bool = False
    output_scale: float = 0.25
    z_dim: int = 512
    c_dim: int = 0  # length of the class label, 0 = unconditional
    w_dim: int = 512
    mapping_layers: int = 2
    conv_clamp: float | None = 256

    @property
    def architecture(self) -> str:
        """Not one of StyleGAN2's kinds: there is no RGB image before the last layer."""
        return "alias-free"

    @property
    def img_channels(self) -> int:
        return self.channels[-1]

    @property
    def num_ws(self) -> int:
        """One code for the Fourier features and one per layer: 16 in the published nets."""
        return len(self.channels) + 1

    @property
    def noise_resolutions(self) -> list[int]:
        """There are no noise maps."""
        return []

    @property
    def feature_channels(self) -> dict[int, int]:
        """Offsets are not added to feature maps: the first code may turn and shift all of them."""
        return {}

    @property
    def style_channels(self) -> list[int]:
        """How many numbers the code of each layer styles; the first one is a rotation and a shift."""
        return [4] + [layer.in_channels for layer in self.layers]

    @property
    def input_size(self) -> int:
        """Side of the Fourier features in pixels, with the margin."""
        return self.sampling_rates[0] + 2 * self.margin_size

    @property
    def layers(self) -> list[FilteredLayer]:
        """All convolutions, RGB last. Filters and padding: section 3.2 and appendix C of the paper."""
        sizes = [rate + 2 * self.margin_size for rate in self.sampling_rates]
        sizes[-2:] = [self.img_resolution] * 2
        layers = []
        for i, (channels, size, rate) in enumerate(
            zip(self.channels, sizes, self.sampling_rates, strict=True)
        ):
            before, rgb = max(i - 1, 0), i == len(self.channels) - 1
            inner = max(rate, self.sampling_rates[before]) * (1 if rgb else self.lrelu_upsampling)
            up, down = inner // self.sampling_rates[before], inner // rate
            up_taps, down_taps = (self.filter_size * f if f > 1 and not rgb else 1 for f in (up, down))
            kernel = 1 if rgb else self.conv_kernel
            wanted = (size - 1) * down + up_taps + down_taps - 1  # pixels before both filters
            padding = wanted - (sizes[before] + kernel - 1) * up
            first = (padding + up) // 2  # so that input and output have the same centre
            layers.append(
                FilteredLayer(
                    name=f"L{i}_{size}_{channels}",
                    in_channels=self.channels[before],
                    out_channels=channels,
                    in_size=sizes[before],
                    out_size=size,
                    up=up,
                    down=down,
                    up_taps=up_taps,
                    down_taps=down_taps,
                    radial=self.use_radial_filters and i < len(self.channels) - 1 - self.num_critical,
                    padding=(first, padding - first),
                )
            )
        return layers


AnyArchitecture = Architecture | StyleGAN3Architecture
