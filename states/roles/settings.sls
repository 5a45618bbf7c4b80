# Kernel settings and limits of sessions that a role needs. One file for each, whatever the role: it goes with the
# last role that needs it, and holds nothing of a role that the node had before.
#
# Inputs, in pillar['eos']: root, those of storage/map.jinja, and optionally services as in storage.monitor.
{% from 'storage/map.jinja' import storage with context %}
{% set eos = pillar['eos'] %}

# An agent without eos-apply.service may write only to directories that are there when it starts, and the next role may
# need them.
role_kernel_directory:
  file.directory:
    - name: {{ (eos['root'] ~ '/etc/sysctl.d') | tojson }}
    - makedirs: True

role_limits_directory:
  file.directory:
    - name: {{ (eos['root'] ~ '/etc/security/limits.d') | tojson }}
    - makedirs: True

role_kernel_settings:
{% if storage['sysctl'] %}
  file.managed:
    - name: {{ (eos['root'] ~ '/etc/sysctl.d/60-eos.conf') | tojson }}
    - mode: '0644'
    - contents:
      - '# Kernel settings of the role of this node, written by eos; applied by systemd-sysctl at each boot.'
      - '# Change them in /etc/eos/cluster.yaml (storage.sysctl); what is changed here is replaced.'
{% for name, value in storage['sysctl'] %}
      - {{ (name ~ ' = ' ~ value) | tojson }}
{% endfor %}
    - require:
      - file: role_kernel_directory
{% else %}
  file.absent:
    - name: {{ (eos['root'] ~ '/etc/sysctl.d/60-eos.conf') | tojson }}
{% endif %}
{% if eos['root'] == '' and eos.get('services', True) %}

# At once, by whom the machine has for it. Not without systemd, and not in a container: the
# kernel there is the host's. Nor where systemd-sysctl failed at boot over a file of somebody else. Of what
# is taken away, eos returns the value from before.
role_kernel_settings_in_force:
  cmd.run:
    - name: systemctl restart systemd-sysctl.service
    - onlyif:
      - test -d /run/systemd/system
      - '! systemd-detect-virt --quiet --container'
      - '! systemctl is-failed --quiet systemd-sysctl.service'
    - onchanges:
      - file: role_kernel_settings
{% endif %}

# Of every session that begins from then on, by PAM.
role_limits:
{% if storage['limits'] %}
  file.managed:
    - name: {{ (eos['root'] ~ '/etc/security/limits.d/60-eos.conf') | tojson }}
    - mode: '0644'
    - contents:
      - '# Limits of the role of this node, written by eos; applied by pam_limits to each new session.'
      - '# Change them in /etc/eos/cluster.yaml (storage.limits); what is changed here is replaced.'
{% for limit in storage['limits'] %}
      - {{ limit | tojson }}
{% endfor %}
    - require:
      - file: role_limits_directory
{% else %}
  file.absent:
    - name: {{ (eos['root'] ~ '/etc/security/limits.d/60-eos.conf') | tojson }}
{% endif %}
