# Gives nodes their roles, the scale of their cluster and what follows from both; runs on the master:
#
#   salt-run state.orchestrate orchestration.role_update pillar='{"eos": {"plan": {...}}}'
#
# Input: pillar['eos']['plan'], as eos makes it for its own orchestration and as eos_roles.plan makes it under Salt:
#   roles       node name -> role; every node that the plan knows, because the scale concerns all of them
#   nodes       role -> node names: the same, the other way round
#   scale       single, small, medium or distributed
#   thresholds  the six percentages of that scale
#   retention   logs, backups, cache: days, of that scale
#   new_node    optional: the node that has just joined
#   generation  only where eos has an installed Salt run this: the nodes then take what the eos master assigns, this
#               generation of it, through the module eos_node, which applies it behind a checkpoint of eos. Nodes
#               without a minion that answers are in roles and not in nodes
#
# The new node comes first: the old ones may hand over a role only when its new holder has taken it. The old ones
# are updated together, role by role.
{% set plan = pillar['eos']['plan'] %}
{% set new_node = plan.get('new_node', '') %}
{% if new_node %}

update_new_node:
{% if plan.generation is defined %}
  salt.function:
    - name: eos_node.take
    - tgt: {{ [new_node] | tojson }}
    - tgt_type: list
    - arg:
      - {{ plan.generation }}
{% else %}
  salt.state:
    - tgt: {{ [new_node] | tojson }}
    - tgt_type: list
    - sls:
      - roles.{{ plan['roles'][new_node] }}
    - pillar:
        eos:
          role: {{ plan['roles'][new_node] | tojson }}
          scale: {{ plan['scale'] | tojson }}
          thresholds: {{ plan['thresholds'] | tojson }}
          retention: {{ plan['retention'] | tojson }}
{% endif %}
{% endif %}
{% for role, nodes in plan['nodes'] | dictsort %}
{% set others = nodes | reject('equalto', new_node) | list %}
{% if others %}

update_{{ role }}_nodes:
{% if plan.generation is defined %}
  salt.function:
    - name: eos_node.take
    - tgt: {{ others | tojson }}
    - tgt_type: list
    - arg:
      - {{ plan.generation }}
{% else %}
  salt.state:
    - tgt: {{ others | tojson }}
    - tgt_type: list
    - sls:
      - roles.{{ role }}
    - pillar:
        eos:
          role: {{ role | tojson }}
          scale: {{ plan['scale'] | tojson }}
          thresholds: {{ plan['thresholds'] | tojson }}
          retention: {{ plan['retention'] | tojson }}
{% endif %}
    - parallel: True
{% if new_node %}
    - require:
      - salt: update_new_node
{% endif %}
{% endif %}
{% endfor %}
