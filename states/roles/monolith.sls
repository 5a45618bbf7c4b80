# The only node of a cluster: it keeps the data of every role.
#
# Inputs: pillar['eos']['root'], and those of storage.config and storage.monitor.
{% set root = pillar['eos']['root'] %}
include:
  - storage

# Dumps of registries and databases: important data, kept for retention.backups. They hold secrets.
core_backups_directory:
  file.directory:
    - name: {{ (root ~ '/var/backups/eos') | tojson }}
    - mode: '0700'
    - makedirs: True

# Bulk data: critical, so that no level of the storage monitor ever touches it.
data_directory:
  file.directory:
    - name: {{ (root ~ '/srv/eos') | tojson }}
    - mode: '0750'
    - makedirs: True

# What proxies can fetch again: expendable, so it goes first when space is short.
edge_cache_directory:
  file.directory:
    - name: {{ (root ~ '/var/cache/eos/edge') | tojson }}
    - mode: '0750'
    - makedirs: True

# Work in progress of any user's job: expendable, kept for retention.cache.
compute_scratch_directory:
  file.directory:
    - name: {{ (root ~ '/var/cache/eos/scratch') | tojson }}
    - mode: '1777'
    - makedirs: True
