# Storage operations of a node: their configuration, the check of their thresholds, and the monitor.
#
# Inputs, all in pillar['eos']: see storage.config and storage.monitor.
include:
  - storage.thresholds
  - storage.config
  - storage.monitor
