//! One value of every error of the package, by the file whose error it is.

use crate::host::command::CommandError;
use crate::host::files::FileError;
use crate::model::explain::{Code, Exit, Explain, Failure};

/// The file that gives a code without an error type: a panic is no value until it is printed.
pub const PANIC: &str = "src/cli/panic.rs";

/// What the command line makes of a panic.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
struct Panicked(Failure);

impl Explain for Panicked {
    fn code(&self) -> Code {
        assert_eq!(self.0.code, "EOS-U001");
        Code("U001")
    }

    fn exit(&self) -> Exit {
        if self.0.exit == Exit::Stuck as u8 { Exit::Stuck } else { Exit::Failed }
    }

    fn hints(&self) -> Vec<String> {
        self.0.hints.clone()
    }
}

/// The errors of one file.
pub struct Group {
    /// The file that implements `Explain` for them.
    pub file: &'static str,
    /// One value of every variant.
    pub errors: Vec<Box<dyn Explain>>,
}

fn of<E: Explain>(file: &'static str, errors: Vec<E>) -> Group {
    Group { file, errors: errors.into_iter().map(|error| Box::new(error) as _).collect() }
}

/// Every error of the package. A new error type is added here; a test finds the ones that are not.
pub fn all() -> Vec<Group> {
    [model_and_files(), host(), state(), snapshots(), edge()].into_iter().flatten().collect()
}

fn model_and_files() -> Vec<Group> {
    vec![
        of("src/model/yaml.rs", crate::model::yaml::tests::samples()),
        of("src/model/layers/endpoint.rs", crate::model::layers::endpoint::samples()),
        of("src/model/layers/error.rs", crate::model::layers::error::samples()),
        of("src/roles/error.rs", crate::roles::error::samples()),
        of("src/orchestration/error.rs", crate::orchestration::error::samples()),
        of("src/sls/error.rs", crate::sls::error::samples()),
        of("src/storage/config/error.rs", crate::storage::ConfigError::samples()),
        of("src/storage/errand.rs", crate::storage::errand::ErrandsError::samples()),
        of("src/storage/status.rs", crate::storage::status::StatusError::samples()),
    ]
}

fn host() -> Vec<Group> {
    vec![
        of("src/host/files.rs", vec![file()]),
        of("src/host/command.rs", commands()),
        of("src/host/accounts.rs", crate::host::accounts::AccountError::samples()),
        of("src/host/directory/error.rs", crate::host::directory::samples()),
        of("src/host/facts.rs", crate::host::facts::samples()),
        of("src/host/packages.rs", crate::host::packages::PackageError::samples()),
        of("src/host/notify.rs", crate::host::notify::NotifyError::samples()),
        of("src/host/routes.rs", crate::host::routes::samples()),
        of("src/host/services/error.rs", crate::host::services::ServiceError::samples()),
        of("src/host/services/unit_error.rs", crate::host::services::unit::UnitError::samples()),
        of("src/host/sweep/mod.rs", crate::host::sweep::SweepError::samples()),
        of("src/telemetry/error.rs", crate::telemetry::samples()),
        of("src/discovery/error.rs", crate::discovery::error::samples()),
    ]
}

fn state() -> Vec<Group> {
    // An error of reqwest comes only out of a client, and a client wants a provider of cryptography.
    // That another test was first does no harm.
    drop(rustls::crypto::ring::default_provider().install_default());
    vec![
        of("src/client/webhook.rs", crate::client::WebhookError::samples()),
        of("src/client/error.rs", crate::client::error::samples()),
        of("src/identity/error.rs", crate::identity::error::samples()),
        of("src/journal/error.rs", crate::journal::error::samples()),
        of("src/journal/lock.rs", crate::journal::lock::samples()),
        of("src/preflight/address.rs", crate::preflight::address::samples()),
        of("src/preflight/error.rs", crate::preflight::error::samples()),
        of("src/registry/mod.rs", crate::registry::samples()),
        of("src/saga/error.rs", crate::saga::error::samples()),
    ]
}

fn snapshots() -> Vec<Group> {
    vec![
        of("src/serving/error.rs", crate::serving::samples()),
        of("src/snapshot/area.rs", crate::snapshot::area::samples()),
        of("src/snapshot/assemble/error.rs", crate::snapshot::assemble::samples()),
        of("src/snapshot/capture/error.rs", crate::snapshot::capture::samples()),
        of("src/snapshot/create/error.rs", crate::snapshot::create::samples()),
        of("src/snapshot/fetch/error.rs", crate::snapshot::fetch::samples()),
        of("src/snapshot/manifest/error.rs", crate::snapshot::manifest::samples()),
        of("src/snapshot/restore/error.rs", crate::snapshot::restore::samples()),
        of("src/snapshot/store/error.rs", crate::snapshot::store::samples()),
        of("src/snapshot/tarball/error.rs", crate::snapshot::tarball::samples()),
        of("src/snapshot/unpack/error.rs", crate::snapshot::unpack::samples()),
    ]
}

fn edge() -> Vec<Group> {
    vec![
        of("src/agent/error.rs", crate::agent::error::samples()),
        of("src/agent/salt/error.rs", crate::agent::salt::samples()),
        of("src/agent/monitor/error.rs", crate::agent::monitor::MonitorError::samples()),
        of("src/cli/catalogue.rs", crate::cli::catalogue::samples()),
        of("src/cli/bootstrap/error.rs", crate::cli::bootstrap::samples()),
        of("src/cli/snapshot/pull/error.rs", crate::cli::snapshot::pull::samples()),
        of("src/cli/snapshot/restore/error.rs", crate::cli::snapshot::restore::samples()),
        of("src/cli/error.rs", crate::cli::error::samples()),
        of(PANIC, crate::cli::panic::samples().into_iter().map(Panicked).collect()),
        of("src/master/error.rs", crate::master::error::samples()),
        of("src/steps/error.rs", crate::steps::error::samples()),
        of("src/steps/minion_error.rs", crate::steps::minion_error::samples()),
    ]
}

fn file() -> FileError {
    FileError::new("read", "/etc/eos/cluster.yaml", std::io::Error::from_raw_os_error(5))
}

fn commands() -> Vec<CommandError> {
    vec![
        CommandError::Start { program: "useradd".to_owned(), source: std::io::Error::from_raw_os_error(2) },
        CommandError::TooSlow { program: "useradd".to_owned(), seconds: 30 },
        CommandError::Failed {
            program: "useradd --system eos".to_owned(),
            status: 4,
            last_line: "useradd: UID 999 is not unique".to_owned(),
        },
    ]
}
