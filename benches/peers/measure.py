"""Measures eos against its peers and writes the report; started by benches/peers.sh."""

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile

import report
import trees
from contestants import Eos, Peers
from links import Link
from quiet import Machine, shell

SOURCES = ["big", "small", "slow", "huge"]
SLOWEST = 1  # rounds of a peer that takes more than SLOW seconds
SLOW = 30


class Bench:
    """One run of the whole measurement."""

    def __init__(self, arguments):
        self.rounds, self.rows = arguments.rounds, arguments.rows.split(",")
        self.binary = arguments.binary
        self.work = tempfile.mkdtemp(prefix="eos-peers-", dir=arguments.work)
        self.machine = Machine(self.work)
        self.chance = trees.generator()
        self.results = report.Results()
        self.ends = []

    def source(self, root, name):
        return os.path.join(root, "srv", name)

    def configuration(self, write_once=True):
        # Files of these trees are replaced, never written to: that is what write_once says.
        more = {"write_once": ["**"]} if write_once else {}
        return [{"name": name, "path": f"/srv/{name}", **more} for name in SOURCES]

    def cluster(self, network, nodes, namespaces=None):
        """A cluster of these nodes; the first is the master and has the trees."""
        eos = Eos(self.work, self.binary, network, namespaces)
        self.ends.append(eos.end)
        for number, node in enumerate(nodes):
            os.makedirs(os.path.join(eos.root(node), "srv"))
            eos.configure(node, self.configuration())
            address = f"{network}.{number + 1}"
            eos.found(node, address) if number == 0 else eos.join(node, nodes[0], address)
        return eos

    def interleaved(self, row, contestants, sources, tree):
        """Every contestant once in each round, so that what disturbs disturbs all; the first brings the tree."""
        taken = {}
        for number in range(self.rounds):
            for name, command, pids, namespace in contestants:
                if number >= SLOWEST and statistics.median(taken[name]) > SLOW:
                    continue
                run = self.machine.measure(command, sources, pids(), namespace=namespace)
                taken.setdefault(name, []).append(run["seconds"])
                self.results.add(row, name, run)
                if number == 0 and name == contestants[0][0]:
                    shell(f"diff -r --no-dereference {tree} {run['into']}/{os.path.basename(tree)}")
                if trees.size_of(tree) > 5e8:
                    shutil.rmtree(run["into"])
                print(f"{row:8} {name:34} {run['seconds']:7.2f} s{'' if run['quiet'] else '  (not quiet)'}", flush=True)

    def first_pull(self, row, eos, peers, namespace=None, only=None):
        """A tree that the puller does not have: eos and every peer."""
        served = os.path.dirname(self.source(eos.root("a"), row))
        tree = self.source(eos.root("a"), row)
        size = trees.size_of(tree)
        self.results.sized(row, size)
        created = eos.run("a", f"snapshot create {row}")
        print(f"{row}: {size} bytes; snapshot {json.dumps(created)[:200]}", flush=True)
        peers.prepare(row)
        contestants = [
            (name, command, (lambda server=server: peers.pids(server)), namespace)
            for name, command, server in peers.commands(row)
            if only is None or any(name.startswith(one) for one in only)
        ]
        restore = eos.command("b", f"snapshot restore {row} --into DEST/{row}")
        contestants.insert(0, ("eos, TLS, verified", restore, lambda: eos.pids("a"), namespace))
        self.interleaved(row, contestants, [served + "/" + row, eos.root("a") + "/var/lib/eos/snapshots"], tree)

    def second_pull(self, eos, peers):
        """The puller has the tree of before; 5 % of its files have changed since."""
        tree = self.source(eos.root("a"), "big")
        copy = os.path.join(self.work, "copy")
        shell(f"cp -a {tree} {copy}")
        eos.run("b", "snapshot restore big")
        for _ in range(self.rounds):
            changed = self.second_of_eos("eos, TLS, verified", eos, tree, "snapshot restore big")
            rsync = f"rsync -aW --delete rsync://{peers.address}:8730/trees/big/ {copy}/"
            run = self.machine.measure(rsync, [tree, copy], peers.pids("rsync"))
            run["changed"] = changed
            self.results.add("second", "rsync -aW --delete, into the old copy", run)
        for _ in range(self.rounds):
            self.second_of_eos("eos, all files read again", eos, tree, "snapshot restore big --reread")
        # What may be written to in place is copied where the file system makes no clones.
        eos.configure("b", self.configuration(write_once=False))
        for _ in range(self.rounds):
            self.second_of_eos("eos, without write_once", eos, tree, "snapshot restore big")
        shell(f"diff -r {tree} {self.source(eos.root('b'), 'big')}")
        self.results.sized("second", trees.size_of(tree))

    def second_of_eos(self, name, eos, tree, line):
        """Changes the tree and brings what changed; returns how many bytes that were."""
        changed = trees.change(tree, self.chance)
        eos.run("a", "snapshot create big")
        run = self.machine.measure(eos.command("b", line), [tree, self.source(eos.root("b"), "big")], eos.pids("a"))
        verdict = json.loads(run["output"].splitlines()[-1])["result"]
        run["changed"], run["received"] = changed, verdict["received_bytes"]
        self.results.add("second", name, run)
        return changed

    def two_sources(self, eos):
        """The same first pull with one holder and with two."""
        eos.run("c", "snapshot pull big")
        tree = self.source(eos.root("a"), "big")
        pids = lambda: eos.pids("a") + eos.pids("c")
        one = "snapshot restore big --from a --into DEST/big"
        both = "snapshot restore big --from a --from c --into DEST/big"
        contestants = [("eos, one source", eos.command("b", one), pids, None)]
        contestants.append(("eos, two sources", eos.command("b", both), pids, None))
        self.results.sized("two", trees.size_of(tree))
        self.interleaved("two", contestants, [eos.root("a") + "/var/lib/eos/snapshots"], tree)

    def linked(self, row, delay_us, lost_per_million, size, peers_too):
        """A pull over a link with delay or loss, between two network namespaces."""
        with Link(self.work, row, delay_us, lost_per_million) as link:
            eos = Eos(self.work + "/" + row, self.binary, link.network, {"a": link.near, "b": link.far})
            os.makedirs(eos.work)
            eos_nodes = self.nodes(eos, ["a", "b"])
            tree = self.source(eos.root("a"), "slow")
            trees.big(tree, self.chance, total=size, files=40)
            eos_nodes()
            peers = Peers(eos.work, os.path.dirname(tree), f"{link.network}.1", link.near)
            peers.start()
            try:
                self.link_contest(row, eos, peers, link, tree, peers_too)
            finally:
                peers.end()
                eos.end()

    def nodes(self, eos, names):
        for node in names:
            os.makedirs(os.path.join(eos.root(node), "srv"))
            eos.configure(node, self.configuration())

        def start():
            eos.found(names[0], f"{eos.network}.1")
            eos.join(names[1], names[0], f"{eos.network}.2")

        return start

    def link_contest(self, row, eos, peers, link, tree, peers_too):
        self.results.sized(row, trees.size_of(tree))
        eos.run("a", "snapshot create slow")
        shell(f"tar -C {os.path.dirname(tree)} -c slow | zstd -q -1 -T0 -o {tree}.tar.zst")
        contestants = [
            (name, command, (lambda server=server: peers.pids(server)), link.far)
            for name, command, server in peers.commands("slow")
            if any(name.startswith(one) for one in peers_too)
        ]
        restore = eos.command("b", "snapshot restore slow --into DEST/slow")
        contestants.insert(0, ("eos, TLS, verified", restore, lambda: eos.pids("a"), link.far))
        self.interleaved(row, contestants, [tree], tree)

    def huge(self, eos):
        """10 GiB: what both sides keep in memory."""
        tree = self.source(eos.root("a"), "huge")
        trees.big(tree, self.chance, total=10 << 30, files=400)
        self.results.sized("huge", trees.size_of(tree))
        eos.run("a", "snapshot create huge")
        shutil.rmtree(tree)
        for _ in range(self.rounds):
            command = eos.command("b", "snapshot restore huge --into DEST/huge")
            run = self.machine.measure(command, [], eos.pids("a"))
            shutil.rmtree(run["into"])
            self.results.add("huge", "eos, TLS, verified", run)

    def run(self):
        try:
            self.measure_all()
        finally:
            for end in reversed(self.ends):
                end()
            shutil.rmtree(self.work)

    def measure_all(self):
        wanted = set(self.rows)
        if wanted & {"big", "small", "second", "two", "huge"}:
            eos = self.cluster("127.0.33", ["a", "b", "c"] if "two" in wanted else ["a", "b"])
            trees.big(self.source(eos.root("a"), "big"), self.chance)
            trees.small(self.source(eos.root("a"), "small"), self.chance)
            peers = Peers(self.work, os.path.join(eos.root("a"), "srv"), "127.0.0.1")
            peers.start()
            self.ends.append(peers.end)
            for row in ["big", "small"]:
                if row in wanted or (row == "big" and wanted & {"second", "two"}):
                    self.first_pull(row, eos, peers)
                    report.write(self.results)
            for row, measure in [
                ("second", lambda: self.second_pull(eos, peers)),
                ("two", lambda: self.two_sources(eos)),
                ("huge", lambda: self.huge(eos)),
            ]:
                self.measure_row(row, measure)
        network = ["rclone", "rsync", "curl"]
        self.measure_row("link", lambda: self.linked("link", 10_000, 0, 256 << 20, network))
        self.measure_row("loss", lambda: self.linked("loss", 10_000, 10_000, 16 << 20, network))

    def measure_row(self, row, measure):
        """A row that is wanted; what is measured is kept, should a later one fail."""
        if row in self.rows:
            measure()
            report.write(self.results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", default="big,small,second,two,link,loss,huge")
    parser.add_argument("--work", default="/var/tmp")
    # So that the cluster and the servers are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    Bench(parser.parse_args()).run()


if __name__ == "__main__":
    main()
