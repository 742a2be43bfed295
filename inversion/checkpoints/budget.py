"""What reading one file may cost, counted by its reader."""

from __future__ import annotations

from inversion.errors import CheckpointError

# Bytes beyond the file's own size: float16 weights become float32, missing noise maps are made.
SPARE = 512 << 20
OPERATIONS = 400_000  # of all pickles in the file; a training snapshot at 1024 px takes about 50,000
ITEMS = 100_000  # layers, names and numbers looked at; a training snapshot at 1024 px has about 2,000


class Budget:
    """Bytes and items that a reader may still spend on a file, whatever the file claims of itself.

    A pickle can name one array a thousand times, and a dictionary can be shared by a thousand layers: what is
    made of a file is not bounded by its size. So every reader asks here before it makes a tensor or walks through
    a collection, and all readers have the same bounds.
    """

    def __init__(self, size: int) -> None:
        """size: of the file, in bytes."""
        self.bytes = size + SPARE
        self.operations = OPERATIONS
        self.items = ITEMS

    def memory(self, count: int) -> None:
        """Take `count` bytes. Raises CheckpointError when the file has used up its own."""
        self.bytes -= count
        if self.bytes < 0:
            raise CheckpointError("its tensors together are larger than the file; it is not read")

    def operation(self) -> None:
        """Carry out one operation of a pickle. Raises CheckpointError when there were too many."""
        self.operations -= 1
        if self.operations < 0:
            raise CheckpointError(f"a pickle of more than {OPERATIONS:,} operations is no network file")

    def work(self, count: int = 1) -> None:
        """Look at `count` items. Raises CheckpointError when there were too many."""
        self.items -= count
        if self.items < 0:
            raise CheckpointError(f"it has more than {ITEMS:,} layers and values; no StyleGAN file does")
