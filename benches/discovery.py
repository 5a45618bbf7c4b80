#!/usr/bin/env python3
"""Measures how soon a machine finds who is there: eos by its multicast, serf by its mDNS, on one network.

    benches/discovery.py [--binary PATH] [--rounds 50]

Five machines in network namespaces on one bridge. On the first four runs a master of a cluster of its own and a serf agent;
the fifth asks, round after round and by turns: `eos discover`, of which each answer's time since the question is
taken (the program's own start is some milliseconds more); and a serf agent that starts with `-discover`, until
`serf members` names all five alive, asked as fast as it answers.
Needs root, ip and serf. Run it on a quiet machine.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from network import Network

MACHINES = 5


def rank(values, part):
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


def told(what, seconds):
    figures = " ".join(f"{name} {1000 * rank(seconds, part):.0f} ms" for name, part in (("p50", 0.5), ("p99", 0.99)))
    print(f"{what}: {len(seconds)} rounds, {figures}, max {1000 * max(seconds):.0f} ms", flush=True)


class Bench:
    def __init__(self, options):
        self.options = options
        self.network = Network(f"eosdi-{os.getpid()}", MACHINES)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="eosdi"))

    def eos(self, machine, *words):
        line = [self.options.binary, "--root", str(self.folder / f"n{machine}"), "--output", "json", *words]
        done = subprocess.run(self.network.inside(machine, *line), capture_output=True, check=False)
        verdict = json.loads(done.stdout.splitlines()[-1])
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {verdict}")
        return verdict["result"]

    def serf(self, machine):
        line = ["serf", "agent", f"-node=n{machine}", "-iface=eth0", f"-bind=10.77.0.{10 + machine}", "-discover=bench"]
        return subprocess.Popen(self.network.inside(machine, *line), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def alive(self, machine):
        line = self.network.inside(machine, "serf", "members", "-format=json", "-status=alive")
        done = subprocess.run(line, capture_output=True, check=False)
        return len(json.loads(done.stdout)["members"]) if done.returncode == 0 else 0

    def until_alive(self, machine, count):
        end = time.monotonic() + 60
        while self.alive(machine) != count:
            if time.monotonic() > end:
                raise RuntimeError(f"serf on n{machine} does not see {count}")

    def play(self):
        self.network.build()
        for machine in range(1, MACHINES):
            self.eos(machine, "bootstrap", "--single-node", "--new-cluster", "--node-name", f"node{machine}")
            self.serf(machine)
        self.until_alive(1, MACHINES - 1)
        first, all_of_them, serf = [], [], []
        for _ in range(self.options.rounds):
            after = [cluster["after_ms"] / 1000 for cluster in self.eos(MACHINES, "discover")["clusters"]]
            if len(after) != MACHINES - 1:
                raise RuntimeError(f"{len(after)} clusters answered")
            first.append(min(after))
            all_of_them.append(max(after))
            began = time.monotonic()
            agent = self.serf(MACHINES)
            self.until_alive(MACHINES, MACHINES)
            serf.append(time.monotonic() - began)
            line = self.network.inside(MACHINES, "serf", "leave")
            subprocess.run(line, stdout=subprocess.DEVNULL, check=True)
            agent.wait()
            self.until_alive(1, MACHINES - 1)
        told("eos, the first of four clusters has answered", first)
        told("eos, all four have", all_of_them)
        told("serf, a fifth agent sees four others", serf)

    def remove(self):
        self.network.remove()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(root / "target/release/eos"))
    parser.add_argument("--rounds", type=int, default=50)
    bench = Bench(parser.parse_args())
    try:
        bench.play()
    finally:
        bench.remove()


if __name__ == "__main__":
    main()
