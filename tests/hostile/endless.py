"""Checkpoints that are read without end: values that double, work that multiplies, files that never finish."""

from __future__ import annotations

import json
import os
import struct
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from tests.hostile.case import MB, Case
from tests.hostile.opcodes import dictionary, doubling, name, text, torch_zip
from tests.inversion.checkpoints import written

PERSISTENT = name("torch_utils.persistence", "_reconstruct_persistent_obj")


def layer(class_name: bytes, **state: bytes) -> bytes:
    parts = {"_parameters": b"}", "_buffers": b"}", "_modules": b"}", **state}
    return PERSISTENT + dictionary({"class_name": class_name, "state": dictionary(parts)}) + b"\x85R"


def pickle_file(folder: Path, value: bytes) -> Path:
    (folder / "a.pkl").write_bytes(b"\x80\x02" + value + b".")
    return folder / "a.pkl"


def doubling_class_name(folder: Path, kind: str) -> Path:
    return pickle_file(folder, dictionary({"G_ema": layer(doubling(kind))}))


def doubling_attribute(folder: Path, kind: str, attribute: str) -> Path:
    return pickle_file(folder, dictionary({"G_ema": layer(text("Generator"), **{attribute: doubling(kind)})}))


def doubling_key(folder: Path, zipped: bool) -> Path:
    value = doubling("tuple") + b"q\x80" + b"0}h\x80Ns"
    return torch_zip(folder / "a.pt", dictionary({"g_ema": value})) if zipped else pickle_file(folder, value)


def doubling_in_a_set(folder: Path, zipped: bool) -> Path:
    value = name("__builtin__", "set") + b"](" + doubling("tuple") + b"e\x85R"
    value = dictionary({"g_ema": value, "G_ema": b"N"})
    return torch_zip(folder / "a.pt", value) if zipped else pickle_file(folder, value)


def doubling_setting(folder: Path, setting: str, kind: str) -> Path:
    state = {"version": b"K\x04", "static_kwargs": dictionary({setting: doubling(kind)}), "variables": b"]"}
    net = name("dnnlib.tflib.network", "Network") + b")\x81" + dictionary(state) + b"b"
    return pickle_file(folder, net + b"r\xff\x00\x00\x00" + b"j\xff\x00\x00\x00" * 2 + b"\x87")


def doubling_content(folder: Path, kind: str) -> Path:
    return torch_zip(folder / "a.pt", doubling(kind))


def shared_parameters(folder: Path, modules: int = 1500, parameters: int = 3000) -> Path:
    """4.5 million parameters, if each layer were visited with all that it shares with the others."""
    shared = OrderedDict((f"p{i}", 1) for i in range(parameters))
    layers = OrderedDict(
        (f"m{i}", written.Layer("Part", {"_parameters": shared, "_buffers": {}, "_modules": {}}))
        for i in range(modules)
    )
    top = written.Layer("Generator", {"_parameters": {}, "_buffers": {}, "_modules": layers})
    return written.dump(folder / "a.pkl", {"G_ema": top})


def empty_tensors(folder: Path, count: int = 1_500_000) -> Path:
    entries = ",".join(f'"G.{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(count))
    meta = json.dumps(json.dumps({"format": 1}))
    header = f'{{"__metadata__":{{"inversion":{meta}}},{entries}}}'.encode()
    (folder / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return folder / "a.safetensors"


def sparse(folder: Path, head: bytes, size: int = 200 << 30) -> Path:
    """A file of 200 GB that takes no room on the disk."""
    with open(folder / "a.pkl", "wb") as file:
        file.write(head)
        file.truncate(size)
    return folder / "a.pkl"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.npz")
    return folder / "a.npz"


def device(folder: Path, place: str = "/dev/zero") -> Path:
    return Path(place)


def link_to_device(folder: Path) -> Path:
    (folder / "a.png").symlink_to("/dev/zero")
    return folder / "a.png"


def slow_mean_code(folder: Path) -> Path:
    """Sixteen layers of 1,024 numbers, through which 10,000 codes would have to go."""
    g = {
        k: v
        for k, v in written.weights(written.reference("nvidia_skip"), "G.").items()
        if k != "mapping.w_avg"
    }
    g = {k: v for k, v in g.items() if not k.startswith("mapping.")}
    width = 2048
    for name_, tensor in list(g.items()):
        if name_.endswith("affine.weight"):
            g[name_] = torch.zeros(tensor.shape[0], width)
    shared = torch.zeros(width, width)
    for i in range(60):
        g[f"mapping.fc{i}.weight"], g[f"mapping.fc{i}.bias"] = shared, torch.zeros(width)
    return written.dump(folder / "a.pkl", {"G_ema": written.generator_layer(g)})


def many_operations(folder: Path, count: int = 30_000_000) -> Path:
    with open(folder / "a.pkl", "wb") as file:
        file.write(b"\x80\x02" + b"N0" * (count // 2) + b"N.")
    return folder / "a.pkl"


def deep(folder: Path, count: int, opcode: bytes) -> Path:
    return pickle_file(folder, b"N" + opcode * count)


def deep_calls(folder: Path, count: int = 300_000) -> Path:
    maker = name("dnnlib.util", "EasyDict") + b"q\x01"
    return pickle_file(folder, maker + b"h\x01" * count + b")R" + b"\x85R" * count)


def digits(folder: Path, opcode: bytes, count: int = 30 * MB) -> Path:
    return pickle_file(folder, opcode + b"9" * count + b"\n")


def many_nested_files(folder: Path, count: int = 3000) -> Path:
    """Each tensor's numbers are a torch file that begins with many operations that do nothing."""
    inner = (
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
        + b"\x80\x02"
        + b"N0" * 200_000
        + b"M\xe9\x03."
        + b"\x80\x02N."
    )
    shared = b"B" + struct.pack("<I", len(inner)) + inner + b"q\x01" + b"0"
    numbers = name("torch.storage", "_load_from_bytes") + b"h\x01\x85R"
    value = name("torch._utils", "_rebuild_tensor_v2") + b"(" + numbers + b"K\x00K\x10\x85K\x01\x85\x89NtR"
    parts = dictionary({f"p{i}": value for i in range(count)})
    (folder / "a.pkl").write_bytes(
        b"\x80\x03" + shared + dictionary({"G_ema": layer(text("Generator"), _parameters=parts)}) + b"."
    )
    return folder / "a.pkl"


def descriptor_of_tags(folder: Path, count: int = 10 * MB) -> Path:
    """dlib's network of ten million layers that do nothing."""
    loss = b"\x01\x0dloss_metric_2" + (b"\x01\x00" * 2) * 2
    (folder / "a.dat").write_bytes(b"\x01\x01" + loss + b"\x01\x01" * count)
    return folder / "a.dat"


def landmarks_that_claim(folder: Path, count: int = 1 << 40) -> Path:
    """dlib's predictor whose first matrix has 2^40 rows."""
    rows = b"\x06" + count.to_bytes(6, "little")
    (folder / "a.dat").write_bytes(b"\x01\x01" + rows + b"\x01\x01" + bytes(1000))
    return folder / "a.dat"


def landmarks_of_forests(folder: Path, count: int = 50_000_000) -> Path:
    """A whole matrix, then 50 million forests of which not one is there."""
    shape = b"\x01\x88" + b"\x01\x01" + b"\x01\x00\x01\x00" * 136
    (folder / "a.dat").write_bytes(b"\x01\x01" + shape + b"\x04" + count.to_bytes(4, "little") + bytes(1000))
    return folder / "a.dat"


def cut_landmarks(folder: Path, kept: int = 50 * MB) -> Path:
    from inversion.faces.landmarks import installed_model
    from inversion.faces.predictor_file import PREDICTOR_FILE

    (folder / "a.dat").write_bytes(installed_model(PREDICTOR_FILE).read_bytes()[:kept])
    return folder / "a.dat"


def changed_landmarks(folder: Path, at: int) -> Path:
    from inversion.faces.landmarks import installed_model
    from inversion.faces.predictor_file import PREDICTOR_FILE

    data = bytearray(installed_model(PREDICTOR_FILE).read_bytes())
    data[at : at + 64] = b"\x08" + b"\x7f" * 63
    (folder / "a.dat").write_bytes(data)
    return folder / "a.dat"


Make = Callable[[Path], Path]
FILES: dict[str, tuple[str, Make]] = {
    **{
        f"a {k} that doubles as class_name": ("checkpoint", partial(doubling_class_name, kind=k))
        for k in ("list", "tuple", "dict")
    },
    **{
        f"a list that doubles as {a}": ("checkpoint", partial(doubling_attribute, kind="list", attribute=a))
        for a in ("_parameters", "_modules", "activation", "img_resolution")
    },
    "a tuple that doubles as a key": ("checkpoint", partial(doubling_key, zipped=False)),
    "a tuple that doubles as a key in a .pt": ("checkpoint", partial(doubling_key, zipped=True)),
    "a tuple that doubles in a set": ("checkpoint", partial(doubling_in_a_set, zipped=False)),
    "a tuple that doubles in a set in a .pt": ("checkpoint", partial(doubling_in_a_set, zipped=True)),
    "a list that doubles as a TensorFlow setting": (
        "checkpoint",
        partial(doubling_setting, setting="nonlinearity", kind="list"),
    ),
    "a list that doubles as a filter": (
        "checkpoint",
        partial(doubling_setting, setting="resample_kernel", kind="list"),
    ),
    **{
        f"a .pt that is a {k} that doubles": ("checkpoint", partial(doubling_content, kind=k))
        for k in ("list", "tuple", "dict")
    },
    "one dictionary of 3,000 shared by 1,500 layers": ("checkpoint", shared_parameters),
    "1.5 million empty tensors": ("checkpoint", empty_tensors),
    "200 GB of nothing": ("checkpoint", partial(sparse, head=b"")),
    "200 GB behind the head of a pickle": ("checkpoint", partial(sparse, head=b"\x80\x02")),
    "200 GB behind the head of a zip": ("checkpoint", partial(sparse, head=b"PK\x03\x04")),
    "200 GB behind the head of a .safetensors": (
        "checkpoint",
        partial(sparse, head=struct.pack("<Q", 1 << 30) + b"{"),
    ),
    "3 GB of zeros behind the head of a zip": (
        "checkpoint",
        partial(sparse, head=b"PK\x03\x04", size=3 << 30),
    ),
    "200 GB of VGG weights": ("weights", partial(sparse, head=b"PK\x03\x04")),
    "200 GB of latents": ("start", partial(sparse, head=b"PK\x03\x04")),
    "200 GB of landmarks": ("landmarks", partial(sparse, head=b"\x01\x01")),
    "200 GB of a face descriptor": ("descriptor", partial(sparse, head=b"\x01\x01")),
    "a photo of 200 GB": ("photo", partial(sparse, head=b"\x89PNG\r\n\x1a\n")),
    **{
        f"a pipe as {r}": (r, pipe)
        for r in ("checkpoint", "start", "mask", "landmarks", "photo", "weights", "descriptor")
    },
    **{
        f"/dev/zero as {r}": (r, device)
        for r in ("checkpoint", "start", "mask", "landmarks", "photo", "weights", "descriptor")
    },
    "a link to /dev/zero as a photo": ("photo", link_to_device),
    "sixty layers of 2,048 without a mean code": ("checkpoint", slow_mean_code),
    "30 million operations": ("checkpoint", many_operations),
    "a million tuples within tuples": ("checkpoint", partial(deep, count=300_000, opcode=b"\x85")),
    "300,000 calls within calls": ("checkpoint", deep_calls),
    "30 million digits of a whole number": ("checkpoint", partial(digits, opcode=b"I")),
    "30 million digits of a long": ("checkpoint", partial(digits, opcode=b"L")),
    "30 million digits of a real number": ("checkpoint", partial(digits, opcode=b"F")),
    "30 million digits of a memo": ("checkpoint", partial(digits, opcode=b"Np")),
    "3,000 nested files of 200,000 operations": ("checkpoint", many_nested_files),
    "a descriptor of ten million layers": ("descriptor", descriptor_of_tags),
    "landmarks with a claim of 2^40 rows": ("landmarks", landmarks_that_claim),
    "landmarks with a claim of 20 million rows": (
        "landmarks",
        partial(landmarks_that_claim, count=300_000_000),
    ),
    "landmarks with 50 million forests": ("landmarks", landmarks_of_forests),
    "half of dlib's landmarks": ("landmarks", cut_landmarks),
    **{
        f"landmarks changed at byte {at:,}": ("landmarks", partial(changed_landmarks, at=at))
        for at in (10, 900, 5000, 1_000_000, 90_000_000)
    },
}
LARGE = ("million", "3,000", "3 GB", "landmarks", "sixty")
CASES = [
    Case("endless work", title, reader, make, large=any(word in title for word in LARGE))
    for title, (reader, make) in FILES.items()
]
