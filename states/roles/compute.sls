# Work that needs processors and memory, and keeps nothing.
#
# Inputs: pillar['eos']['root'], and those of storage and roles.settings. What the role means for them: storage/map.jinja.
{% set root = pillar['eos']['root'] %}
include:
  - storage
  - roles.settings

# Work in progress of any user's job: expendable, kept for retention.cache.
compute_scratch_directory:
  file.directory:
    - name: {{ (root ~ '/var/cache/eos/scratch') | tojson }}
    - mode: '1777'
    - makedirs: True
