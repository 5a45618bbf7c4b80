# Writes storage-ops.yaml, which tells the storage monitor of this node what to watch and what to do.
#
# Inputs, all in pillar['eos']: those of storage/map.jinja, which has the defaults of each role, and
#   role, scale       what the node is for, and how large its cluster is
#   root              '' or an absolute path without a slash at its end: everything lies below it
#   mode              observe (report only) or act
#   interval_seconds  seconds between two looks
{% from 'storage/map.jinja' import storage with context %}
{% set eos = pillar['eos'] %}

eos_configuration_directory:
  file.directory:
    - name: {{ (eos['root'] ~ '/etc/eos') | tojson }}
    - mode: '0755'
    - makedirs: True

# Everyone may read it: `eos status` of an ordinary user tells the thresholds. With a webhook nobody else may,
# because its address may be all that it takes to write there; then its changes are not shown either.
storage_ops_configuration:
  file.managed:
    - name: {{ (eos['root'] ~ '/etc/eos/storage-ops.yaml') | tojson }}
    - source: salt://storage/files/storage-ops.yaml.jinja
    - template: jinja
{% if 'webhook' in storage['notify'] %}
    - mode: '0600'
    - show_changes: False
{% else %}
    - mode: '0644'
{% endif %}
    - context:
        role: {{ eos['role'] | tojson }}
        scale: {{ eos['scale'] | tojson }}
        mode: {{ eos['mode'] | tojson }}
        interval_seconds: {{ eos['interval_seconds'] | tojson }}
        mounts: {{ storage['mounts'] | tojson }}
        thresholds: {{ storage['thresholds'] | tojson }}
        retention: {{ storage['retention'] | tojson }}
        classes: {{ storage['classes'] | tojson }}
        actions: {{ storage['actions'] | tojson }}
        services: {{ storage['services'] | tojson }}
        notify: {{ storage['notify'] | tojson }}
        budget: {{ storage['budget'] | tojson }}
    - require:
      - file: eos_configuration_directory
