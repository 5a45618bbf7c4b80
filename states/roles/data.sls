# Bulk data.
#
# Inputs: pillar['eos']['root'], and those of storage.config and storage.monitor.
{% set root = pillar['eos']['root'] %}
include:
  - storage

# Bulk data: critical, so that no level of the storage monitor ever touches it.
data_directory:
  file.directory:
    - name: {{ (root ~ '/srv/eos') | tojson }}
    - mode: '0750'
    - makedirs: True
