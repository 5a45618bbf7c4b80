"""Two network namespaces with a cable between them that delays and loses packets."""

import os
import subprocess

from quiet import shell

HERE = os.path.dirname(os.path.abspath(__file__))


class Link:
    """The link; its ends have the addresses NETWORK.1 and NETWORK.2."""

    def __init__(self, work, name, delay_us, lost_per_million):
        self.near, self.far = f"eos-peers-{name}-a", f"eos-peers-{name}-b"
        self.network = "10.213.7"
        self.program = os.path.join(work, "wire")
        self.delay_us, self.lost_per_million = delay_us, lost_per_million
        self.wire = None

    def __enter__(self):
        shell(f"gcc -O2 -o {self.program} {HERE}/wire.c")
        for namespace in (self.near, self.far):
            shell(f"ip netns add {namespace} && ip -n {namespace} link set lo up")
        words = [self.program, self.near, "eth0", self.far, "eth0", str(self.delay_us), str(self.lost_per_million)]
        self.wire = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        if self.wire.stdout.readline().strip() != "ready":
            raise SystemExit("peers: the link between the namespaces could not be made")
        for number, namespace in enumerate((self.near, self.far), 1):
            shell(f"ip -n {namespace} address add {self.network}.{number}/24 dev eth0")
            shell(f"ip -n {namespace} link set eth0 up")
        return self

    def __exit__(self, *_):
        self.wire.terminate()
        self.wire.wait()
        for namespace in (self.near, self.far):
            shell(f"ip netns delete {namespace}", check=False)
