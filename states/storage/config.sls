# Writes storage-ops.yaml, which tells the storage monitor of this node what to watch and what to do.
#
# Inputs, all in pillar['eos']:
#   role, scale       what the node is for, and how large its cluster is
#   root              '' or an absolute path without a slash at its end: everything lies below it
#   mode              observe (report only) or act
#   interval_seconds  seconds between two looks
#   mounts            list of mount points to watch
#   thresholds        warning, compress, cleanup, degraded, emergency, critical: percent used, ascending
#   retention         logs, backups, cache: days
#   classes           optional, see storage/map.jinja
{% from 'storage/map.jinja' import critical, important, standard, expendable with context %}
{% set eos = pillar['eos'] %}

eos_configuration_directory:
  file.directory:
    - name: {{ (eos['root'] ~ '/etc/eos') | tojson }}
    - mode: '0755'
    - makedirs: True

# Everyone may read it: it holds no secret, and `eos status` of an ordinary user tells the thresholds.
storage_ops_configuration:
  file.managed:
    - name: {{ (eos['root'] ~ '/etc/eos/storage-ops.yaml') | tojson }}
    - source: salt://storage/files/storage-ops.yaml.jinja
    - template: jinja
    - mode: '0644'
    - context:
        role: {{ eos['role'] | tojson }}
        scale: {{ eos['scale'] | tojson }}
        mode: {{ eos['mode'] | tojson }}
        interval_seconds: {{ eos['interval_seconds'] | tojson }}
        mounts: {{ eos['mounts'] | tojson }}
        thresholds: {{ eos['thresholds'] | tojson }}
        retention: {{ eos['retention'] | tojson }}
        classes: {{ {'critical': critical, 'important': important, 'standard': standard, 'expendable': expendable} | tojson }}
    - require:
      - file: eos_configuration_directory
