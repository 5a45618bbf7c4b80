"""Runs a command and measures it: time, processor time and memory of both sides, on a machine made ready.

Two things spoil naive measurements on virtual machines, and are prepared for here. ext4 is slow to create files
where as many were just deleted: every run gets a new directory, spread over the disk, and directories are
deleted last. Memory that was free is slow to touch for the first time: a file fills the page cache before
each run, so that new pages come from old ones.
"""

import os
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def shell(command, check=True, namespace=None):
    """Runs a shell command to its end and returns what it wrote."""
    words = ["ip", "netns", "exec", namespace] if namespace else []
    done = subprocess.run(words + ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"peers: {command}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def idle_share():
    def read():
        with open("/proc/stat") as file:
            values = [int(word) for word in file.readline().split()[1:9]]
        return values[3] + values[4], sum(values)

    (idle, total) = read()
    time.sleep(0.5)
    (idle_after, total_after) = read()
    return (idle_after - idle) / max(1, total_after - total)


def wait_until_quiet(longest=20):
    """Whether the machine came to rest."""
    until = time.time() + longest
    while time.time() < until:
        if idle_share() > 0.93:
            return True
    return False


class Processes:
    """The servers of a peer: their processor time and the most memory they took."""

    def __init__(self, pids):
        self.pids = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
        for pid in self.pids:
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")
        self.before = self.seconds()

    def seconds(self):
        total = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += sum(int(field) for field in fields[11:15])
        return total / TICK

    def used(self):
        return self.seconds() - self.before

    def peak_bytes(self):
        most = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/status") as file:
                lines = [line for line in file if line.startswith("VmHWM")]
            most = max([most] + [int(line.split()[1]) * 1024 for line in lines])
        return most


class Machine:
    """Where runs go, and how the machine is made ready for each."""

    def __init__(self, work):
        self.work = work
        self.runs = os.path.join(work, "runs")
        self.filler = os.path.join(work, "filler")
        self.number = 0
        os.makedirs(self.runs)
        shell(f"chattr +T {self.runs}", check=False)
        with open("/proc/meminfo") as file:
            memory = int(file.readline().split()[1]) * 1024
        shell(f"fallocate -l {memory * 7 // 10} {self.filler}")

    def directory(self):
        self.number += 1
        path = os.path.join(self.runs, str(self.number))
        os.mkdir(path)
        return path

    def ready(self, sources):
        shell(f"sync; cat {self.filler} > /dev/null")
        for source in sources:
            shell(f"find {source} -type f -print0 | xargs -0r cat > /dev/null")
        return wait_until_quiet()

    def measure(self, command, sources, servers=(), into=None, namespace=None):
        """Runs the command, in which DEST stands for a new directory; returns its figures."""
        into = into or self.directory()
        quiet = self.ready(sources)
        watched = Processes(servers)
        words = ["ip", "netns", "exec", namespace] if namespace else []
        # A process that is forked has as much memory as this one until it becomes another: `time` is small.
        account = os.path.join(self.work, "account")
        words += ["/usr/bin/time", "-q", "-o", account, "-f", "%U %S %M"]
        began = time.monotonic()
        with subprocess.Popen(
            words + ["bash", "-o", "pipefail", "-c", command.replace("DEST", into)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            output, errors = process.communicate()
        seconds = time.monotonic() - began
        if process.returncode:
            raise SystemExit(f"peers: {command}\nended with {process.returncode}:\n{output[-2000:]}{errors[-2000:]}")
        shell(f"sync -f {into}")
        synced = time.monotonic() - began
        with open(account) as file:
            user, system, kilobytes = (float(word) for word in file.read().split())
        return {
            "seconds": seconds,
            "synced": synced,
            "client_cpu": user + system,
            "client_bytes": kilobytes * 1024,
            "server_cpu": watched.used(),
            "server_bytes": watched.peak_bytes(),
            "quiet": quiet,
            "output": output,
            "into": into,
        }


def descendants(pid):
    """A process and all below it."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(name))
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], [])
    return found
