"""Refuse networks that are whole but cannot be searched, before anybody waits for them."""

from __future__ import annotations

from inversion.checkpoints.checkpoint import Checkpoint
from inversion.errors import CheckpointError

RGB = 3


def check_usable(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError unless these networks draw and look at colour photos of the same size.

    Their resolution is checked where their shape is deduced (check_limits): below 16 px no loss has a second scale.
    """
    g, d = checkpoint.architecture, checkpoint.discriminator_architecture
    if g.img_channels != RGB:
        raise CheckpointError(
            f"its generator draws pictures of {g.img_channels} channels. Photos have 3 (red, green, blue), and only "
            "generators of 3 can be searched"
        )
    if d is not None and d.img_channels != RGB:
        raise CheckpointError(
            f"its discriminator looks at pictures of {d.img_channels} channels, its generator draws 3. A file with "
            "the discriminator that was trained with this generator works, or one without any and loss=lpips"
        )
    if d is not None and d.img_resolution != g.img_resolution:
        raise CheckpointError(
            f"its discriminator looks at {d.img_resolution} px, its generator draws {g.img_resolution} px. A file with "
            "the discriminator that was trained with this generator works, or one without any and loss=lpips"
        )
    if g.z_dim < 1 or g.w_dim < 1 or g.mapping_layers < 1:
        raise CheckpointError(
            f"its mapping network has {g.mapping_layers} layers from {g.z_dim} to {g.w_dim} numbers; each should be "
            "1 or more, 8 layers from 512 to 512 in most nets"
        )
