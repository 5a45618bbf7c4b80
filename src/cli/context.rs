//! What every command works with: root, output, configuration, runtime, interruption.

use crate::cli::arguments::{Command, Global, OutputFormat};
use crate::cli::carry_out;
use crate::cli::error::CliError;
use crate::cli::interrupt;
use crate::client::{ClientError, MasterClient, Terms};
use crate::host::descriptors;
use crate::host::files;
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::{self, Services};
use crate::host::threads;
use crate::identity::membership::Membership;
use crate::model::explain::{Explain, Failure};
use crate::model::ids::NodeName;
use crate::model::layers::{self, ConfigFile, FlagValue, Layers, Resolved};
use crate::steps::{StepFailure, env, settings};
use crate::telemetry;
use crate::view;
use crate::view::progress::OnDemand;
use crate::wire::admin::Use;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long a master that died while it answered takes to be back.
const BACK: Duration = Duration::from_secs(10);

/// Descriptors that the runtime opens for itself. It says so when it cannot have the first ones, and panics over
/// the last two, by which it hears of signals.
const OWN_DESCRIPTORS: usize = 5;

/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_millis(250);

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
    /// The step of a bootstrap that panics, when a test wants it.
    #[cfg(feature = "testing")]
    pub panics_in: Option<String>,
    beside: RefCell<Map<String, Value>>,
    config: Option<PathBuf>,
    runtime: Runtime,
    telemetry: RefCell<Option<telemetry::Guard>>,
}

/// What the master answered to a decision.
pub struct Decided<T> {
    /// The answer.
    pub answer: T,
    /// Whether an answer before was lost: the master may have done it already then, and this one says
    /// nothing of what it changed.
    pub again: bool,
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

/// The configuration in this file, or in that of the root, with these flags over it.
fn resolve(root: &Root, config: Option<&Path>, flags: Vec<FlagValue>) -> Result<Resolved, Failure> {
    let main = config.map_or_else(|| root.join(paths::CLUSTER_CONFIG), Path::to_owned);
    let mut files = Vec::new();
    let folder = root.join(paths::CLUSTER_CONFIG_DROP_INS);
    let drop_ins = files::list(&folder).map_err(failure)?;
    let drop_ins = drop_ins.into_iter().filter(|name| name.ends_with(".yaml")).map(|name| folder.join(name));
    for (index, path) in std::iter::once(main).chain(drop_ins).enumerate() {
        let bytes = match files::read_optional(&path).map_err(failure)? {
            Some(bytes) => bytes,
            None if index == 0 && config.is_some() => {
                let path = path.display().to_string();
                return Err(failure(CliError::NoConfiguration { path }));
            }
            None => continue,
        };
        files.push(ConfigFile { path: path.display().to_string(), bytes });
    }
    layers::resolve(&Layers { files, environment: environment(), flags }).map_err(failure)
}

impl Context {
    /// Starts logging, the runtime and the watch for signals.
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
        let probed = threads::probe(workers).and_then(|()| descriptors::probe(OWN_DESCRIPTORS));
        let runtime = probed.and_then(|()| builder.build());
        let runtime = runtime.map_err(|error| failure(CliError::Runtime(error)))?;
        let interrupted = Arc::new(AtomicBool::new(false));
        if !daemon {
            let _entered = runtime.enter();
            interrupt::watch(interrupted.clone(), global.output(), command, undoes)
                .map_err(|error| failure(CliError::Runtime(error)))?;
        }
        let context = Self {
            root,
            output: global.output(),
            verbose: global.verbose,
            interrupted,
            #[cfg(feature = "testing")]
            panics_in: None,
            beside: RefCell::default(),
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
            carry_out::NAME => "eos-apply",
            _ => "eos",
        };
        let in_journal = std::env::var_os("JOURNAL_STREAM").is_some();
        // As eos-apply.service it tells what it does, as the agent whose work it is.
        let daemon = daemon || command == carry_out::NAME && in_journal;
        let endpoint = match command {
            // It takes part in no request, so that no trace has a span of it; and what reads the cluster's configuration
            // is a good part of the program, which stays out of its memory.
            "storage monitor" => None,
            // The command itself reads the configuration again and reports what is wrong with it.
            _ => self.resolve(Vec::new()).ok().and_then(|resolved| resolved.config.telemetry.otlp_endpoint),
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
            journald: daemon && in_journal,
            otlp_endpoint: endpoint,
            quiet: !daemon,
            redrawn: !daemon && self.output.terminal && self.output.format == view::Format::Text,
        };
        let _entered = self.runtime.enter();
        let guard = telemetry::start(&settings).map_err(failure)?;
        self.telemetry.replace(Some(guard));
        Ok(())
    }

    /// The same with a step that panics.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn panicking_in(mut self, step: Option<String>) -> Self {
        self.panics_in = step;
        self
    }

    /// Keeps what was found out for the verdict of a command that may fail later on.
    pub fn put_beside(&self, found: Value) {
        if let Value::Object(found) = found {
            self.beside.borrow_mut().extend(found);
        }
    }

    /// What stands beside the error of a command that failed.
    pub fn take_beside(&self) -> Map<String, Value> {
        self.beside.take()
    }

    /// The configuration file that was named, if one was.
    pub fn configuration(&self) -> Option<&std::path::Path> {
        self.config.as_deref()
    }

    /// Whether the operator asked to stop.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
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
        resolve(&self.root, self.config.as_deref(), flags)
    }

    /// The same for those who hand out what `storage:` says: it was tried for every role at every scale. A tree that
    /// makes nothing of it is no reason to stop: whoever applies it tells file and line, and a master hands out what
    /// repairs it.
    ///
    /// # Errors
    /// As [`Context::resolve`], and when it does not fit one.
    pub fn resolve_for_all_roles(&self, flags: Vec<FlagValue>) -> Result<Resolved, Failure> {
        let resolved = self.resolve(flags)?;
        match settings::check(&self.root, &resolved) {
            Ok(()) => Ok(resolved),
            Err(misfit @ StepFailure::Misfit { .. }) => Err(misfit.into()),
            Err(error) => {
                let failure = Failure::from(error);
                tracing::warn!(code = failure.code, causes = ?failure.causes, "not checked by the states: {}", failure.message);
                Ok(resolved)
            }
        }
    }

    /// Reads the configuration anew, for a daemon that outlives this.
    pub fn rereading(&self) -> impl Fn() -> Result<Resolved, Failure> + Send + Sync + 'static + use<> {
        let (root, config) = (self.root.clone(), self.config.clone());
        move || resolve(&root, config.as_deref(), Vec::new())
    }

    /// This host's membership.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn membership(&self) -> Result<Membership, Failure> {
        let membership = Membership::load(&self.root).map_err(failure)?;
        membership.ok_or_else(|| failure(StepFailure::NoMembership))
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
        let client = env::operator_client(&self.root, membership.master, membership.address);
        client.map(|client| client.on(self.terms())).map_err(Failure::from)
    }

    /// Has the master do what the operator decided on the node of this name or id.
    ///
    /// What is decided may change which node the name means, so the name is looked up once, and the calls
    /// are by the id alone, as they are when asked for again: see [`Context::decide`].
    ///
    /// # Errors
    /// When this is not the master's host, no single node is meant, or the master refuses or does not answer.
    pub fn decide_on<T>(
        &self,
        what: &str,
        (name, wanted): (&NodeName, Use),
        call: impl AsyncFn(&MasterClient, &NodeName) -> Result<T, ClientError>,
    ) -> Result<Decided<T>, Failure> {
        let id = self.meant(what, name, wanted)?;
        self.decide(what, async |master| call(master, &id).await)
    }

    /// The id of the node of this name or id.
    ///
    /// # Errors
    /// When this is not the master's host, no single node is meant, or the master does not answer.
    pub fn meant(&self, what: &str, name: &NodeName, wanted: Use) -> Result<NodeName, Failure> {
        let client = self.operator(what)?;
        let node = self.block_on(client.node_for(name, wanted)).map_err(failure)?;
        Ok(NodeName::parse(node.id.as_str()).expect("an id can stand in the place of a name"))
    }

    /// Has the master do what the operator decided, and what changes nothing when it is done twice.
    ///
    /// When only its answer was lost, the master may have done it: it is asked again, for as long as it
    /// takes a master that died to be back.
    ///
    /// # Errors
    /// When this is not the master's host, or the master refuses or does not answer.
    pub fn decide<T>(
        &self,
        what: &str,
        call: impl AsyncFn(&MasterClient) -> Result<T, ClientError>,
    ) -> Result<Decided<T>, Failure> {
        let client = self.operator(what)?;
        let until = Instant::now() + BACK;
        let mut heard = false;
        loop {
            let error = match self.block_on(call(&client)) {
                Ok(answer) => return Ok(Decided { answer, again: heard }),
                Err(error) => error,
            };
            heard |= error.may_have_been_heard();
            if !heard || !error.is_transient() || Instant::now() >= until {
                let mut failure = failure(error);
                if heard {
                    failure
                        .hints
                        .insert(0, format!("the master may have done it; to be sure: eos {what} again"));
                }
                return Err(failure);
            }
            self.block_on(async {
                tokio::time::interval_at(tokio::time::Instant::now() + PAUSE, PAUSE).tick().await;
            });
        }
    }

    /// A connection to the master as this node.
    ///
    /// # Errors
    /// When this host is no member.
    pub fn member(&self) -> Result<MasterClient, Failure> {
        let membership = self.membership()?;
        let client = env::member_client(&self.root, membership.master, membership.address);
        client.map(|client| client.on(self.terms())).map_err(Failure::from)
    }

    /// The terms of single calls: one that lasts is told.
    fn terms(&self) -> Terms {
        Terms::telling(Arc::new(OnDemand::new(self.output)))
    }

    /// Asks the master as this node.
    ///
    /// # Errors
    /// When this host is no member, or the master refuses or does not answer. One that does not know this node
    /// any more answers as to the name of any node that is not there: then that is told instead.
    pub fn ask<T>(
        &self,
        call: impl AsyncFnOnce(&MasterClient) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let client = self.member()?;
        self.block_on(async {
            let error = match call(&client).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.is_forgotten() && client.desired().await.is_err_and(|error| error.is_forgotten()) {
                let Membership { name, cluster, master, .. } = self.membership()?;
                return Err(failure(StepFailure::Forgotten { name, cluster, master }));
            }
            Err(failure(error))
        })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.telemetry.take().map(telemetry::Guard::shutdown) {
            view::stderr(&format!("warning: the last traces could not be sent: {error}\n"));
        }
    }
}
