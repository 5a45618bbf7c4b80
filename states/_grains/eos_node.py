"""
What this node is in its eos cluster: the grains ``eos:cluster``, ``eos:role`` and ``eos:scale``.

They are read from eos's own record each time, so that ``saltutil.refresh_grains`` tells of a new role.
"""

import json


def eos_node():
    own = __opts__.get("eos") or {}
    try:
        with open(own.get("membership", "/var/lib/eos/membership.json"), encoding="utf-8") as record:
            membership = json.load(record)
    except OSError:
        # Not a member, or not any more.
        return {}
    applied = membership.get("applied") or {}
    return {
        "eos": {
            "cluster": membership["cluster"],
            "role": applied.get("role"),
            "scale": applied.get("scale"),
        }
    }
