"""
Roles as the eos master plans them, for orchestration files under Salt.

    salt-run state.orchestrate orchestration.node_addition \
        pillar="$(salt-call --local --out=json eos_roles.pillar new_node=n4 | jq -c .local)"

or within a file that the master renders, where ``salt['eos_roles.recalculate']`` gives node name -> role.
Every function asks ``eos role plan`` on the host where it runs, which is to be the master's; nothing is changed.
"""

import json
import subprocess

__virtualname__ = "eos_roles"

# Percent used, and days, by scale: what eos gives unless cluster.yaml says otherwise.
_THRESHOLDS = {
    "single": (60, 70, 75, 80, 85, 90),
    "small": (65, 75, 80, 85, 90, 95),
    "medium": (70, 80, 85, 90, 93, 95),
    "distributed": (70, 80, 85, 90, 93, 95),
}
_RETENTION = {
    "single": (7, 3, 1),
    "small": (14, 7, 3),
    "medium": (30, 30, 7),
    "distributed": (30, 30, 7),
}
_LEVELS = ("warning", "compress", "cleanup", "degraded", "emergency", "critical")
_KINDS = ("logs", "backups", "cache")


def __virtual__():
    return __virtualname__


def _result(*arguments):
    """What ``eos ... --output json`` says in its last line."""
    command = ["eos", *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(lines[-1])["result"]


def recalculate(current_nodes=None, new_node=None):
    """
    Node name -> role, once ``new_node`` has joined.

    current_nodes
        What ``mine.get`` gave; eos knows its nodes itself, and takes none from it.

    new_node
        A name, a mapping with ``hostname`` and optionally ``request_role``, or nothing for the nodes as they are.
    """
    arguments = ["role", "plan"]
    if new_node:
        given = {"hostname": new_node} if isinstance(new_node, str) else new_node
        known = {node["name"] for node in _result("status")["nodes"] if node["state"] == "active"}
        if given["hostname"] not in known:
            name, role = given["hostname"], given.get("request_role")
            arguments += ["--add", f"{name}:{role}" if role else name]
    roles = {node["name"]: node["role"] for node in _result("status")["nodes"] if node["state"] == "active"}
    for change in _result(*arguments)["changes"]:
        if change["to"] is None:
            roles.pop(change["node"], None)
        else:
            roles[change["node"]] = change["to"]
    return roles


def plan(new_node=None):
    """The plan that orchestration.node_addition and orchestration.role_update read."""
    roles = recalculate(None, new_node)
    count = len(roles)
    scale = "single" if count <= 1 else "small" if count <= 3 else "medium" if count <= 6 else "distributed"
    nodes = {}
    for node, role in sorted(roles.items()):
        nodes.setdefault(role, []).append(node)
    made = {
        "roles": roles,
        "nodes": nodes,
        "scale": scale,
        "thresholds": dict(zip(_LEVELS, _THRESHOLDS[scale])),
        "retention": dict(zip(_KINDS, _RETENTION[scale])),
    }
    if new_node:
        made["new_node"] = new_node if isinstance(new_node, str) else new_node["hostname"]
    return made


def pillar(new_node=None):
    """The whole pillar for ``salt-run state.orchestrate``."""
    return {"eos": {"plan": plan(new_node)}}
