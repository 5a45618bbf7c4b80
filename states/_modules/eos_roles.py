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


def _planned(new_node):
    """The plan once ``new_node`` has joined, and the roles that it comes to."""
    arguments = ["role", "plan"]
    members = {node["name"]: node["role"] for node in _result("status")["nodes"] if node["state"] == "active"}
    if new_node:
        given = {"hostname": new_node} if isinstance(new_node, str) else new_node
        if given["hostname"] not in members:
            name, role = given["hostname"], given.get("request_role")
            arguments += ["--add", f"{name}:{role}" if role else name]
    planned = _result(*arguments)
    for change in planned["changes"]:
        if change["to"] is None:
            members.pop(change["node"], None)
        else:
            members[change["node"]] = change["to"]
    return planned, members


def recalculate(current_nodes=None, new_node=None):
    """
    Node name -> role, once ``new_node`` has joined.

    current_nodes
        What ``mine.get`` gave; eos knows its nodes itself, and takes none from it.

    new_node
        A name, a mapping with ``hostname`` and optionally ``request_role``, or nothing for the nodes as they are.
    """
    return _planned(new_node)[1]


def plan(new_node=None):
    """
    The plan that orchestration.node_addition and orchestration.role_update read. Scale, thresholds and retention are
    eos's own answer, so what ``cluster.yaml`` says of them is in it.
    """
    planned, roles = _planned(new_node)
    nodes = {}
    for node, role in sorted(roles.items()):
        nodes.setdefault(role, []).append(node)
    made = {
        "roles": roles,
        "nodes": nodes,
        "scale": planned["scale"],
        "thresholds": planned["thresholds"],
        "retention": planned["retention"],
    }
    if new_node:
        made["new_node"] = new_node if isinstance(new_node, str) else new_node["hostname"]
    return made


def pillar(new_node=None):
    """The whole pillar for ``salt-run state.orchestrate``."""
    return {"eos": {"plan": plan(new_node)}}
