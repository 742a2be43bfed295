"""Checkpoints that claim, repeat or unpack more than they weigh."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.hostile.case import MB, Case
from tests.hostile.opcodes import dictionary, float32s, name, number, pickled, tensor, text, torch_zip
from tests.inversion.checkpoints import written


def claimed_bytearray(folder: Path, count: int = 3_000_000_000) -> Path:
    """386 bytes that ask for 3 GB of zeros."""
    return torch_zip(
        folder / "a.pt", dictionary({"g_ema": name("__builtin__", "bytearray") + number(count) + b"\x85R"})
    )


def nested_hex(folder: Path, levels: int = 26) -> Path:
    """Bytes that double at every level: 2^26 times as many."""
    encode = name("_codecs", "encode")
    start = encode + text("a" * 16) + text("latin1") + b"\x86R"
    value = encode * levels + start + (text("hex") + b"\x86R") * levels
    return torch_zip(folder / "a.pt", dictionary({"g_ema": value}))


def deflate_bomb(folder: Path, comment: bytes, trailer: bytes = b"") -> Path:
    """A storage of 3 GB of zeros, packed, in an archive that not every reader finds the end of.

    An end mark in the last 21 bytes is the end for Python's zipfile, which then finds no archive, and none for
    miniz, inside torch, which goes on looking.
    """
    path = folder / "a.pt"
    count = 750 * MB
    tree = dictionary({"g_ema": dictionary({"style.1.weight": tensor("Float", "0", count, (count,), (1,))})})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("net/data.pkl", pickled(tree))
        archive.writestr("net/version", b"3\n")
        with archive.open("net/data/0", "w", force_zip64=True) as part:
            for _ in range(3000):
                part.write(bytes(MB))
        archive.comment = comment
    path.write_bytes(path.read_bytes() + trailer)
    return path


def without_noise_maps(folder: Path, resolution: int) -> Path:
    """A generator of one channel; its noise maps, which it leaves out, would take gigabytes."""
    g: dict[str, torch.Tensor] = {"mapping.fc0.weight": torch.zeros(4, 4), "mapping.fc0.bias": torch.zeros(4)}
    side = 4
    while side <= resolution:
        for layer in ("conv0", "conv1", "torgb")[side == 4 :]:
            outputs = 3 if layer == "torgb" else 1
            kernel = 1 if layer == "torgb" else 3
            at = f"synthesis.b{side}.{layer}"
            g[f"{at}.weight"] = torch.zeros(outputs, 1, kernel, kernel)
            g[f"{at}.bias"] = torch.zeros(outputs)
            g[f"{at}.affine.weight"], g[f"{at}.affine.bias"] = torch.zeros(1, 4), torch.zeros(1)
        side *= 2
    g["synthesis.b4.const"] = torch.zeros(1, 4, 4)
    return written.dump(folder / "a.pkl", {"G_ema": written.generator_layer(g)})


def one_array_many_names(folder: Path, count: int = 20_000, side: int = 512) -> Path:
    """TensorFlow: each name would get its own copy of one array."""
    array = np.zeros((side, side), np.float32)
    variables: list[tuple[str, Any]] = [(f"mapping/Dense{i}/weight", array) for i in range(count)]
    net = written.Network(
        version=4, static_kwargs={"num_channels": 3}, components={}, variables=variables, build_module_src=""
    )
    return written.dump(folder / "a.pkl", (net, net, net))


def one_storage_many_views(folder: Path, count: int = 99, numbers: int = 16 * MB) -> Path:
    """Each view of the float16 numbers would become a float32 tensor of its own."""
    shared = torch.zeros(numbers, dtype=torch.float16)
    g = {f"style.{i + 1}.weight": shared.view(4096, -1) for i in range(count)}
    torch.save({"g_ema": g}, folder / "a.pt")
    return folder / "a.pt"


class Numbers:
    """Pickled as the nested file under a tensor; once, however many tensors share it."""

    def __init__(self, count: int) -> None:
        file = io.BytesIO()
        torch.save(torch.zeros(count).storage(), file, _use_new_zipfile_serialization=False)
        self.data = file.getvalue()

    def __reduce__(self) -> Any:
        return torch.storage._load_from_bytes, (self.data,)


class View:
    """Pickled as a tensor over shared numbers."""

    def __init__(self, numbers: Numbers, shape: tuple[int, int]) -> None:
        self.arguments: tuple[Any, ...] = (numbers, 0, shape, (shape[1], 1), False, {})

    def __reduce__(self) -> Any:
        return torch._utils._rebuild_tensor_v2, self.arguments


def one_nested_storage_many_views(folder: Path, count: int = 2000) -> Path:
    """The same in NVIDIA's pickles: the nested file would be read for each view."""
    numbers = Numbers(4 * MB)
    parameters = {f"p{i}": View(numbers, (1024, 4096)) for i in range(count)}
    layer = written.Layer("Generator", {"_parameters": parameters, "_buffers": {}, "_modules": {}})
    return written.dump(folder / "a.pkl", {"G_ema": layer})


def strided_views(folder: Path, count: int = 4000) -> Path:
    """Two numbers each, the first and the last of a storage of 32 MB."""
    at = 8 * MB - 1
    parts = {f"style.{i + 1}.weight": tensor("Float", "0", at + 1, (2,), (at,)) for i in range(count)}
    tree = dictionary({"g_ema": dictionary(parts)})
    return torch_zip(folder / "a.pt", tree, {"data/0": float32s(at + 1)})


def wide_text(folder: Path, old: bool) -> Path:
    """One character outside the basic plane makes Python take four bytes for each of 400 million others."""
    path = folder / "a.pkl"
    length = 400 * MB
    with open(path, "wb") as file:
        if old:
            file.write(b"(dp0\nV\\U0001F600")
        else:
            file.write(b"\x80\x04\x8d" + struct.pack("<Q", length + 4) + "\U0001f600".encode())
        for _ in range(400):
            file.write(b"a" * MB)
        file.write(b"\n." if old else b".")
    return path


def encoded_again_and_again(folder: Path, count: int = 3000) -> Path:
    """One text of 1 MB as the bytes of 3,000 arrays, in the way of protocol 2."""
    one = (
        b"cnumpy\ndtype\n"
        + text("f4")
        + b"\x89\x88\x87R(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    shared = text("a" * MB) + b"q\x01" + b"0" + one + b"q\x02" + b"0"
    array = (
        name("numpy.core.multiarray", "_reconstruct")
        + name("numpy", "ndarray")
        + b"K\x00\x85C\x01b\x87R"
        + b"(K\x01"
        + number(MB // 4)
        + b"\x85"
        + b"h\x02"
        + b"\x89"
        + name("_codecs", "encode")
        + b"h\x01"
        + text("latin1")
        + b"\x86R"
        + b"tb"
    )
    pairs = b"](" + b"".join(text(f"mapping/Dense{i}/weight") + array + b"\x86" for i in range(count)) + b"e"
    state = {"version": b"K\x04", "static_kwargs": b"}", "components": b"}", "variables": pairs}
    net = name("dnnlib.tflib.network", "Network") + b")\x81" + dictionary(state) + b"b"
    (folder / "a.pkl").write_bytes(
        b"\x80\x03" + shared + net + b"q\x032h\x03\x86h\x03\x86".replace(b"2", b"") + b"."
    )
    content = b"\x80\x03" + shared + net + b"q\x03" + b"h\x03h\x03\x87."
    (folder / "a.pkl").write_bytes(content)
    return folder / "a.pkl"


def many_directory_entries(folder: Path, count: int = 2_000_000) -> Path:
    """A zip of empty parts: Python keeps half a kilobyte for each."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    path = folder / "a.pt"
    with open(path, "wb") as file:
        file.write(b"PK\x03\x04" + bytes(27))
        start = file.tell()
        for _ in range(count // 1000):
            file.write(entry * 1000)
        size = file.tell() - start
        at = file.tell()
        file.write(struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start))
        file.write(struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1))
        file.write(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))
    return path


def wide_label(folder: Path, classes: int = 100_000) -> Path:
    """A conditional net without a mean code: measuring it takes a one-hot label per sample."""
    g = {
        k: v
        for k, v in written.weights(written.reference("nvidia_conditional"), "G.").items()
        if k != "mapping.w_avg"
    }
    g["mapping.embed.weight"] = torch.zeros(16, classes)
    return written.dump(folder / "a.pkl", {"G_ema": written.generator_layer(g)})


def vast_header(folder: Path) -> Path:
    """A .safetensors header of 90 MB of numbers."""
    header = b'{"a":{"dtype":"F32","shape":[' + b"1," * (45 * MB) + b'1],"data_offsets":[0,4]}}'
    (folder / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    return folder / "a.safetensors"


def small_floats(folder: Path) -> Path:
    """float16 weights of 300 MB, which would take 600 MB as float32 before anything of them is checked, five times."""
    header: dict[str, Any] = {"__metadata__": {"inversion": json.dumps({"format": 1})}}
    size = 60 * MB
    for i in range(5):
        header[f"G.{i}"] = {"dtype": "F16", "shape": [size // 2], "data_offsets": [i * size, (i + 1) * size]}
    text_ = json.dumps(header).encode()
    with open(folder / "a.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text_)) + text_)
        file.truncate(8 + len(text_) + 5 * size)
    return folder / "a.safetensors"


def nested_memory(folder: Path) -> Path:
    """A tensor's numbers in NVIDIA's pickle are a torch file of their own, which asks for 3 GB."""
    file = io.BytesIO()
    torch.save(torch.zeros(16).storage(), file, _use_new_zipfile_serialization=False)
    evil = file.getvalue().replace(
        b"ctorch\nFloatStorage\n", b"c__builtin__\nbytearray\n" + number(3_000_000_000) + b"\x85R"
    )
    numbers = (
        name("torch.storage", "_load_from_bytes") + b"B" + struct.pack("<I", len(evil)) + evil + b"\x85R"
    )
    value = name("torch._utils", "_rebuild_tensor_v2") + b"(" + numbers + b"K\x00K\x10\x85K\x01\x85\x89NtR"
    layer = dictionary(
        {
            "class_name": text("Generator"),
            "state": dictionary(
                {"_parameters": dictionary({"a": value}), "_buffers": b"}", "_modules": b"}"}
            ),
        }
    )
    tree = dictionary(
        {"G_ema": name("torch_utils.persistence", "_reconstruct_persistent_obj") + layer + b"\x85R"}
    )
    (folder / "a.pkl").write_bytes(b"\x80\x03" + tree + b".")
    return folder / "a.pkl"


FILES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "a bytearray of 3 GB claimed": ("checkpoint", claimed_bytearray),
    "a bytearray of 3 GB claimed in VGG weights": ("weights", claimed_bytearray),
    "hex of hex, 26 times": ("checkpoint", nested_hex),
    "deflate bomb": ("checkpoint", partial(deflate_bomb, comment=b"")),
    "deflate bomb, end mark in the comment": (
        "checkpoint",
        partial(deflate_bomb, comment=b"x" * 40 + b"PK\x05\x06" + b"\xff" * 4),
    ),
    "deflate bomb, bytes after the end": (
        "checkpoint",
        partial(deflate_bomb, comment=b"", trailer=b"x" * 100),
    ),
    "deflate bomb, end mark after the end": (
        "checkpoint",
        partial(deflate_bomb, comment=b"", trailer=b"PK\x05\x06" + b"\xff" * 18),
    ),
    "deflate bomb as VGG weights": ("weights", partial(deflate_bomb, comment=b"")),
    "8192 px without noise maps": ("checkpoint", partial(without_noise_maps, resolution=8192)),
    "16384 px without noise maps": ("checkpoint", partial(without_noise_maps, resolution=16384)),
    "32768 px without noise maps": ("checkpoint", partial(without_noise_maps, resolution=32768)),
    "one array, 20,000 names": ("checkpoint", one_array_many_names),
    "one storage, 99 views": ("checkpoint", one_storage_many_views),
    "one nested storage, 2,000 views": ("checkpoint", one_nested_storage_many_views),
    "4,000 strided views": ("checkpoint", strided_views),
    "400 MB of text, one character wide": ("checkpoint", partial(wide_text, old=False)),
    "400 MB of text in protocol 0": ("checkpoint", partial(wide_text, old=True)),
    "one text encoded 3,000 times": ("checkpoint", encoded_again_and_again),
    "2 million parts in a zip": ("checkpoint", many_directory_entries),
    "2 million parts in a zip of VGG weights": ("weights", many_directory_entries),
    "100,000 classes without a mean code": ("checkpoint", wide_label),
    "a header of 90 MB": ("checkpoint", vast_header),
    "300 MB of float16 under wrong names": ("checkpoint", small_floats),
    "3 GB claimed inside a tensor": ("checkpoint", nested_memory),
}
SMALL = {
    "a bytearray of 3 GB claimed",
    "a bytearray of 3 GB claimed in VGG weights",
    "hex of hex, 26 times",
    "8192 px without noise maps",
    "32768 px without noise maps",
    "one array, 20,000 names",
    "one text encoded 3,000 times",
    "3 GB claimed inside a tensor",
}
CASES = [
    Case("memory", title, reader, make, large=title not in SMALL) for title, (reader, make) in FILES.items()
]
