"""
What eos has a minion do for its node, where the minion belongs to the Salt master of an eos cluster.

    salt 'node2' eos_node.take 7

eos writes where it is into the minion's configuration, ``minion.d/eos.conf``.
"""

import json
import subprocess

from salt.exceptions import CommandExecutionError

__virtualname__ = "eos_node"

# Shorter than what eos gives the whole run, so that it is told which node was not done.
LIMIT = 540


def __virtual__():
    if "eos" not in __opts__:
        return False, "this minion is of no eos cluster: minion.d/eos.conf says nothing of one"
    return __virtualname__


def _eos(*arguments):
    """The last object that ``eos ... --output json`` says."""
    own = __opts__["eos"]
    command = [own["binary"], "--root", own["root"] or "/", "--output", "json", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)
    except subprocess.TimeoutExpired as slow:
        raise CommandExecutionError(f"eos was not done within {LIMIT} s") from slow
    lines = done.stdout.strip().splitlines()
    try:
        verdict = json.loads(lines[-1]) if lines else {}
    except ValueError as strange:
        raise CommandExecutionError(done.stderr.strip() or f"eos says {lines[-1]!r}") from strange
    if done.returncode == 0 and lines:
        return verdict["result"]
    error = verdict.get("error") or {}
    told = f"{error.get('code')}: {error.get('message')}" if error else done.stderr.strip()
    raise CommandExecutionError(told or f"eos ended with {done.returncode}")


def take(generation):
    """
    Takes the generation that the eos master assigns: the states of the node's role are applied by this host's
    ``salt-call``, behind a checkpoint, and undone as a whole when one of them fails.

    generation
        This one, or a later one if there is one by now. One that is in force already is no change.
    """
    taken = _eos("state", "apply", "--generation", str(generation))
    # And with them the pillar, which says the same where the Salt master's own files are used.
    __salt__["saltutil.refresh_grains"]()
    return taken
