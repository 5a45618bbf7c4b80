"""The peers: each serves a tree from one side and brings it to a new directory on the other."""

import json
import os
import signal
import subprocess
import time

from quiet import descendants, shell

NGINX = """daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; worker_processes 2; user root;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; tcp_nopush on; types {{ }} default_type application/octet-stream;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  server {{ listen {address}:8800; root {served}; autoindex on; }} }}
"""
RSYNC = "use chroot = no\nport = 8730\naddress = {address}\n[trees]\npath = {served}\nread only = yes\nuid = root\ngid = root\n"


class Server:
    """A server that runs until it is ended; its processes are all below the one that was started."""

    def __init__(self, words, port, address, namespace=None):
        prefix = ["ip", "netns", "exec", namespace] if namespace else []
        self.process = subprocess.Popen(
            prefix + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until = time.time() + 20
        probe = f"exec 3<>/dev/tcp/{address}/{port}"
        while subprocess.run(prefix + ["bash", "-c", probe], stderr=subprocess.DEVNULL, check=False).returncode:
            if time.time() > until or self.process.poll() is not None:
                raise SystemExit(f"peers: {' '.join(words)} does not listen on {address}:{port}")

    def pids(self):
        return descendants(self.process.pid)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Peers:
    """The servers of all peers, over the directory in which the trees lie."""

    def __init__(self, work, served, address, namespace=None):
        self.work, self.served, self.address, self.namespace = work, served, address, namespace
        self.servers = {}

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text.format(work=self.work, served=self.served, address=self.address))
        return self.path(name)

    def start(self):
        nginx = ["nginx", "-e", self.path("nginx.log"), "-c", self.write("nginx.conf", NGINX)]
        self.servers["nginx"] = Server(nginx, 8800, self.address, self.namespace)
        rsync = ["rsync", "--daemon", "--no-detach", f"--config={self.write('rsyncd.conf', RSYNC)}"]
        self.servers["rsync"] = Server(rsync, 8730, self.address, self.namespace)

    def prepare(self, tree):
        """What a peer needs beside the tree itself: an archive, chunks, a repository."""
        source = os.path.join(self.served, tree)
        shell(f"tar -C {self.served} -c {tree} | zstd -q -1 -T0 -o {source}.tar.zst")
        shell(f"casync make --store={self.served}/chunks.castr {source}.caidx {source}")
        repository = self.path("restic")
        if not os.path.exists(repository):
            shell(f"RESTIC_PASSWORD=peers restic -q -r {repository} init")
        shell(f"cd {self.served} && RESTIC_PASSWORD=peers restic -q -r {repository} backup --tag {tree} {tree}")
        if "restic" not in self.servers:
            words = ["rclone", "serve", "restic", "--config", "/dev/null"]
            words += ["--addr", f"{self.address}:8803", repository]
            self.servers["restic"] = Server(words, 8803, self.address, self.namespace)

    def pids(self, name):
        return self.servers[name].pids() if name in self.servers else []

    def end(self):
        for server in self.servers.values():
            server.end()

    def commands(self, tree):
        """Name, command and server of each; DEST stands for a new directory."""
        source, http = os.path.join(self.served, tree), f"http://{self.address}:8800"
        return [
            ("cp -a (local)", f"cp -a {source} DEST/", None),
            (
                "rclone, plain HTTP, 4 transfers",
                "rclone copy --config /dev/null -q --transfers 4 --checkers 8 "
                f"--http-url {http}/{tree}/ :http: DEST/{tree}",
                "nginx",
            ),
            ("rsync -aW from a daemon", f"rsync -aW rsync://{self.address}:8730/trees/{tree} DEST/", "rsync"),
            ("curl | zstd -d | tar x", f"curl -sf {http}/{tree}.tar.zst | zstd -dcq | tar x -C DEST", "nginx"),
            (
                "casync extract, HTTP store",
                f"casync extract --store={http}/chunks.castr {http}/{tree}.caidx DEST/{tree}",
                "nginx",
            ),
            (
                "restic restore, REST",
                f"RESTIC_PASSWORD=peers restic -q -r rest:http://{self.address}:8803/ restore latest "
                f"--tag {tree} --target DEST",
                "restic",
            ),
        ]


class Eos:
    """Nodes of one cluster, each a root of its own."""

    def __init__(self, work, binary, network, namespaces=None):
        self.work, self.binary, self.network = work, binary, network
        self.namespaces = namespaces or {}
        self.addresses = {}

    def root(self, node):
        return os.path.join(self.work, f"eos-{node}")

    def command(self, node, words):
        return f"{self.binary} --root {self.root(node)} --output json {words} 2>>{self.work}/eos-{node}.log"

    def run(self, node, words):
        """Runs a command of eos and returns the result of its verdict."""
        lines = shell(self.command(node, words), namespace=self.namespaces.get(node)).splitlines()
        return json.loads(lines[-1])["result"]

    def configure(self, node, sources):
        folder = os.path.join(self.root(node), "etc/eos/cluster.yaml.d")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "sources.yaml"), "w", encoding="utf-8") as file:
            json.dump({"snapshot": {"sources": sources}}, file)

    def found(self, node, address):
        self.addresses[node] = address
        self.run(node, f"bootstrap --single-node --advertise-address {address} --node-name {node}")

    def join(self, node, master, address):
        self.addresses[node] = address
        token = self.run(master, "token create")["token"]
        self.run(
            node,
            f"bootstrap --join-cluster={self.addresses[master]} --advertise-address {address} "
            f"--node-name {node} --token {token}",
        )

    def pids(self, node):
        """The daemons of a node: supervisors, master, agent, monitor."""
        root, found = self.root(node), []
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        words = file.read().split(b"\0")
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if root.encode() in words and words[1:2] in ([b"master"], [b"agent"]):
                    found.append(int(name))
        return found

    def end(self):
        for node in reversed(list(self.addresses)):
            namespace = self.namespaces.get(node)
            shell(self.command(node, "reset --force"), check=False, namespace=namespace)
