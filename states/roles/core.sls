# Core services: registry, queues and databases, and so the place of their backups.
#
# Inputs: pillar['eos']['root'], and those of storage and roles.settings. What the role means for them: storage/map.jinja.
{% set root = pillar['eos']['root'] %}
include:
  - storage
  - roles.settings

# Dumps of registries and databases: important data, kept for retention.backups. They hold secrets.
core_backups_directory:
  file.directory:
    - name: {{ (root ~ '/var/backups/eos') | tojson }}
    - mode: '0700'
    - makedirs: True
