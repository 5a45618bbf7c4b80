# Refuses thresholds that do not ascend, before they are written: with them a node would delete data before it
# has reported that space is short.
#
# Inputs: those of storage/map.jinja (and of storage.config, which it brings up to date).
{% from 'storage/map.jinja' import storage with context %}
{% set limits = storage['thresholds'] %}
include:
  - storage.config

storage_thresholds_ascend:
{% if 0 < limits['warning'] and limits['warning'] < limits['compress'] and limits['compress'] < limits['cleanup']
      and limits['cleanup'] < limits['degraded'] and limits['degraded'] < limits['emergency']
      and limits['emergency'] < limits['critical'] and limits['critical'] <= 100 %}
  test.succeed_without_changes:
    - name: storage thresholds ascend
{% else %}
  test.fail_without_changes:
    - name: storage thresholds do not ascend from warning to critical
{% endif %}
    - require_in:
      - file: storage_ops_configuration
