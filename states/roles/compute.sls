# Work that needs processors and memory, and keeps nothing.
#
# Inputs: pillar['eos']['root'], and those of storage.config and storage.monitor.
{% set root = pillar['eos']['root'] %}
include:
  - storage

# Work in progress of any user's job: expendable, kept for retention.cache.
compute_scratch_directory:
  file.directory:
    - name: {{ (root ~ '/var/cache/eos/scratch') | tojson }}
    - mode: '1777'
    - makedirs: True
