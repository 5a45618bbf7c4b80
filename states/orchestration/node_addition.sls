# Admits a node and gives every node what its arrival changes; runs on the master:
#
#   salt-run state.orchestrate orchestration.node_addition pillar='{"eos": {"plan": {...}}}'
#
# Input: pillar['eos']['plan'] as in orchestration.role_update, with new_node.
{% set plan = pillar['eos']['plan'] %}
{% set new_node = plan.get('new_node', '') %}
include:
  - orchestration.role_update
{% if new_node %}
{% if plan.generation is not defined %}

# Under eos the node has been let in and has confirmed: there is nothing left to decide. Where eos has Salt run this,
# plan has a generation, and eos had the minion's key accepted by its fingerprint: no name is to stand for a key.
accept_new_node:
  salt.wheel:
    - name: key.accept
    - match: {{ new_node | tojson }}
{% endif %}

# A node that was waiting for its acceptance asks again after some seconds.
new_node_answers:
  salt.function:
    - name: test.ping
    - tgt: {{ [new_node] | tojson }}
    - tgt_type: list
    - retry:
        attempts: 10
        interval: 3
{% if plan.generation is not defined %}
    - require:
      - salt: accept_new_node
{% endif %}
    - require_in:
      - salt: update_new_node

# The others learn of it through the mine.
refresh_mine:
  salt.function:
    - name: mine.update
{% if plan.generation is defined %}
    - tgt: {{ plan['nodes'].values() | sum(start=[]) | sort | tojson }}
    - tgt_type: list
{% else %}
    - tgt: '*'
{% endif %}
    - require:
      - salt: new_node_answers
{% endif %}
