# Runs the storage monitor, and restarts it when its unit or its configuration changes.
#
# Inputs, all in pillar['eos']: root as in storage.config, those of storage/map.jinja, and
#   binary    absolute path of the eos program
#   services  optional, true unless said otherwise: whether to run the service (false while an image is built)
{% from 'storage/map.jinja' import storage with context %}
{% set eos = pillar['eos'] %}
include:
  - storage.config

storage_monitor_unit:
  file.managed:
    - name: {{ (eos['root'] ~ '/etc/systemd/system/eos-storage-monitor.service') | tojson }}
    - source: salt://storage/files/storage-monitor.service
    - template: jinja
    - mode: '0644'
    - makedirs: True
    - context:
        binary: {{ eos['binary'] | tojson }}
        root: {{ eos['root'] | tojson }}
        writable: {{ (storage['classes']['standard'] + storage['classes']['expendable']) | tojson }}

# Where the monitor reports. Its unit makes it under systemd; a supervisor of plain processes does not.
storage_monitor_state_directory:
  file.directory:
    - name: {{ (eos['root'] ~ '/run/eos') | tojson }}
    - mode: '0755'
    - makedirs: True

# The unit may write only to directories that are there when it starts. Of one that is there already, mode and owner
# stay as they are.
storage_cache_directory:
  file.directory:
    - name: {{ (eos['root'] ~ '/var/cache/eos') | tojson }}
    - mode: '0755'
    - makedirs: True
{% for path in storage['classes']['expendable'] if path != '/var/cache/eos' %}

storage_expendable_directory_{{ loop.index }}:
  file.directory:
    - name: {{ (eos['root'] ~ path) | tojson }}
    - makedirs: True
{% endfor %}
{% if eos.get('services', True) %}

storage_monitor_service:
  service.running:
    - name: eos-storage-monitor
    - enable: True
    - require:
      - file: storage_monitor_state_directory
      - file: storage_cache_directory
{% for path in storage['classes']['expendable'] if path != '/var/cache/eos' %}
      - file: storage_expendable_directory_{{ loop.index }}
{% endfor %}
    - watch:
      - file: storage_monitor_unit
      - file: storage_ops_configuration
{% endif %}
