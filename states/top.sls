# What every node gets: the state of its role, which includes the storage operations.
#
# Input: pillar['eos']['role'] (monolith, edge, core, data or compute).
base:
  '*':
    - roles.{{ pillar['eos']['role'] }}
