# Bulk data.
#
# Inputs: pillar['eos']['root'], and those of storage and roles.settings. What the role means for them: storage/map.jinja.
{% set root = pillar['eos']['root'] %}
include:
  - storage
  - roles.settings

# Bulk data: critical, so that no level of the storage monitor ever touches it.
data_directory:
  file.directory:
    - name: {{ (root ~ '/srv/eos') | tojson }}
    - mode: '0750'
    - makedirs: True
