# Admits a node and gives every node what its arrival changes; runs on the master:
#
#   salt-run state.orchestrate orchestration.node_addition pillar='{"eos": {"plan": {...}}}'
#
# Input: pillar['eos']['plan'] as in orchestration.role_update, with new_node.
{% set new_node = pillar['eos']['plan']['new_node'] %}
include:
  - orchestration.role_update

# Under eos the node has been let in and has confirmed: there is nothing left to decide.
accept_new_node:
  salt.wheel:
    - name: key.accept
    - match: {{ new_node | tojson }}

# A node that was waiting for its acceptance asks again after some seconds.
new_node_answers:
  salt.function:
    - name: test.ping
    - tgt: {{ [new_node] | tojson }}
    - tgt_type: list
    - retry:
        attempts: 10
        interval: 3
    - require:
      - salt: accept_new_node
    - require_in:
      - salt: update_new_node

# The others learn of it through the mine.
refresh_mine:
  salt.function:
    - name: mine.update
    - tgt: '*'
    - require:
      - salt: new_node_answers
