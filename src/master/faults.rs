//! Faults that a test plans for one request to a master: its connection breaks before or after the master
//! acts, the master dies between acting and answering, or it holds the request back.
//!
//! Plans are a file in the master's root; each is taken by the first request that it fits, and another file
//! says that it was. Only builds with the feature `testing` have this.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::master::app::App;
use crate::server::{Cut, Peer};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The route of which two messages are told apart by their bodies.
const REGISTER: &str = "/v1/register";

/// What happens to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Its connection breaks before the master sees it.
    Request,
    /// Its connection breaks once the master has acted, before the answer leaves.
    Reply,
    /// The master dies once it has acted, before the answer leaves.
    Abort,
    /// The master acts only once the file that says that the plan was taken is gone.
    Hold,
}

/// A fault for one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The message as [`message`] writes it.
    pub message: String,
    /// Who sends it.
    pub from: IpAddr,
    /// What happens to it.
    pub fault: Fault,
}

/// Where plans are looked for.
#[derive(Debug)]
pub struct Faults {
    folder: PathBuf,
    one_at_a_time: Mutex<()>,
}

impl Faults {
    /// In this root.
    pub fn of(root: &Root) -> Self {
        Self { folder: root.join(paths::RUN), one_at_a_time: Mutex::default() }
    }

    /// The plans that were not taken yet.
    fn planned(&self) -> PathBuf {
        self.folder.join("test-faults.json")
    }

    /// Says that the plan of this fault was taken, and what the master had done.
    fn taken(&self, fault: Fault) -> PathBuf {
        self.folder.join(format!("test-fault-{fault:?}.taken").to_lowercase())
    }

    /// Every message that came, one a line, as long as the file is there.
    fn heard(&self) -> PathBuf {
        self.folder.join("test-messages")
    }

    /// Takes the plan for the message, if there is one, and writes the message down when that is wanted.
    fn take(&self, message: &str, from: IpAddr) -> Option<Fault> {
        let _guard = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        if files::exists(&self.heard()).ok()? {
            files::append(&self.heard(), format!("{from} {message}\n").as_bytes(), 0o600).ok()?;
        }
        let bytes = files::read_optional(&self.planned()).ok()??;
        let mut plans: Vec<Plan> = serde_json::from_slice(&bytes).expect("a test writes plans");
        let place = plans.iter().position(|plan| plan.message == message && plan.from == from)?;
        let taken = plans.remove(place);
        let left = serde_json::to_vec(&plans).expect("plans serialise");
        files::write_atomic(&self.planned(), &left, Attributes::SECRET).expect("a plan is taken once");
        Some(taken.fault)
    }

    fn tell(&self, fault: Fault, done: &str) {
        files::write_atomic(&self.taken(fault), done.as_bytes(), Attributes::SECRET)
            .expect("a test can be told that its plan was taken");
    }

    /// Waits until the test takes away what told it of the plan.
    async fn released(&self, fault: Fault) {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        while files::exists(&self.taken(fault)).unwrap_or(false) {
            ticks.tick().await;
        }
    }
}

/// What a test calls a request: method and route, and of a registration whether it only asks for a judgement.
pub fn message(method: &str, route: &str, body: &[u8]) -> String {
    let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let only_asks = said.is_some_and(|said| said["dry_run"] == true);
    format!("{method} {route}{}", if only_asks { " dry_run" } else { "" })
}

/// Lets the planned fault happen to the planned request, and all others pass.
pub async fn meet(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, mut body) = request.into_parts();
    let route = parts.extensions.get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let mut said = Bytes::new();
    if route == REGISTER {
        // What is too long for the master is its business.
        said = to_bytes(body, usize::MAX).await.unwrap_or_default();
        body = Body::from(said.clone());
    }
    let message = message(parts.method.as_str(), route, &said);
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.address);
    let cut = parts.extensions.get::<Cut>().cloned();
    let fault = peer.and_then(|from| app.faults.take(&message, from));
    let request = Request::from_parts(parts, body);
    let Some(fault) = fault else { return next.run(request).await };
    match fault {
        Fault::Hold => {
            app.faults.tell(fault, "nothing");
            app.faults.released(fault).await;
            next.run(request).await
        }
        Fault::Request => {
            app.faults.tell(fault, "nothing");
            broken(cut).await
        }
        Fault::Reply => {
            let response = next.run(request).await;
            app.faults.tell(fault, response.status().as_str());
            drop(response);
            broken(cut).await
        }
        Fault::Abort => {
            let response = next.run(request).await;
            app.faults.tell(fault, response.status().as_str());
            std::process::abort()
        }
    }
}

/// Breaks the connection; its end takes this with it.
async fn broken(cut: Option<Cut>) -> Response {
    cut.expect("every connection can be cut").now();
    std::future::pending().await
}
