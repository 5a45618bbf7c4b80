# The only node of a cluster: it keeps the data of every role, and so gets the state of each. What it may do when
# space is short is what every role can do without: storage/map.jinja has it.
#
# Inputs: those of the roles.
include:
  - roles.edge
  - roles.core
  - roles.data
  - roles.compute
