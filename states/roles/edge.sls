# An entrance of the cluster: proxies and discovery, with caches and logs and no data of its own.
#
# Inputs: pillar['eos']['root'], and those of storage and roles.settings. What the role means for them: storage/map.jinja.
{% set root = pillar['eos']['root'] %}
include:
  - storage
  - roles.settings

# What proxies can fetch again: expendable, so it goes first when space is short.
edge_cache_directory:
  file.directory:
    - name: {{ (root ~ '/var/cache/eos/edge') | tojson }}
    - mode: '0750'
    - makedirs: True
