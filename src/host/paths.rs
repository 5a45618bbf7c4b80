//! Every path that eos reads or writes, relative to the root.

/// Configuration written by people and by bootstrap.
pub const ETC: &str = "etc/eos";
/// The cluster configuration.
pub const CLUSTER_CONFIG: &str = "etc/eos/cluster.yaml";
/// Drop-ins that override the cluster configuration, in the order of their names.
pub const CLUSTER_CONFIG_DROP_INS: &str = "etc/eos/cluster.yaml.d";
/// What the storage monitor does on this node.
pub const STORAGE_OPS: &str = "etc/eos/storage-ops.yaml";
/// Service units.
pub const UNITS: &str = "etc/systemd/system";
/// State that survives a reboot.
pub const STATE: &str = "var/lib/eos";
/// Keys and certificates of this node.
pub const IDENTITY: &str = "var/lib/eos/identity";
/// What the master remembers; owned by the user `eos` under the host's own service manager.
pub const MASTER: &str = "var/lib/eos/master";
/// The key of the cluster's certificate authority.
pub const AUTHORITY_KEY: &str = "var/lib/eos/master/authority.key";
/// The certificate of the cluster's certificate authority.
pub const AUTHORITY_CERTIFICATE: &str = "var/lib/eos/master/authority.crt";
/// The key of the master's own certificate.
pub const SERVER_KEY: &str = "var/lib/eos/master/server.key";
/// The node's key.
pub const NODE_KEY: &str = "var/lib/eos/identity/node.key";
/// The node's certificate.
pub const NODE_CERTIFICATE: &str = "var/lib/eos/identity/node.crt";
/// On which machine the node got its identity.
pub const MACHINE: &str = "var/lib/eos/machine.json";
/// The certificate of the authority that this node trusts.
pub const TRUSTED_AUTHORITY: &str = "var/lib/eos/identity/authority.crt";
/// The operator's key, on the master's host only.
pub const ADMIN_KEY: &str = "var/lib/eos/identity/admin.key";
/// The operator's certificate, on the master's host only.
pub const ADMIN_CERTIFICATE: &str = "var/lib/eos/identity/admin.crt";
/// The cluster's registry.
pub const REGISTRY: &str = "var/lib/eos/master/registry.db";
/// The hash-chained audit log.
pub const AUDIT: &str = "var/lib/eos/master/audit.jsonl";
/// Snapshots of the cluster's own state that the master hands out.
pub const MASTER_SNAPSHOTS: &str = "var/lib/eos/master/snapshots";
/// The states tree of the cluster.
pub const CLUSTER_STATES: &str = "var/lib/eos/cluster/states";
/// Records of captures that run, and what captures did.
pub const CAPTURES: &str = "var/lib/eos/snapshots/captures";
/// Snapshots that this node holds.
pub const SNAPSHOTS: &str = "var/lib/eos/snapshots";
/// Journals of restores, and what was restored last.
pub const RESTORES: &str = "var/lib/eos/restores";
/// The cluster's own state as last pulled by this node: states, templates, registry, configuration.
pub const CLUSTER_STATE: &str = "var/lib/eos/cluster";
/// What this node knows of its membership.
pub const MEMBERSHIP: &str = "var/lib/eos/membership.json";
/// What this machine stands by in an election of a founder.
pub const ELECTION: &str = "var/lib/eos/election.json";
/// Saga journals.
pub const JOURNAL: &str = "var/lib/eos/journal";
/// Checkpoints of sagas.
pub const CHECKPOINTS: &str = "var/lib/eos/checkpoints";
/// What eos created or replaced on this machine.
pub const LEDGER: &str = "var/lib/eos/manifest.json";
/// Logs of services that no service manager keeps.
pub const LOGS: &str = "var/lib/eos/log";
/// What a Salt master's pillar says of the nodes, on the master's host only.
pub const SALT_PILLAR: &str = "var/lib/eos/salt-pillar";
/// The modules of a minion by which it takes what eos assigns, and what Python makes of them.
pub const MINION_MODULES: &str = "var/lib/eos/salt-minion";
/// What a minion is told by eos.
pub const MINION_CONFIG: &str = "etc/salt/minion.d/eos.conf";
/// What a run of an orchestration by Salt works with; it goes with the run.
pub const SALT_RUN: &str = "run/eos/salt-run";
/// State that does not survive a reboot.
pub const RUN: &str = "run/eos";
/// What the storage monitor found last.
pub const MONITOR_STATUS: &str = "run/eos/storage-monitor.json";
/// What the agent did for the storage monitor, and which services it stopped.
pub const STORAGE_ERRANDS: &str = "run/eos/storage-errands.json";
/// When a person took the wall clock for right in this boot.
pub const CLOCK_ACCEPTED: &str = "run/eos/storage-clock.json";
/// When this node was last up with a clock that was taken for right.
pub const LAST_SEEN: &str = "var/lib/eos/log/storage-clock.json";
/// Since when the agent has been without its master.
pub const MASTER_CONTACT: &str = "run/eos/master-contact.json";
/// What became of the bootstrap that cloud-init ran in this boot.
pub const BOOTSTRAP_STATUS: &str = "run/eos/status.json";
/// What the agent has the unit apply that does so for it.
pub const ORDER: &str = "run/eos/order.json";
/// What came of that.
pub const ANSWER: &str = "run/eos/answer.json";
/// The states tree that an installation ships.
pub const SHARED_STATES: &str = "usr/local/share/eos/states";
