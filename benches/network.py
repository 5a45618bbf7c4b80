"""Machines in network namespaces on one bridge, for measurements: eth0 of machine N has 10.77.0.(10 + N)."""

import subprocess
import time


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Network:
    """So many machines on br0; br1 is a bridge apart. Needs root, ip and nft."""

    def __init__(self, prefix, machines):
        self.prefix, self.machines, self.switch = prefix, range(1, machines + 1), f"{prefix}-sw"

    def name(self, machine):
        return f"{self.prefix}-n{machine}"

    def inside(self, machine, *words):
        return ["ip", "netns", "exec", self.name(machine), *words]

    def build(self, loss=0):
        """LOSS of a hundred packets that a machine sends are lost."""
        ip("netns", "add", self.switch)
        for bridge in ("br0", "br1"):
            ip("-n", self.switch, "link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0")
            ip("-n", self.switch, "link", "set", bridge, "up")
        for machine in self.machines:
            name = self.name(machine)
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
            cable = ["type", "veth", "peer", "name", "eth0", "netns", name]
            ip("-n", self.switch, "link", "add", f"p{machine}", *cable)
            self.plug(machine, "br0")
            ip("-n", name, "addr", "add", f"10.77.0.{10 + machine}/24", "broadcast", "+", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "route", "add", "default", "dev", "eth0")
            if loss:
                drop = f'oifname "eth0" numgen random mod 100 < {loss} drop'
                rules = f"table inet bench {{ chain out {{ type filter hook output priority 0; {drop}; }}; }}"
                subprocess.run(self.inside(machine, "nft", "-f", "-"), input=rules.encode(), check=True)

    def plug(self, machine, bridge):
        ip("-n", self.switch, "link", "set", f"p{machine}", "master", bridge, "up")

    def remove(self):
        """Whatever still runs in them is ended."""
        for name in [self.name(machine) for machine in self.machines] + [self.switch]:
            while pids := subprocess.run(["ip", "netns", "pids", name], capture_output=True, check=False).stdout.split():
                subprocess.run(["kill", "-KILL", *[pid.decode() for pid in pids]], check=False, stderr=subprocess.DEVNULL)
                time.sleep(0.02)
            subprocess.run(["ip", "netns", "del", name], check=False)
