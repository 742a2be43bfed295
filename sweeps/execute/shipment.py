"""What a job needs on a machine that shares no folder with the command: the files that its settings name, and a folder.

Only Ray's jobs can be on such a machine: submitit hands Slurm's over through a shared folder.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, read_write

from inversion.checkpoints.download import cache_folder
from inversion.errors import ConfigError
from inversion.images import list_photos, sha256_of
from inversion.runtime.atomic import write_file
from sweeps.execute import marks
from sweeps.plan.composer import Composer, key_of
from sweeps.plan.files import named, names_file
from sweeps.plan.sweeper import is_checked, name_of

FILES, FOLDERS = "sent", "sweeps"  # in the cache of a machine that does not


@dataclass(frozen=True)
class Content:
    """A file, or the photos of a folder, whatever its path."""

    name: str  # its own, without the folders above it
    files: tuple[tuple[str, str], ...]  # name below the folder ("" for a file itself), sha256; sorted

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.files).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Shipment:
    """Travels with every job of a sweep. Files are known by their content, and sent once."""

    sweep: str  # the sweep's folder, as the command has it
    command: str  # which has left its mark there
    contents: Mapping[str, Content] = field(default_factory=dict)  # by path, as the settings name it
    references: Mapping[str, Any] = field(default_factory=dict)  # sha256 -> what any machine turns into bytes

    def with_files(self, paths: Iterable[str], put: Callable[[bytes], Any]) -> Shipment:
        """More files and folders; what is not there is left to whoever reads it. put: gives bytes to the library."""
        contents, references = dict(self.contents), dict(self.references)
        for path in paths:
            content = look(path)
            if content is None:
                continue
            contents[path] = content
            for name, sha256 in content.files:
                if sha256 not in references:
                    references[sha256] = put((_of(path) / name if name else _of(path)).read_bytes())
        return replace(self, contents=contents, references=references)

    def with_folder(self, config: DictConfig) -> DictConfig:
        """A sweep's config whose jobs write into its folder or, on a machine that does not share it, its own."""
        quoted = self.sweep.replace("\\", "\\\\").replace('"', '\\"')
        folder = f'${{folder_here:"{quoted}",{self.command}}}'
        own = copy.deepcopy(config)
        with read_write(own):
            own.hydra.sweep.dir = folder
            own.hydra.overrides.hydra.append("hydra.sweep.dir='" + folder.replace("'", "\\'") + "'")
        return own

    @property
    def shares_folder(self) -> bool:
        """Whether this machine sees the sweep's folder: under its path there may be another one."""
        return folder_here(self.sweep, self.command) == self.sweep

    def unpack(self, fetch: Callable[[Any], bytes]) -> dict[str, str]:
        """Path as the settings name it -> where its content lies on this machine; nothing for what lies there anyway.

        What this machine has got before, in its cache, is not fetched again. Raises OSError where it cannot be written.
        """
        here = {}
        for path, content in self.contents.items():
            if look(path) == content:
                continue
            place = cache_folder() / FILES / content.digest / content.name
            for name, sha256 in content.files:
                file = place / name if name else place
                if not (file.is_file() and sha256_of(file) == sha256):
                    write_file(file, fetch(self.references[sha256]))
            here[path] = str(place)
        return here


def folder_here(sweep: str, command: str) -> str:
    """The sweep's folder; on a machine that does not share it one in its cache, the same for all jobs."""
    return sweep if marks.is_there(Path(sweep), command) else str(cache_folder() / FOLDERS / command)


OmegaConf.register_new_resolver("folder_here", folder_here, replace=True)


def look(path: str) -> Content | None:
    """What lies there; None where nothing does that could be read."""
    with suppress(ConfigError, OSError):
        if _of(path).is_dir():
            files = [(photo.name, sha256_of(photo)) for photo in list_photos(_of(path))]
            return Content(_of(path).resolve().name, tuple(sorted(files)))
        return Content(_of(path).name, (("", sha256_of(_of(path))),))
    return None


def files_of(config: DictConfig, points: Iterable[Sequence[str]]) -> list[str]:
    """Every file that points name. config: the sweep's. points: their overrides.

    Of each point: a name may follow from any setting, as degradation.mask='masks/${seed}.png' does.
    """
    composer = Composer(config)
    return list(dict.fromkeys(file for words in points for file in named(composer.values(words))))


def refuse_unsent_files(config: DictConfig) -> None:
    """Another sweeper than that of grids starts each point by itself, without files. Raises ConfigError."""
    if config.launcher.get("address") is None or is_checked(config):
        return
    words = [str(word).partition("=")[::2] for word in config.hydra.overrides.task]
    asked = [
        value for key, value in words if names_file(key_of(key).rpartition(".")[2], value) and value != "null"
    ]
    if files := asked or list(named(Composer(config).values([]))):
        raise ConfigError(
            f"A search by {name_of(config)} sends no files to a Ray cluster. Got "
            f"launcher.address={config.launcher.address} with {', '.join(files)}; launcher=ray without an address, "
            "launcher=joblib and launcher=slurm (a shared folder) would work."
        )


def _of(path: str) -> Path:
    return Path(path).expanduser()
