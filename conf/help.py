"""What --help prints: every group with its files, every setting with its value, its meaning and its range."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, ListConfig, OmegaConf

from conf.constructors import arguments
from conf.folders import config_folders
from conf.ranges import RANGES
from conf.schema import HYPERPARAMETERS
from conf.yaml_comments import comments, is_global

WIDTH = 100
UNBROKEN = "\N{NO-BREAK SPACE}"
LEFT = 36  # columns of `setting=value`; a longer one has a line of its own
GROUPS = (
    "generator",
    "degradation",
    "loss",
    "hyperparameters",
    "input",
    "tracking",
    "launcher",
    "experiment",
)

INTRODUCTION = """\
Restore a face photo by searching StyleGAN2's latent space for the face whose degraded version
matches it.

  {command} degradation=blur reg=0.5 image=me.jpg
  {command} degradation=grayscale degraded=true image=old_portrait.jpg
  {command} -m degradation=blur reg=0.001,0.1,0.5 steps=100,500,1000
  {command} +experiment=deblur_kernels launcher=batched
"""
END = """\
The settings of another choice: {command} degradation=blur --help
The whole configuration: {command} --cfg job
Your own groups: --config-dir FOLDER, with files such as FOLDER/degradation/posterize.yaml.
On a page: {subcommand} app
After a sweep: {subcommand} report|missing|ui|reap|sync --help
Tab completion: eval "$({command} -sc install=bash)". More: https://hydra.cc/docs/1.3/intro
"""


def settings_help(_root_: DictConfig) -> str:
    """${settings_help:}, as a template of Hydra's: `$$` is a dollar sign. _root_: the composed configuration."""
    command = command_name()
    subcommand = "inversion-sweeps" if command == "inversion-sweeps" else "python -m sweeps"
    parts = [
        INTRODUCTION.format(command=command),
        "Groups (choose with group=file; * = chosen, +experiment=file adds one):",
        *_groups(_root_.hydra.runtime.choices),
        "",
        "Settings (change with setting=value):",
        *_settings(_root_),
        "",
        END.format(command=command, subcommand=subcommand),
    ]
    return "\n".join(parts).replace(UNBROKEN, " ").replace("$", "$$")


def command_name() -> str:
    """What a person has typed to start this."""
    return "python run.py" if Path(sys.argv[0]).name == "run.py" else "inversion-sweeps"


def meanings(root: DictConfig) -> dict[str, str]:
    """Every setting of a composed configuration → what it means; "" where nobody has said so."""
    choices = root.hydra.runtime.choices
    known = _of_files(choices)
    same = "input."  # whose settings are those of the top level
    return {
        key: known.get(key) or _of_source(root, key) or known.get(key.removeprefix(same), "")
        for key, _ in leaves(root)
    }


def leaves(root: DictConfig) -> Iterator[tuple[str, Any]]:
    """Every setting and its value; a list is one setting."""

    def walk(node: Any, path: str) -> Iterator[tuple[str, Any]]:
        if isinstance(node, dict) and node:
            for name, child in node.items():
                if not name.startswith("_"):
                    yield from walk(child, f"{path}.{name}" if path else name)
        else:
            yield path, node

    without = OmegaConf.masked_copy(root, [str(key) for key in root if key != "hydra"])
    return walk(OmegaConf.to_container(without, resolve=True), "")


def range_of(root: DictConfig, key: str) -> str:
    """≥ 1; "" for what is no number."""
    node_name, _, last = key.rpartition(".")
    node = OmegaConf.select(root, node_name) if node_name else None
    target = str(node.get("_target_", "")) if isinstance(node, DictConfig) else ""
    name = key.removeprefix("input.") if key.startswith("input.align") else key
    found = RANGES.get(f"{target.rpartition('.')[2]}.{last}" if target else name)
    return "" if found is None else found.short


def _groups(choices: DictConfig) -> Iterator[str]:
    loader = GlobalHydra.instance().config_loader()
    others = [name for name in loader.list_groups("") if name not in (*GROUPS, "hydra", "schema")]
    for group in (*GROUPS, *others):
        names = loader.get_group_options(group)
        shown = " ".join(f"*{name}" if choices.get(group) == name else name for name in names)
        yield from _row(f"{group}=" if group != "experiment" else "+experiment=", shown, left=20)


def _settings(root: DictConfig) -> Iterator[str]:
    """The top level first, then group by group."""
    titles = _of_files(root.hydra.runtime.choices)
    explained, section = meanings(root), ""
    for key, value in sorted(leaves(root), key=lambda leaf: _group(leaf[0]) in GROUPS):
        above = key.rpartition(".")[0]
        if above and above != section:
            is_group = above in GROUPS
            title = root.hydra.runtime.choices.get(above) if is_group else titles.get(above)
            yield from [""] * is_group
            yield from _row(f"{above}:", str(title))
        section = above
        allowed = range_of(root, key).replace(" ", UNBROKEN)
        yield from _row(f"{key}={_shown(value)}", explained[key] + (f" [{allowed}]" if allowed else ""))


def _group(key: str) -> str:
    return key.partition(".")[0]


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (list, ListConfig)):
        return "[…]" if value else "[]"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _row(left_text: str, text: str, left: int = LEFT) -> Iterator[str]:
    first = f"  {left_text}"
    lines = textwrap.wrap(text, WIDTH - left - 2, break_on_hyphens=False) or [""]
    if len(first) > left + 1:
        yield first
    else:
        yield f"{first:<{left + 2}}{lines.pop(0)}".rstrip()
    yield from (f"{'':<{left + 2}}{line}" for line in lines)


def _of_files(choices: DictConfig) -> dict[str, str]:
    """Setting → its comment in config.yaml or in the chosen files, or in those that they start from."""
    found = comments(_text("config.yaml"))
    for group, name in choices.items():
        if name is not None and not str(group).startswith("hydra/"):
            found |= _of_file(str(group), str(name))
    return found


def _of_file(group: str, name: str) -> dict[str, str]:
    text = _text(f"{group}/{name}.yaml")
    own = comments(text)
    if not is_global(text):
        own = {f"{group}.{key}": comment for key, comment in own.items()}
    starts = re.search(r"^defaults: \[(\w+)\]", text, re.MULTILINE)  # such as [invert], in the same folder
    return (_of_file(group, starts[1]) if starts else {}) | own


def _text(name: str) -> str:
    for folder in config_folders():
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    return ""


def _of_source(root: DictConfig, key: str) -> str:
    """What the class that is built, or the schema, says of its argument."""
    above, _, last = key.rpartition(".")
    node = OmegaConf.select(root, above) if above else root
    target = node.get("_target_") if isinstance(node, DictConfig) else None
    kind = OmegaConf.get_type(node)
    if not target and kind is not None:
        target = HYPERPARAMETERS if not above else f"conf.schema.{kind.__name__}"
    known = {each.name: each.meaning for each in arguments(str(target)) or ()} if target else {}
    return known.get(last, "")
