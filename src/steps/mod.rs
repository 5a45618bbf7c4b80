//! The steps of eos's sagas, one file each, and the lists that make up a bootstrap (tier 3).

pub mod apply_states;
pub mod apply_task;
pub mod confirm;
pub mod contact;
pub mod create_account;
pub mod create_directories;
pub mod create_identity;
pub mod decision;
pub mod env;
pub mod error;
pub mod executor;
#[cfg(test)]
pub(crate) mod fixture;
pub mod found_cluster;
pub mod halted;
pub mod install_states;
pub mod install_units;
pub mod join_salt;
pub mod minion_error;
pub mod operator;
pub mod pull_snapshot;
pub mod refresh_units;
pub mod register;
pub mod registration;
pub mod renewal;
pub mod report;
pub mod restore_sources;
pub mod restoring;
pub mod salt_call;
pub mod serve_salt;
pub mod settings;
pub mod sources;
pub mod start_service;
pub mod states_tree;
pub mod touches;
pub mod tried;
pub mod trust_authority;
pub mod trusted;
pub mod verify_health;
pub mod write_configuration;

pub use decision::{Decision, Kind};
pub use env::Env;
pub use error::StepFailure;

use crate::saga::step::Step;

/// A step of eos.
pub type AnyStep = Box<dyn Step<Env>>;

/// The steps of a decision, in their order.
pub fn of(decision: &Decision) -> Vec<AnyStep> {
    match decision.kind {
        Kind::FirstNode => first_node(decision),
        Kind::Join => join(decision),
    }
}

fn first_node(decision: &Decision) -> Vec<AnyStep> {
    let mut steps: Vec<AnyStep> = Vec::new();
    if decision.account {
        steps.push(Box::new(create_account::CreateAccount));
    }
    steps.push(Box::new(create_directories::CreateDirectories { master: true }));
    steps.push(Box::new(create_identity::CreateIdentity));
    steps.push(Box::new(write_configuration::WriteConfiguration::new(decision)));
    steps.push(Box::new(install_states::InstallStates));
    steps.push(Box::new(found_cluster::FoundCluster::new(decision)));
    if let Some(directory) = decision.config.states.salt_master() {
        steps.push(Box::new(serve_salt::ServeSalt::new(directory)));
    }
    steps.push(Box::new(install_units::InstallUnits::new(decision)));
    steps.push(Box::new(start_service::StartService::MASTER));
    steps.push(Box::new(apply_states::ApplyStates::bootstrap(decision)));
    steps.push(Box::new(start_service::StartService::AGENT));
    if decision.config.states.salt_master().is_some() {
        steps.push(Box::new(join_salt::JoinSalt::new(decision)));
    }
    steps.push(Box::new(verify_health::VerifyHealth { master: true }));
    steps.push(Box::new(confirm::Confirm));
    steps
}

fn join(decision: &Decision) -> Vec<AnyStep> {
    let mut steps: Vec<AnyStep> = vec![
        Box::new(create_directories::CreateDirectories { master: false }),
        Box::new(create_identity::CreateIdentity),
        Box::new(trust_authority::TrustAuthority::new(decision)),
        Box::new(register::Register::new(decision)),
        Box::new(write_configuration::WriteConfiguration::new(decision)),
        Box::new(pull_snapshot::PullSnapshot::new(decision)),
        Box::new(restore_sources::RestoreSources::new(decision)),
        Box::new(install_units::InstallUnits::new(decision)),
        Box::new(apply_states::ApplyStates::bootstrap(decision)),
        Box::new(start_service::StartService::AGENT),
    ];
    // Whether the cluster has a Salt master, only its master knows.
    if decision.config.states.salt_call().is_some() {
        steps.push(Box::new(join_salt::JoinSalt::new(decision)));
    }
    steps.push(Box::new(verify_health::VerifyHealth { master: false }));
    steps.push(Box::new(confirm::Confirm));
    steps
}
