//! Makes this node's minion one of the cluster's Salt master, where it has one: the minion learns its master, and the
//! master learns the key of the minion from the node itself, so that no name stands for a key.

use crate::client::MasterClient;
use crate::host::command;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::identity::membership::{Membership, ServiceBefore};
use crate::model::digest::Fingerprint;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::salt::{self, key};
use crate::sls::embedded;
use crate::steps::error::{StepFailure, to_step};
use crate::steps::install_units::root_prefix;
use crate::steps::minion_error::MinionError;
use crate::steps::start_service::END;
use crate::steps::touches;
use crate::steps::{Decision, Env};
use crate::wire::salt::{MinionKey, MinionStanding, SaltMaster};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The service of a minion, in every package of it.
const SERVICE: &str = "salt-minion";

/// What a master says that has no such route.
const NO_SUCH_ROUTE: &str = "EOS-M027";

/// What a minion needs of the shipped tree.
const MODULES: [&str; 2] = ["_grains/eos_node.py", "_modules/eos_node.py"];

/// Directories that anybody may read.
const OPEN: Attributes = Attributes { mode: 0o755, owner: None };

/// How long it may take to end and to start again.
const RESTART: Duration = Duration::from_secs(60);

/// How long a question to Salt may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How often it is asked what has become of the key.
const PAUSE: Duration = Duration::from_millis(500);

/// The step.
pub struct JoinSalt {
    binary: String,
}

impl JoinSalt {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { binary: decision.binary.clone() }
    }

    fn join(&self, env: &Env) -> Result<Outcome, StepFailure> {
        let began = Instant::now();
        let Some(master) = master(env, began)? else { return Ok(Outcome::Unchanged) };
        let mut membership = env.membership()?;
        let program = membership.salt_call.clone().ok_or(StepFailure::NoMembership)?;
        let status = env.services.status(SERVICE)?;
        if !status.installed {
            let why = format!("{SERVICE} is not installed, and the cluster has a Salt master");
            return Err(MinionError::Unusable { why }.into());
        }
        let public = public_key(env, &program)?;
        is_free(env, &public, &master)?;
        if membership.minion.is_none() {
            membership.minion = Some(ServiceBefore { ran: status.active });
            membership.save(&env.root)?;
        }
        write_modules(env)?;
        let path = env.root.join(paths::MINION_CONFIG);
        files::create_directory(path.parent().expect("it is in a directory"), OPEN)?;
        let text = configuration(env, &self.binary, &membership, &master);
        files::write_atomic(&path, text.as_bytes(), Attributes::PUBLIC)?;
        env.services.refresh(SERVICE)?;
        env.services.enable(SERVICE)?;
        env.services.restart(SERVICE, env.at_most(RESTART))?;
        let key = own_key(env, &public, began)?;
        until_accepted(env, key, began)?;
        Ok(Outcome::Done)
    }
}

/// Refuses a minion that would speak to another master whatever eos told it, before anything of it is changed.
fn is_free(env: &Env, public: &Path, master: &SaltMaster) -> Result<(), StepFailure> {
    let kept = public.with_file_name("minion_master.pub");
    if let Some(bytes) = files::read_optional(&kept)?
        && key::master_finger(&String::from_utf8_lossy(&bytes)).as_ref() != Some(&master.finger)
    {
        return Err(MinionError::OfAnother { path: kept.display().to_string() }.into());
    }
    let own = env.root.join(paths::MINION_CONFIG);
    let folder = own.parent().expect("it is in a directory");
    let later = |name: &String| {
        name.ends_with(".conf") && Some(name.as_str()) > own.file_name().and_then(OsStr::to_str)
    };
    for path in files::list(folder)?.iter().filter(|name| later(name)).map(|name| folder.join(name)) {
        let text = files::read_optional(&path)?.unwrap_or_default();
        if names_master(&String::from_utf8_lossy(&text)) {
            return Err(MinionError::Overruled { path: path.display().to_string() }.into());
        }
    }
    Ok(())
}

/// Whether a line at the top level of this YAML names the master.
fn names_master(text: &str) -> bool {
    text.lines().any(|line| {
        line.split_once(':').is_some_and(|(key, _)| key.trim_end().trim_matches(['"', '\'']) == "master")
    })
}

/// Of this eos, which they call; not those of the cluster's tree, into which Python would write.
fn write_modules(env: &Env) -> Result<(), StepFailure> {
    for (name, bytes) in embedded::FILES.iter().filter(|(name, _)| MODULES.contains(name)) {
        let path = env.root.join(paths::MINION_MODULES).join(name);
        files::create_directory(path.parent().expect("it is in a directory"), OPEN)?;
        files::write_atomic(&path, bytes, Attributes::PUBLIC)?;
    }
    Ok(())
}

/// What the minion has to know of its master; none when the cluster has no Salt master.
fn master(env: &Env, began: Instant) -> Result<Option<SaltMaster>, StepFailure> {
    loop {
        let standing = match ask(env, None) {
            // An older master knows of no Salt.
            Err(StepFailure::Below(failure)) if failure.code == NO_SUCH_ROUTE => return Ok(None),
            standing => standing?,
        };
        match (standing.salt, standing.master) {
            (false, _) => return Ok(None),
            (true, Some(master)) => return Ok(Some(master)),
            (true, None) => {}
        }
        let cause = "the agent beside the Salt master to tell of it";
        if !env.pause(cause, began, PAUSE) {
            return Err(gave_up(env, cause, || MinionError::Unusable {
                why: format!("nothing came from {cause}"),
            }));
        }
    }
}

fn ask(env: &Env, key: Option<Fingerprint>) -> Result<MinionStanding, StepFailure> {
    let client = env.member_client()?;
    let asking = |client: MasterClient| async move { client.minion(&MinionKey { key }).await };
    env.until_answered("say what it knows of this node's minion", &client, asking)
}

fn gave_up(env: &Env, what: &str, failure: impl FnOnce() -> MinionError) -> StepFailure {
    if env.is_interrupted() { StepFailure::Interrupted { what: what.to_owned() } } else { failure().into() }
}

/// The minion's configuration. JSON is YAML.
fn configuration(env: &Env, binary: &str, membership: &Membership, master: &SaltMaster) -> String {
    let below = |inside: &str| env.root.join(inside).display().to_string();
    let address = membership.master.ip();
    let settings = json!({
        "master": address.to_string(),
        "ipv6": address.is_ipv6(),
        "publish_port": master.publish_port,
        "master_port": master.return_port,
        "master_finger": master.finger,
        "id": membership.name,
        // A minion that was not accepted yet sleeps ten seconds otherwise, and each time longer.
        "acceptance_wait_time": 1,
        "acceptance_wait_time_max": 5,
        // One whose name another key holds ends otherwise, and would not come back when that key is gone.
        "rejected_retry": true,
        "module_dirs": [below(paths::MINION_MODULES)],
        "eos": {
            "binary": binary,
            "root": root_prefix(&env.root),
            "membership": below(paths::MEMBERSHIP),
        },
    });
    format!(
        "# Written by eos: this minion's master, and the modules by which it takes what eos assigns.\n{settings:#}\n"
    )
}

/// Where the minion's public key will be, in Salt's words.
fn public_key(env: &Env, program: &str) -> Result<PathBuf, StepFailure> {
    let directory = env.root.join(salt::DIRECTORY.trim_start_matches('/')).display().to_string();
    let argv = [
        program,
        "--local",
        "--config-dir",
        &directory,
        "--out=json",
        "--log-level=error",
        "config.get",
        "pki_dir",
    ];
    let output = command::run_clean(&argv, &[], LIMIT)?;
    let answer: Option<Value> = serde_json::from_str(&output.stdout).ok();
    match answer.as_ref().and_then(|answer| answer["local"].as_str()) {
        Some(pki) => Ok(Path::new(pki).join("minion.pub")),
        None => {
            let last = output.stderr.trim_end().lines().next_back().unwrap_or("nothing");
            Err(MinionError::Unusable { why: format!("{program} does not say where its keys are: {last}") }
                .into())
        }
    }
}

/// The fingerprint of the minion's key, which a minion that starts for the first time makes.
fn own_key(env: &Env, path: &Path, began: Instant) -> Result<Fingerprint, StepFailure> {
    loop {
        let text = files::read_optional(path)?;
        if let Some(key) = text.and_then(|text| key::fingerprint(&String::from_utf8_lossy(&text))) {
            return Ok(key);
        }
        let cause = format!("the minion to make its key {}", path.display());
        if !env.pause(&cause, began, PAUSE) {
            let why = || format!("it made no key {}", path.display());
            return Err(gave_up(env, &cause, || MinionError::Unusable { why: why() }));
        }
    }
}

fn until_accepted(env: &Env, key: Fingerprint, began: Instant) -> Result<(), StepFailure> {
    loop {
        let standing = ask(env, Some(key))?;
        if standing.accepted {
            return Ok(());
        }
        let cause = match &standing.problem {
            Some(problem) => format!("the Salt master to accept this minion's key: {problem}"),
            None => "the Salt master to accept this minion's key".to_owned(),
        };
        if !env.pause(&cause, began, PAUSE) {
            let seconds = began.elapsed().as_secs();
            let (key, problem) = (key.to_string(), standing.problem);
            return Err(gave_up(env, &cause, || MinionError::NotAccepted { key, seconds, problem }));
        }
    }
}

impl Step<Env> for JoinSalt {
    fn name(&self) -> &'static str {
        "join-salt"
    }

    fn stage(&self) -> Stage {
        Stage::Services
    }

    fn describe(&self) -> String {
        "make this node's minion one of the cluster's Salt master, if it has one".to_owned()
    }

    fn touches(&self) -> Vec<Touch> {
        vec![
            Touch::File(paths::MINION_CONFIG.into()),
            Touch::Tree(paths::MINION_MODULES.into()),
            Touch::File(touches::wants(SERVICE)),
            Touch::Tree(paths::MEMBERSHIP.into()),
        ]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        self.join(env).map_err(to_step)
    }

    /// The minion goes on as it was: without what eos told it, or not at all.
    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        let Some(before) = Membership::load(&env.root)?.and_then(|membership| membership.minion) else {
            return Ok(());
        };
        files::remove_file(&env.root.join(paths::MINION_CONFIG))?;
        if before.ran {
            env.services.restart(SERVICE, RESTART)?;
        } else {
            env.services.stop(SERVICE, END)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::names_master;

    #[test]
    fn only_a_line_at_the_top_level_that_is_no_comment_names_the_master() {
        for text in ["master: a\n", "a: 1\n'master' : [b]\n"] {
            assert!(names_master(text), "{text}");
        }
        for text in ["#master: a\n", "master_port: 4506\n", "of:\n  master: a\n", ""] {
            assert!(!names_master(text), "{text}");
        }
    }
}
