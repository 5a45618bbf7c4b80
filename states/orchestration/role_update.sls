# Gives nodes their roles, the scale of their cluster and what follows from both; runs on the master:
#
#   salt-run state.orchestrate orchestration.role_update pillar='{"eos": {"plan": {...}}}'
#
# Input: pillar['eos']['plan'], as `eos role plan` computes it:
#   roles       node name -> role; every node that the plan knows, because the scale concerns all of them
#   scale       single, small, medium or distributed
#   thresholds  the six percentages of that scale
#   retention   logs, backups, cache: days, of that scale
#   new_node    optional: the node that has just joined
#
# The new node comes first: the old ones may hand over a role only when its new holder has taken it.
{% set plan = pillar['eos']['plan'] %}
{% set new_node = plan.get('new_node', '') %}
{% for node, role in plan['roles'] | dictsort %}

{{ ('update_' ~ node ~ '_role') | tojson }}:
  salt.state:
    - tgt: {{ node | tojson }}
    - sls:
      - roles.{{ role }}
    - pillar:
        eos:
          role: {{ role | tojson }}
          scale: {{ plan['scale'] | tojson }}
          thresholds: {{ plan['thresholds'] | tojson }}
          retention: {{ plan['retention'] | tojson }}
{% if new_node and node != new_node %}
    - require:
      - salt: {{ ('update_' ~ new_node ~ '_role') | tojson }}
{% endif %}
{% endfor %}
