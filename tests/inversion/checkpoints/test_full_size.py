"""A random net of the published size, 1024 px in NVIDIA's layout, is read in seconds and little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WRITE = """
import sys, torch
from pathlib import Path
from inversion.generator.architecture import Architecture
from inversion.generator.discriminator import Discriminator
from inversion.generator.stylegan2 import Generator
from tests.inversion.checkpoints import written

torch.manual_seed(0)
g = dict(Generator(Architecture(img_resolution=1024)).state_dict())
d = dict(Discriminator(Architecture(img_resolution=1024, z_dim=0, w_dim=0, architecture="resnet")).state_dict())
layers = written.generator_layer(g), written.discriminator_layer(d, 256), written.generator_layer(g, 256)
nets = dict(zip(("G", "D", "G_ema"), layers))
if sys.argv[2] == "nvidia":
    written.dump(Path(sys.argv[1]), nets)
else:
    torch.save({"G_ema": g, "D": d, "G": {k: v.clone() for k, v in g.items()}}, sys.argv[1])
"""
READ = """
import json, resource, sys, time
from inversion.checkpoints import load
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
began = time.process_time()
checkpoint = load(sys.argv[1])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
nets = checkpoint.generator, checkpoint.discriminator
numbers = sum(t.numel() for net in nets for t in net.values())
print(json.dumps({"cpu": time.process_time() - began, "before": before, "peak": peak, "numbers": numbers}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["nvidia", "state dicts"])
def test_a_1024_px_net_takes_at_most_two_and_a_half_times_its_file(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "big.pkl"
    subprocess.run([sys.executable, "-c", WRITE, str(path), layout], check=True)
    size = path.stat().st_size
    assert size > 340_000_000  # as ffhq.pkl, 381,624,121 bytes
    done = subprocess.run([sys.executable, "-c", READ, str(path)], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["numbers"] > 59_000_000
    assert found["peak"] < 2.5 * size, found  # the interpreter and torch included
    assert found["cpu"] < 10, found
