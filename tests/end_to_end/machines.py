"""Machines that share nothing but a network, as namespaces of this one: own address, name, processes, /tmp and home.

What is installed on this machine is installed on each of them. Needs root and iproute2.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.serving import free_port, wait_for
from tests.end_to_end.sweeping import ENVIRONMENT

HOME = "/tmp/home"  # on each machine; its /tmp is its own
RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    "RAY_AUTH_MODE": "disabled",  # else a token that this machine's user has would be asked of the others
}


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)


def ray(*words: str) -> list[str]:
    return [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *words]


class Cluster:
    """A Ray cluster: its head is this machine, which works on nothing itself."""

    def __init__(self) -> None:
        number = os.getpid() % 200 + 20
        self.name = f"inv{number}"
        self.network = f"10.77.{number}"
        self.port = free_port()
        self.logs: dict[str, Path] = {}
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def head(self) -> str:
        return f"{self.network}.1"

    @property
    def address(self) -> str:
        return f"{self.head}:{self.port}"

    def start(self, folder: Path) -> None:
        """Skips the test where there is no such thing. folder: for logs."""
        if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare"))):
            pytest.skip("machines that share no folder are namespaces, made by root with iproute2's `ip`")
        try:
            ip("link", "add", self.name, "type", "bridge")
        except AssertionError as error:
            pytest.skip(f"this kernel makes no bridge: {error}")
        ip("addr", "add", f"{self.head}/24", "dev", self.name)
        ip("link", "set", self.name, "up")
        self.folder = folder
        options = ["--head", f"--node-ip-address={self.head}", f"--port={self.port}", "--num-cpus=0"]
        options += ["--include-dashboard=false", f"--temp-dir=/tmp/{self.name}"]
        self._start("head", ray(*options))
        wait_for(lambda: "Ray runtime started" in self.said("head"), "Ray's head is up")

    def add(self, name: str) -> None:
        """A machine with one CPU."""
        space, last = f"{self.name}{name}", len(self.nodes) + 1
        ip("netns", "add", space)
        ip("link", "add", f"{space}o", "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("link", "set", f"{space}o", "master", self.name, "up")
        own = f"{self.network}.{last}"
        for words in (["addr", "add", f"{own}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            ip("-n", space, *words)
        ip("-n", space, "link", "set", "lo", "up")
        options = [f"--address={self.address}", f"--node-ip-address={own}", "--num-cpus=1"]
        begin = " && ".join(
            [
                f"hostname {name}",
                "mount -t tmpfs none /tmp",
                "mount -t tmpfs none /dev/shm",
                f"mkdir {HOME}",
                f"cd {HOME}",
                f"exec {shlex.join(ray(*options))}",
            ]
        )
        alone = ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"]
        self._start(name, ["ip", "netns", "exec", space, *alone, "bash", "-c", begin], HOME=HOME)
        wait_for(lambda: "Ray runtime started" in self.said(name), f"Ray is up on {name}")

    def kill(self, name: str) -> None:
        """As a power cut."""
        process = self.nodes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        if (head := self.nodes.pop("head", None)) is not None:
            head.terminate()  # it ends its children
            head.wait(60)
        for name in list(self.nodes):
            self.kill(name)
        for name in self.logs.keys() - {"head"}:
            subprocess.run(["ip", "netns", "delete", f"{self.name}{name}"], capture_output=True)
        subprocess.run(["ip", "link", "delete", self.name], capture_output=True)
        shutil.rmtree(f"/tmp/{self.name}", ignore_errors=True)

    def said(self, name: str) -> str:
        assert self.nodes[name].poll() is None, self.logs[name].read_text()
        return self.logs[name].read_text()

    def _start(self, name: str, command: list[str], **environment: str) -> None:
        self.logs[name] = self.folder / f"{name}.log"
        with self.logs[name].open("wb") as log:
            self.nodes[name] = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT | RAY | environment,
                start_new_session=True,
            )
