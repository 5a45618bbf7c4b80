#!/usr/bin/env python3
"""Plays elections of N blank machines in network namespaces, round after round, and says how long they took.

    benches/elections.py [--binary PATH] [--machines 2,3,5,9] [--rounds 50] [--spread 10] [--loss 10] [--apart]
                         [--parallel 1] [--seed 1]

Each round makes N machines on one bridge and runs the same `eos bootstrap --auto-discover --expect N` on each, started
at random within SPREAD seconds. LOSS of a hundred packets that a machine sends are lost. With --apart a random part of the
machines is on a bridge of its own for some seconds of that time. A round is good when all commands succeed, one machine
alone founded, and it sees N members that all have converged, each in the role that a plan gives it. The first round that is not ends the run with its story.
Needs root, ip and nft. Time is from the last start to the last command's end. Run it on a quiet machine.
"""

import argparse
import json
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from network import Network


class Round:
    """One election, in namespaces of its own."""

    def __init__(self, options, machines, number):
        self.options, self.machines = options, machines
        self.chance = random.Random(f"{options.seed} {machines} {number}")
        self.network = Network(f"eosel-{os.getpid()}-{machines}-{number}", machines)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="eosel"))

    def root(self, machine):
        return self.folder / f"n{machine}"

    def eos(self, machine, *words):
        line = [self.options.binary, "--root", str(self.root(machine)), "--output", "json", *words]
        return self.network.inside(machine, *line)

    def build(self):
        self.network.build(self.options.loss)
        for machine in self.network.machines:
            (self.root(machine) / "etc").mkdir(parents=True)
            (self.root(machine) / "etc/machine-id").write_text(uuid.UUID(int=self.chance.getrandbits(128)).hex + "\n")
        made = subprocess.run([self.options.binary, "--output", "json", "token", "generate"], capture_output=True, check=True)
        (self.folder / "token").write_text(json.loads(made.stdout.splitlines()[-1])["result"]["token"])

    def events(self):
        """What happens when, in seconds."""
        spread = self.options.spread
        events = [(self.chance.uniform(0, spread), "start", machine) for machine in range(1, self.machines + 1)]
        if self.options.apart:
            apart = self.chance.sample(range(1, self.machines + 1), self.chance.randint(1, self.machines - 1))
            began = self.chance.uniform(0, spread)
            events += [(began, "br1", machine) for machine in apart]
            events += [(began + self.chance.uniform(2, 8), "br0", machine) for machine in apart]
        return sorted(events)

    def play(self):
        """The seconds from the last start to the end of the last command; raises when the round is not good."""
        began, commands, last = time.monotonic(), [], 0.0
        for at, what, machine in self.events():
            time.sleep(max(0.0, began + at - time.monotonic()))
            if what == "start":
                line = ["bootstrap", "--auto-discover", f"--expect={self.machines}", "--timeout=120s"]
                line += ["--token-file", str(self.folder / "token"), "--node-name", f"node{machine}"]
                output = open(self.folder / f"out{machine}", "wb")
                commands.append((machine, subprocess.Popen(self.eos(machine, *line), stdout=output, stderr=output)))
                last = time.monotonic()
            else:
                self.network.plug(machine, what)
        failed = [machine for machine, command in commands if command.wait() != 0]
        took = time.monotonic() - last
        self.judge(failed)
        return took

    def judge(self, failed):
        every = range(1, self.machines + 1)
        founders = [m for m in every if (self.root(m) / "var/lib/eos/master/authority.key").exists()]
        if failed or len(founders) != 1:
            raise RuntimeError(f"failed: {failed}, founders: {founders}")
        until = time.monotonic() + 60
        while True:
            told = subprocess.run(self.eos(founders[0], "status"), capture_output=True, check=False)
            nodes = json.loads(told.stdout.splitlines()[-1])["result"].get("nodes", []) if told.stdout else []
            if len(nodes) == self.machines and all(node["converged"] and node["role"] for node in nodes):
                break
            if time.monotonic() > until:
                raise RuntimeError(f"not converged: {nodes}")
            time.sleep(0.2)
        planned = subprocess.run(self.eos(founders[0], "role", "plan"), capture_output=True, check=True)
        changes = json.loads(planned.stdout.splitlines()[-1])["result"]["changes"]
        if changes:
            raise RuntimeError(f"not as planned: {changes}")

    def story(self):
        texts = [f"--- {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("out*"))]
        return f"{self.events()}\n" + "\n".join(texts)

    def remove(self):
        self.network.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def rounds(options, machines):
    took, waiting, lock, broken = [], list(range(options.rounds)), threading.Lock(), []

    def work():
        while not broken:
            with lock:
                if not waiting:
                    return
                number = waiting.pop(0)
            one = Round(options, machines, number)
            try:
                one.build()
                seconds = one.play()
                with lock:
                    took.append(seconds)
            except Exception as error:
                broken.append(f"round {number} of {machines} machines: {error}\n{one.story()}")
            finally:
                one.remove()

    workers = [threading.Thread(target=work) for _ in range(options.parallel)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if broken:
        sys.exit(broken[0])
    return sorted(took)


def rank(values, part):
    return values[max(0, math.ceil(part * len(values)) - 1)]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(root / "target/release/eos"))
    parser.add_argument("--machines", default="2,3,5,9")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--spread", type=float, default=10.0)
    parser.add_argument("--loss", type=int, default=0)
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    for machines in [int(number) for number in options.machines.split(",")]:
        took = rounds(options, machines)
        figures = " ".join(f"{name} {rank(took, part):.1f} s" for name, part in (("p50", 0.5), ("p99", 0.99)))
        print(f"{machines} machines: {len(took)} rounds, each one cluster of all; {figures} max {took[-1]:.1f} s", flush=True)


if __name__ == "__main__":
    main()
