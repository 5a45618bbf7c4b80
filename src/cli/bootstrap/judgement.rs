//! How the master would judge this node, asked before anything is entered there or changed here.

use crate::cli::bootstrap::decide::Asked;
use crate::cli::bootstrap::look::Able;
use crate::cli::context::{Context, failure};
use crate::client::{ClientError, Looked, MasterClient, Terms, look};
use crate::discovery::Found;
use crate::host::root::Root;
use crate::host::{files, paths};
use crate::identity::key::PrivateKey;
use crate::identity::proof;
use crate::journal::lock;
use crate::model::explain::Failure;
use crate::model::facts::Facts;
use crate::model::ids::NodeName;
use crate::preflight::{Answer, Answers, Measurements};
use crate::steps::registration::Applicant;
use crate::wire::join::{NOBODY, RegisterReply};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const NAME: &str = "hostname-unique";
const MACHINE: &str = "machine-id-unique";
const TOKEN: &str = "token-shape";

/// The code with which a master refuses a token that it never heard of.
const UNKNOWN: &str = "EOS-J002";

/// For how long a master is asked whether it knows the token.
const LIMIT: Duration = Duration::from_secs(5);

/// A check that the master's judgement fails, and the master's own words.
pub(super) type Refusal = (&'static str, Failure);

/// Asks the master how it would judge this node, and fills the answers in.
///
/// # Errors
/// When the master refuses the node for what no check is about, or this node has no usable key.
pub(super) fn ask(
    context: &Context,
    asked: &Asked,
    measured: &mut Measurements,
    looked: &Looked,
    (master, local): (SocketAddr, IpAddr),
    terms: &Terms,
) -> Result<Option<Refusal>, Failure> {
    if !looked.hello.versions.judges() {
        // It would take the question for a registration.
        return Ok(None);
    }
    let key = key(&context.root)?;
    let name = asked.name(&measured.facts)?;
    let once = |name: NodeName, facts: &Facts| -> Result<Result<RegisterReply, ClientError>, Failure> {
        let (preferred, token) = (asked.preferred(), asked.token.as_ref());
        let applicant = Applicant { name, address: local, preferred, facts, token };
        let (mut request, _) = applicant.request(looked, &key).map_err(failure)?;
        request.dry_run = true;
        let local = (local.is_ipv4() == master.is_ipv4()).then_some(local);
        let client = MasterClient::new(master, &looked.authority_pem, None, local).map_err(failure)?;
        let client = client.on(terms.clone());
        Ok(context.block_on(client.register(&request)))
    };
    let first = refused(once(name.clone(), &measured.facts)?)?;
    let answers = &mut measured.answers;
    let Some(refusal) = first else { return Ok(None) };
    match refusal {
        Ok(reply) => {
            unique(answers, &name, looked);
            admitted(answers, asked, &reply);
            Ok(None)
        }
        Err((TOKEN, why)) => {
            unique(answers, &name, looked);
            answers.token = Some(bad(&why));
            Ok(Some((TOKEN, why)))
        }
        Err((check, why)) => {
            if check == NAME {
                answers.hostname_unique = Some(bad(&why));
                answers.machine_id_unique = Some(no_other(looked, "has this machine-id"));
            } else {
                answers.machine_id_unique = Some(bad(&why));
            }
            // The token is judged last: it is shown once more for a node that is nobody's double.
            let facts = Facts { machine_id: None, ..measured.facts.clone() };
            match refused(once(nobody()?, &facts)?)? {
                Some(Ok(reply)) => admitted(&mut measured.answers, asked, &reply),
                Some(Err((TOKEN, why))) => measured.answers.token = Some(bad(&why)),
                Some(Err(_)) | None => {}
            }
            Ok(Some((check, why)))
        }
    }
}

/// Whether the master of a cluster that answered knows the token that was given. One that does not say counts as if
/// it did: joining it tells why it cannot be joined.
///
/// # Errors
/// When the operating system gives no randomness.
pub(super) fn knows_token(
    context: &Context,
    asked: &Asked,
    able: &Able,
    found: &Found,
) -> Result<bool, Failure> {
    let (master, authority) = (found.address(), found.statement.authority);
    let terms = Terms::default().stopped_by(context.interrupted.clone());
    let Ok(looked) = context.block_on(look(master, None, Some(authority), LIMIT, &terms)) else {
        return Ok(true);
    };
    if !looked.hello.versions.judges() {
        return Ok(true);
    }
    let facts = Facts { machine_id: None, ..able.facts.clone() };
    let (name, address, token) = (nobody()?, able.address, asked.token.as_ref());
    let applicant = Applicant { name, address, preferred: None, facts: &facts, token };
    let key = PrivateKey::generate().map_err(failure)?;
    let (mut request, _) = applicant.request(&looked, &key).map_err(failure)?;
    request.dry_run = true;
    let client = MasterClient::new(master, &looked.authority_pem, None, None).map_err(failure)?;
    let judged = context.block_on(client.on(terms).register(&request));
    Ok(!matches!(judged, Err(ClientError::Refused { failure, .. }) if failure.code == UNKNOWN))
}

/// Sorts an answer: none when it could not be had, which another check tells.
fn refused(
    answer: Result<RegisterReply, ClientError>,
) -> Result<Option<Result<RegisterReply, Refusal>>, Failure> {
    let why = match answer {
        Ok(reply) => return Ok(Some(Ok(reply))),
        Err(ClientError::Refused { failure, .. }) => failure,
        // TLS that fails for a wrong clock is told as a wrong clock; a master that is gone as such.
        Err(ClientError::Distrusted { .. }) => return Ok(None),
        Err(error) if error.is_transient() => return Ok(None),
        Err(error) => return Err(failure(error)),
    };
    match why.code.as_str() {
        "EOS-J002" | "EOS-J003" | "EOS-J004" | "EOS-J005" | "EOS-J006" => Ok(Some(Err((TOKEN, why)))),
        "EOS-J007" => Ok(Some(Err((NAME, why)))),
        "EOS-J008" => Ok(Some(Err((MACHINE, why)))),
        // A fresh challenge, or a place in the queue: the registration itself waits for it.
        "EOS-J009" | "EOS-J012" | "EOS-J014" => Ok(None),
        _ => Err(why),
    }
}

fn unique(answers: &mut Answers, name: &NodeName, looked: &Looked) {
    answers.hostname_unique = Some(no_other(looked, &format!("is called {name}")));
    answers.machine_id_unique = Some(no_other(looked, "has this machine-id"));
}

fn no_other(looked: &Looked, what: &str) -> Answer {
    Answer::Good(format!("no other node of {} {what}", looked.hello.cluster))
}

fn admitted(answers: &mut Answers, asked: &Asked, reply: &RegisterReply) {
    let RegisterReply::Judged { admitted_by, .. } = reply else { return };
    let text = match (&asked.token, admitted_by.as_str()) {
        (Some(token), "token") => format!("{} lets this node in", token.id),
        (_, "policy") => "the admission policy lets this node in".to_owned(),
        (_, "known") => "the master knows this node already".to_owned(),
        _ => "no token was given: an operator has to accept this node".to_owned(),
    };
    answers.token = Some(Answer::Good(text));
}

fn bad(why: &Failure) -> Answer {
    let fix = if why.hints.is_empty() {
        "see on the master: eos node list".to_owned()
    } else {
        why.hints.join("; ")
    };
    Answer::Bad { measured: why.message.clone(), fix }
}

/// This node's key, or one that is thrown away.
fn key(root: &Root) -> Result<PrivateKey, Failure> {
    let path = root.join(paths::NODE_KEY);
    if files::exists(&path).map_err(failure)? {
        return PrivateKey::load(&path).map_err(failure);
    }
    PrivateKey::generate().map_err(failure)
}

/// A name that no node has.
fn nobody() -> Result<NodeName, Failure> {
    let name = format!("{NOBODY}{}", proof::nonce().map_err(failure)?);
    Ok(NodeName::parse(&name).expect("a word and hexadecimal digits make a name"))
}

/// Whether another operation is in progress.
///
/// # Errors
/// When the lock cannot be read.
pub(super) fn lock(root: &Root) -> Result<Answer, Failure> {
    let holder = lock::holder(root).map_err(failure)?;
    Ok(match holder.filter(|holder| holder.pid != std::process::id()) {
        None => Answer::Good("no other operation is in progress".to_owned()),
        Some(holder) => Answer::Bad {
            measured: format!("{} (process {}, since {})", holder.command, holder.pid, holder.since),
            fix: format!("wait for it to end, or see what it is: ps -fp {}", holder.pid),
        },
    })
}
