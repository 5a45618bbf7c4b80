//! What every command works with: root, output, configuration, runtime, interruption.

use crate::cli::arguments::{Command, Global, OutputFormat};
use crate::cli::error::CliError;
use crate::client::MasterClient;
use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::{self, Services};
use crate::host::threads;
use crate::identity::membership::Membership;
use crate::model::explain::{Exit, Explain, Failure};
use crate::model::layers::{self, ConfigFile, FlagValue, Layers, Resolved};
use crate::steps::env;
use crate::telemetry;
use crate::view;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

/// The context of a command.
pub struct Context {
    /// The root.
    pub root: Root,
    /// How to print.
    pub output: view::Output,
    /// How much to say.
    pub verbose: u8,
    /// Set when the operator interrupts.
    pub interrupted: Arc<AtomicBool>,
    config: Option<PathBuf>,
    runtime: Runtime,
    telemetry: RefCell<Option<telemetry::Guard>>,
}

/// For `map_err`: any explained error for printing.
pub fn failure<E: Explain>(error: E) -> Failure {
    Failure::of(&error)
}

/// The environment as pairs of text; what is not UTF-8 is nobody's configuration.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl Context {
    /// Starts logging, the runtime and the watch for Ctrl-C.
    ///
    /// # Errors
    /// When the root cannot be named or threads cannot be started.
    pub fn new(global: &Global, command: &Command) -> Result<Self, Failure> {
        let undoes = command.undoes_on_interrupt();
        let command = command.name();
        let path = global.root.display().to_string();
        let root = Root::new(&global.root).map_err(|source| failure(CliError::Root { path, source }))?;
        let daemon = matches!(command, "master" | "agent" | "storage monitor");
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let workers = if command == "master" { 2 } else { 1 };
        builder.worker_threads(workers).enable_all();
        let runtime = threads::probe(workers).and_then(|()| builder.build());
        let runtime = runtime.map_err(|error| failure(CliError::Runtime(error)))?;
        let interrupted = Arc::new(AtomicBool::new(false));
        if !daemon {
            watch_for_interrupts(&runtime, interrupted.clone(), global.output(), command, undoes);
        }
        let context = Self {
            root,
            output: global.output(),
            verbose: global.verbose,
            interrupted,
            config: global.config.clone(),
            runtime,
            telemetry: RefCell::new(None),
        };
        context.start_telemetry(global, command, daemon)?;
        Ok(context)
    }

    fn start_telemetry(&self, global: &Global, command: &'static str, daemon: bool) -> Result<(), Failure> {
        let service = match command {
            "master" => "eos-master",
            "agent" => "eos-agent",
            "storage monitor" => "eos-storage-monitor",
            _ => "eos",
        };
        let endpoint = match self.resolve(Vec::new()) {
            Ok(resolved) => resolved.config.telemetry.otlp_endpoint,
            // The command itself reads the configuration again and reports what is wrong with it.
            Err(_) => None,
        };
        let settings = telemetry::Settings {
            service,
            log_format: match global.log_format {
                OutputFormat::Text => telemetry::LogFormat::Text,
                OutputFormat::Json => telemetry::LogFormat::Json,
            },
            verbosity: global.verbose,
            filter: std::env::var("EOS_LOG").ok(),
            color: self.output.color,
            journald: daemon && std::env::var_os("JOURNAL_STREAM").is_some(),
            otlp_endpoint: endpoint,
            quiet: !daemon,
        };
        let _entered = self.runtime.enter();
        let guard = telemetry::start(&settings).map_err(failure)?;
        self.telemetry.replace(Some(guard));
        Ok(())
    }

    /// The configuration file that was named, if one was.
    pub fn configuration(&self) -> Option<&std::path::Path> {
        self.config.as_deref()
    }

    /// Where asynchronous work runs.
    pub fn runtime(&self) -> tokio::runtime::Handle {
        self.runtime.handle().clone()
    }

    /// Waits for asynchronous work.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The program that is running, as units shall name it.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn binary(&self) -> Result<PathBuf, Failure> {
        std::env::current_exe()
            .map_err(|source| failure(CliError::Root { path: "/proc/self/exe".to_owned(), source }))
    }

    /// What runs services here.
    ///
    /// # Errors
    /// When the machine cannot be looked at.
    pub fn services(&self) -> Result<Arc<dyn Services>, Failure> {
        Ok(Arc::from(services::detect(&self.root, self.binary()?).map_err(failure)?))
    }

    /// The configuration with these flags over it.
    ///
    /// # Errors
    /// When a file, a variable or a flag is wrong; all that is wrong is told at once.
    pub fn resolve(&self, flags: Vec<FlagValue>) -> Result<Resolved, Failure> {
        let main = self.config.clone().unwrap_or_else(|| self.root.join(paths::CLUSTER_CONFIG));
        let mut files = Vec::new();
        let folder = self.root.join(paths::CLUSTER_CONFIG_DROP_INS);
        let drop_ins = files::list(&folder).map_err(failure)?;
        let drop_ins =
            drop_ins.into_iter().filter(|name| name.ends_with(".yaml")).map(|name| folder.join(name));
        let given = self.config.is_some();
        for (index, path) in std::iter::once(main).chain(drop_ins).enumerate() {
            let bytes = match files::read_optional(&path).map_err(failure)? {
                Some(bytes) => bytes,
                None if index == 0 && given => {
                    let path = path.display().to_string();
                    return Err(failure(CliError::NoConfiguration { path }));
                }
                None => continue,
            };
            files.push(ConfigFile { path: path.display().to_string(), bytes });
        }
        layers::resolve(&Layers { files, environment: environment(), flags }).map_err(failure)
    }

    /// This host's membership.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn membership(&self) -> Result<Membership, Failure> {
        let membership = Membership::load(&self.root).map_err(failure)?;
        membership.ok_or_else(|| failure(crate::steps::StepFailure::NoMembership))
    }

    /// A connection to the master as the operator.
    ///
    /// # Errors
    /// When this is not the master's host.
    pub fn operator(&self, what: &str) -> Result<MasterClient, Failure> {
        let membership = self.membership()?;
        if !files::exists(&self.root.join(paths::ADMIN_KEY)).map_err(failure)? {
            let master = membership.master.ip().to_string();
            return Err(failure(CliError::NotMaster { what: what.to_owned(), master }));
        }
        env::operator_client(&self.root, membership.master, membership.address).map_err(Failure::from)
    }

    /// A connection to the master as this node.
    ///
    /// # Errors
    /// When this host is no member.
    pub fn member(&self) -> Result<MasterClient, Failure> {
        let membership = self.membership()?;
        env::member_client(&self.root, membership.master, membership.address).map_err(Failure::from)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.telemetry.take().map(telemetry::Guard::shutdown) {
            view::stderr(&format!("warning: the last traces could not be sent: {error}\n"));
        }
    }
}

/// The first Ctrl-C asks the saga to stop and undo; commands without one end with the second at the latest.
fn watch_for_interrupts(
    runtime: &Runtime,
    interrupted: Arc<AtomicBool>,
    output: view::Output,
    command: &'static str,
    undoes: bool,
) {
    runtime.spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if undoes && !interrupted.swap(true, Ordering::Relaxed) {
                view::stderr("interrupted: undoing what was begun; press Ctrl-C again to stop at once\n");
                continue;
            }
            view::failure(&output, command, &CliError::Interrupted.failure());
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
    });
}
