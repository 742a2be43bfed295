"""Adam as PyTorch has it, and with it NVIDIA's projector: a step at learning rate 0 counts."""

from __future__ import annotations

from inversion.optimizers.adam import Adam


class TorchAdam(Adam):
    """Adam whose moments take the gradient of every step, as those of torch.optim.Adam do.

    A learning rate that rises from 0 begins with a step that moves nothing. Adam counts that step but leaves its
    gradient out, so that its first moves are shorter: three quarters of the learning rate in step 1.
    """

    takes_all_gradients = True
