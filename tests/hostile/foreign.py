"""Checkpoints that make numpy, torch, zip or Python raise what no reader expects, or show what no terminal should."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.hostile.case import Case
from tests.hostile.endless import layer, pickle_file
from tests.hostile.opcodes import ANSI, SURROGATE, dictionary, name, number, real, tensor, text, torch_zip
from tests.hostile.ours import our_group, our_header, our_tensor, texts
from tests.inversion.checkpoints import written

Make = Callable[[Path], Path]
NUMBERS: dict[str, Any] = {
    "4,000 digits": 10**4000,
    "10^400": 10**400,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "1e300": 1e300,
    "a text": "4",
    "a half": 2.5,
    "a numpy NaN": np.float64("nan"),
}


def nvidia_with(folder: Path, layer_name: str, attribute: str, value: Any) -> Path:
    """A valid snapshot with one attribute of the discriminator's or generator's changed."""
    g = written.weights(written.reference("nvidia_skip"), "G.")
    d = written.weights(written.reference("nvidia_skip"), "D.")
    net = written.discriminator_layer(d)
    node = net
    for part in layer_name.split("."):
        node = node.meta["state"]["_modules"][part]
    node.meta["state"][attribute] = value
    return written.dump(folder / "a.pkl", {"G_ema": written.generator_layer(g), "D": net})


def nvidia_number(folder: Path, value: Any) -> Path:
    """A valid generator that says something odd about its resolution."""
    g = written.weights(written.reference("nvidia_skip"), "G.")
    return written.dump(folder / "a.pkl", {"G_ema": written.generator_layer(g, img_resolution=value)})


def nvidia_opcodes(folder: Path, value: bytes) -> Path:
    """The same with operations that Python would not write."""
    g = written.weights(written.reference("nvidia_skip"), "G.")
    path = written.dump(folder / "a.pkl", {"G_ema": written.generator_layer(g, img_resolution="(here)")}, 3)
    path.write_bytes(path.read_bytes().replace(text("(here)"), value))
    return path


def group(folder: Path, value: Any) -> Path:
    return nvidia_with(folder, "b4.mbstd", "group_size", value)


def clamp(folder: Path, value: Any) -> Path:
    return nvidia_with(folder, "b8.conv1", "conv_clamp", value)


def tensorflow_group(folder: Path, value: Any) -> Path:
    return written.tensorflow(folder / "a.pkl", mbstd_group_size=value)


def rosinality_tensor(folder: Path, make: Callable[[], Any], legacy: bool = False) -> Path:
    """A valid file with one tensor of another kind."""
    g = dict(written.weights(written.reference("rosinality"), "g_ema."))
    return written.rosinality(folder / "a.pt", legacy=legacy, g_ema={**g, "input.input": make()})


def numpy_scalar(folder: Path, code: str) -> Path:
    one = (
        name("numpy", "dtype")
        + b"("
        + text(code)
        + b"\x89\x88tR(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    scalar = name("numpy.core.multiarray", "scalar") + b"(" + one + b"C\x08" + bytes(8) + b"tR"
    return nvidia_opcodes(folder, scalar)


def odd_zip(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    path = written.rosinality(folder / "a.pt")
    path.write_bytes(change(path.read_bytes()))
    return path


def directory(data: bytes, at: int, value: int) -> bytes:
    """One byte of every entry of the directory changed."""
    content, start = bytearray(data), 0
    while (start := content.find(b"PK\x01\x02", start + 1)) > 0:
        content[start + at] = value
    return bytes(content)


def repacked(folder: Path, packed: int) -> Path:
    whole = written.rosinality(folder / "whole.pt")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(folder / "a.pt", "w", packed) as out:
        for entry in source.infolist():
            out.writestr(entry.filename, source.read(entry))
    return folder / "a.pt"


def shape(folder: Path, size: tuple[int, ...], stride: tuple[int, ...]) -> Path:
    tree = dictionary({"g_ema": dictionary({"style.1.weight": tensor("Float", "0", 16, size, stride)})})
    return torch_zip(folder / "a.pt", tree, {"data/0": bytes(64)})


def torch_script(folder: Path) -> Path:
    net = torch.jit.script(torch.nn.Linear(2, 2))
    net.save(str(folder / "a.pt"))
    return folder / "a.pt"


def whole_module(folder: Path) -> Path:
    torch.save({"g_ema": torch.nn.Linear(2, 2)}, folder / "a.pt")
    return folder / "a.pt"


def ansi_path(folder: Path) -> Path:
    (folder / ANSI).write_bytes(b"\x80\x02N.")
    return folder / ANSI


def surrogate_path(folder: Path) -> Path:
    path = folder / b"a\xff\xfe.pkl".decode("utf-8", "surrogateescape")
    path.write_bytes(b"\x80\x02N.")
    return path


def quantized() -> Any:
    return torch.quantize_per_tensor(torch.zeros(1, 6, 4, 4), 0.1, 0, torch.quint8)


def nested() -> Any:
    return torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])


TENSORS: dict[str, Callable[[], Any]] = {
    "sparse": lambda: torch.zeros(1, 6, 4, 4).to_sparse(),
    "CSR": lambda: torch.zeros(6, 4).to_sparse_csr(),
    "meta": lambda: torch.zeros(1, 6, 4, 4, device="meta"),
    "nested": nested,
    "quantized": quantized,
    "complex": lambda: torch.zeros(1, 6, 4, 4, dtype=torch.complex64),
    "float8": lambda: torch.zeros(1, 6, 4, 4).to(torch.float8_e4m3fn),
    "NaN": lambda: torch.full((1, 6, 4, 4), torch.nan),
    "huge float64": lambda: torch.full((1, 6, 4, 4), 1e300, dtype=torch.float64),
    "boolean": lambda: torch.zeros(1, 6, 4, 4, dtype=torch.bool),
}
if hasattr(torch, "float4_e2m1fn_x2"):
    TENSORS["float4"] = lambda: torch.zeros(1, 6, 4, 4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)

FILES: dict[str, Make] = {
    **{f"{k} as img_resolution": partial(nvidia_number, value=v) for k, v in NUMBERS.items()},
    "5,000 digits": partial(nvidia_opcodes, value=number(10**5000)),
    "5,000 digits as text": partial(nvidia_opcodes, value=b"I" + b"9" * 5000 + b"\n"),
    "4,000 digits as text": partial(nvidia_opcodes, value=b"I" + b"9" * 4000 + b"\n"),
    "NaN as an operation": partial(nvidia_opcodes, value=real(float("nan"))),
    **{
        f"a group of {v}": partial(group, value=v)
        for v in (0, 3, -4, 10**9, 10**18, float("nan"), float("inf"), 2.5, "4", [4])
    },
    **{
        f"TensorFlow: a group of {v}": partial(tensorflow_group, value=v) for v in (0, 3, 10**9, float("inf"))
    },
    **{f"ours: a group of {v}": partial(our_group, mbstd_group_size=v) for v in (0, 3, 10**9)},
    **{
        f"a clamp of {str(v)[:9]}, {len(str(v))} characters": partial(clamp, value=v)
        for v in (0, -1.0, float("nan"), float("inf"), 10**400, "x", 10**4000)
    },
    "ours: a clamp of infinity": partial(our_group, conv_clamp=float("inf")),
    "ours: 200 channels of spread": partial(our_group, mbstd_channels=200),
    **{f"a .pt with a {k} tensor": partial(rosinality_tensor, make=v) for k, v in TENSORS.items()},
    **{
        f"a legacy .pt with a {k} tensor": partial(rosinality_tensor, make=v, legacy=True)
        for k, v in TENSORS.items()
    },
    **{
        f"a numpy scalar of {c}": partial(numpy_scalar, code=c)
        for c in ("<f1", "f1", "f16", "O", "V8", "c8", "f4,f4", "x" * 100_000)
    },
    "zip: a name that is not UTF-8": partial(
        odd_zip, change=lambda d: d.replace(b"/byteorder", b"/byteord\xff\xff")
    ),
    "zip: version 99": partial(odd_zip, change=partial(directory, at=6, value=99)),
    "zip: encrypted": partial(odd_zip, change=partial(directory, at=8, value=1)),
    "zip: LZMA": partial(repacked, packed=zipfile.ZIP_LZMA),
    "zip: BZIP2": partial(repacked, packed=zipfile.ZIP_BZIP2),
    "zip: only its first half": partial(odd_zip, change=lambda d: d[: len(d) // 2]),
    "zip: offsets beyond the end": partial(odd_zip, change=lambda d: d[:-60] + b"\xff" * 40 + d[-20:]),
    "a shape of 2^39 times 2^39": partial(shape, size=(2**39, 2**39), stride=(0, 0)),
    "a shape of 2^62": partial(shape, size=(2**62,), stride=(1,)),
    "a shape of -1": partial(shape, size=(-1,), stride=(1,)),
    "a stride of 2^63": partial(shape, size=(2, 2), stride=(2**63, 1)),
    "a shape of no numbers": partial(shape, size=(0, 2**39), stride=(1, 1)),
    "TorchScript": torch_script,
    "a whole module": whole_module,
    "a file name of escape sequences": ansi_path,
    "a file name that is not UTF-8": surrogate_path,
    "escape sequences as class_name": lambda f: pickle_file(f, dictionary({"G_ema": layer(text(ANSI))})),
    "escape sequences as keys": lambda f: pickle_file(f, dictionary({ANSI: b"N", ANSI * 1000: b"N"})),
    "escape sequences as keys of a .pt": lambda f: torch_zip(f / "a.pt", dictionary({ANSI: b"N"})),
    "escape sequences as a global": lambda f: pickle_file(
        f, b"c" + ANSI.replace("\n", "").encode() + b"\nx\n"
    ),
    "half a surrogate pair as key": lambda f: pickle_file(f, b"}" + SURROGATE + b"Ns"),
    "half a surrogate pair as class_name": lambda f: pickle_file(f, dictionary({"G_ema": layer(SURROGATE)})),
    "half a surrogate pair as a layer": lambda f: pickle_file(
        f, dictionary({"G_ema": layer(text("Generator"), _modules=b"}" + SURROGATE + b"K\x01s")})
    ),
    "half a surrogate pair as a parameter": lambda f: torch_zip(
        f / "a.pt", dictionary({"g_ema": b"}" + SURROGATE + b"Ns" + text("style.1.weight") + b"Ns"})
    ),
    "escape sequences as a TensorFlow setting": lambda f: written.tensorflow(f / "a.pkl", **{ANSI: 1}),
    "a megabyte as a TensorFlow setting": lambda f: written.tensorflow(f / "a.pkl", **{"x" * 1_000_000: 1}),
    "escape sequences in a header": partial(our_header, raw=ANSI),
    "5,000 digits in a header": partial(
        our_header, raw='{"format": 1, "architecture": {"img_resolution": ' + "9" * 5000 + "}}"
    ),
    "4,000 digits in a header": partial(
        our_header, raw='{"format": 1, "architecture": {"img_resolution": ' + "9" * 4000 + "}}"
    ),
    "1e400 in a header": partial(our_header, raw='{"format": 1, "architecture": {"img_resolution": 1e400}}'),
    "NaN in a header": partial(our_header, raw='{"format": 1, "architecture": {"img_resolution": NaN}}'),
    "escape sequences as architecture": partial(
        our_header, raw=json.dumps({"format": 1, "architecture": {ANSI: 1}})
    ),
    "a list of lists as architecture": partial(
        our_header, raw='{"format": 1, "architecture": ' + "[" * 500 + "]" * 500 + "}"
    ),
    **{
        f"ours: a tensor of {d}": partial(our_tensor, dtype=d, size=n)
        for d, n in (
            ("F8_E4M3", 8),
            ("F8_E5M2", 8),
            ("F4", 4),
            ("C64", 64),
            ("I64", 64),
            ("BOOL", 8),
            ("F99", 8),
        )
    },
    "ours: a shape of 2^40 times 2^40": partial(our_tensor, dtype="F32", size=4, shape=(2**40, 2**40)),
    "ours: w_std of 10^400": partial(
        our_header, raw='{"format": 1, "architecture": {"img_resolution": 16}, "w_std": 1' + "0" * 400 + "}"
    ),
}
SHOWN: dict[str, Make] = {
    "escape sequences as licence": partial(texts, license=ANSI),
    "escape sequences as source": partial(texts, source=ANSI),
    "escape sequences as description": partial(texts, description=ANSI),
}
CASES = [Case("foreign exceptions", title, "checkpoint", make) for title, make in FILES.items()]
CASES += [
    Case("foreign exceptions", title, "checkpoint", make, accepted=True) for title, make in SHOWN.items()
]
