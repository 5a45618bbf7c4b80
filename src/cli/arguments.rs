//! What may stand on the command line.

use crate::cli::{
    audit, bootstrap, checkpoint, cloud_init, config, discover, identity, node, preflight, reset, role,
    snapshot, state, status, storage, token,
};
use crate::view::{Format, Output};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::IsTerminal;
use std::path::PathBuf;

/// Turns a fresh Linux machine into a working member of a storage cluster
#[derive(Debug, Parser)]
#[command(name = "eos", version, max_term_width = 100, propagate_version = false)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Directory under which every path lies that eos reads or writes
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/",
        env = "EOS_ROOT",
        hide_env_values = true
    )]
    pub root: PathBuf,
    /// How results are printed; json ends with one verdict object
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,
    /// How logs are printed
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text)]
    pub log_format: OutputFormat,
    /// Says more; twice: everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When output is coloured; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// The cluster configuration
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Global {
    /// The root as texts name it. It is leaked, so that how to print can be copied: once or twice a process.
    fn absolute_root(&self) -> &'static str {
        let path = std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone());
        Box::leak(path.display().to_string().into_boxed_str())
    }

    /// How to print.
    pub fn output(&self) -> Output {
        let terminal = std::io::stderr().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && std::io::stdout().is_terminal() && !plain,
        };
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        Output {
            format: if self.output == OutputFormat::Json { Format::Json } else { Format::Text },
            color,
            width: columns.unwrap_or(100),
            terminal,
            root: self.absolute_root(),
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make this machine the first node of a cluster, or a member of one
    Bootstrap(bootstrap::BootstrapArguments),
    /// Check whether this machine can become a node, and change nothing
    Preflight(preflight::PreflightArguments),
    /// Show this node and its cluster
    Status(status::StatusArguments),
    /// Show the clusters that answer on the networks of this machine
    Discover(discover::DiscoverArguments),
    /// Return to the state before a checkpoint
    Rollback(checkpoint::RollbackArguments),
    /// Take this machine out of its cluster and remove what eos put on it
    Reset(reset::ResetArguments),
    /// Tell cause and remedy of an error code
    Explain {
        /// The code, EOS-J007
        code: String,
    },
    /// User data with which machines become nodes at their first boot
    #[command(subcommand)]
    CloudInit(cloud_init::CloudInitCommand),
    /// Nodes of the cluster
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Who this machine is in its cluster
    #[command(subcommand)]
    Identity(identity::IdentityCommand),
    /// Join tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Roles of nodes
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// Checkpoints of this node
    #[command(subcommand)]
    Checkpoint(checkpoint::CheckpointCommand),
    /// Snapshots of the cluster's own state
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// States of this node's role
    #[command(subcommand)]
    State(state::StateCommand),
    /// Storage operations of this node
    #[command(subcommand)]
    Storage(storage::StorageCommand),
    /// The audit log of the cluster
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The configuration in force
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Run the master in the foreground
    Master,
    /// Run the agent in the foreground
    Agent,
    /// Keep one service running where there is no service manager
    #[command(hide = true)]
    Supervise {
        /// The service
        #[arg(long)]
        unit: String,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory
    Man {
        /// The directory
        directory: PathBuf,
    },
}

impl Command {
    /// Whether it carries out a saga, which the first Ctrl-C asks to stop and to be undone.
    pub fn undoes_on_interrupt(&self) -> bool {
        match self {
            Self::Bootstrap(_) | Self::Rollback(_) | Self::Reset(_) => true,
            Self::Identity(command) => command.changes(),
            Self::State(command) => command.changes(),
            Self::Snapshot(command) => command.undoes_on_interrupt(),
            _ => false,
        }
    }

    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bootstrap(_) => "bootstrap",
            Self::Preflight(_) => "preflight",
            Self::Status(_) => "status",
            Self::Discover(_) => "discover",
            Self::Rollback(_) => "rollback",
            Self::Reset(_) => "reset",
            Self::Explain { .. } => "explain",
            Self::CloudInit(command) => command.name(),
            Self::Node(command) => command.name(),
            Self::Identity(command) => command.name(),
            Self::Token(command) => command.name(),
            Self::Role(command) => command.name(),
            Self::Checkpoint(command) => command.name(),
            Self::Snapshot(command) => command.name(),
            Self::State(command) => command.name(),
            Self::Storage(command) => command.name(),
            Self::Audit(command) => command.name(),
            Self::Config(command) => command.name(),
            Self::Master => "master",
            Self::Agent => "agent",
            Self::Supervise { .. } => "supervise",
            Self::Completions { .. } => "completions",
            Self::Man { .. } => "man",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undoes(line: &str) -> bool {
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("it parses");
        arguments.command.undoes_on_interrupt()
    }

    #[test]
    fn commands_with_a_saga_undo_it_when_they_are_interrupted() {
        for line in ["eos bootstrap --single-node", "eos rollback", "eos reset", "eos state apply"] {
            assert!(undoes(line), "{line}");
        }
        for line in ["eos state apply --test", "eos state show", "eos status"] {
            assert!(!undoes(line), "{line}");
        }
    }
}
