//! An agent without a disk: it joins, polls and comes back by the real protocol.

use crate::master::Master;
use anyhow::{Context, Result};
use eos::client::{ClientError, MasterClient, Terms, look};
use eos::identity::key::{PrivateKey, random};
use eos::identity::token::Token;
use eos::model::digest::{Fingerprint, hex};
use eos::model::facts::{Facts, Resources};
use eos::model::ids::NodeName;
use eos::steps::registration::Applicant;
use eos::wire::join::{Accepted, RegisterReply};
use eos::wire::member::{Confirm, Poll, PollReply, Report};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long a poll waits, as an agent's does.
const WAIT: Duration = Duration::from_secs(20);

/// The pauses of an agent whose master is away.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];

/// What all agents did.
#[derive(Default)]
pub struct Counts {
    /// Members.
    pub joined: AtomicUsize,
    /// Joins that failed for good.
    pub failed: AtomicUsize,
    /// How often a join was told to ask later, or got no answer.
    pub put_off: AtomicUsize,
    /// Polls that were answered.
    pub polls: AtomicU64,
    /// Agents that were answered since the counts were forgotten last.
    answered: AtomicUsize,
    /// Agents that have the newest generation that any of them was told.
    current: AtomicUsize,
    newest: AtomicU64,
    epoch: AtomicUsize,
}

impl Counts {
    /// Whether so many agents have the newest generation.
    pub fn converged(&self, agents: usize) -> bool {
        self.current.load(Ordering::Relaxed) >= agents
    }

    /// Whether so many agents were answered since the counts were forgotten.
    pub fn heard(&self, agents: usize) -> bool {
        self.answered.load(Ordering::Relaxed) >= agents
    }

    /// How many were.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Nobody was answered from now on.
    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
        self.answered.store(0, Ordering::Relaxed);
    }

    /// An agent that had this generation has that one.
    fn applied(&self, before: u64, now: u64) {
        if self.newest.fetch_max(now, Ordering::Relaxed) < now {
            self.current.store(0, Ordering::Relaxed);
        }
        if now != before && now == self.newest.load(Ordering::Relaxed) {
            self.current.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What all agents have in common.
pub struct Plan {
    master: std::net::SocketAddr,
    token: Token,
    pinned: Option<Fingerprint>,
    counts: Arc<Counts>,
}

impl Plan {
    /// Of agents of this master.
    pub fn of(master: &Master, counts: Arc<Counts>) -> Result<Self> {
        let token = Token::parse(&master.token)?;
        Ok(Self { master: master.address(), pinned: token.authority, token, counts })
    }
}

/// A member.
pub struct Agent {
    client: MasterClient,
    counts: Arc<Counts>,
    applied: u64,
    life: String,
    pause: Duration,
}

impl Agent {
    /// Joins, asking again as long as that may help.
    pub async fn join(plan: Arc<Plan>, number: usize) -> Result<Self> {
        let joined = Self::joined(&plan, number).await;
        let count = if joined.is_ok() { &plan.counts.joined } else { &plan.counts.failed };
        count.fetch_add(1, Ordering::Relaxed);
        joined.with_context(|| format!("the join of n{number}"))
    }

    async fn joined(plan: &Arc<Plan>, number: usize) -> Result<Self> {
        let [high, low] = u16::try_from(number + 1)?.to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, 34, high, low));
        let key = PrivateKey::generate()?;
        let (authority, accepted) = loop {
            match register(plan, number, address, &key).await? {
                Ok(let_in) => break let_in,
                Err(error) if error.is_transient() => {
                    plan.counts.put_off.fetch_add(1, Ordering::Relaxed);
                    rest(error.pause(Duration::from_secs(1))).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let own = Some((accepted.certificate.as_str(), &key));
        let client = MasterClient::new(plan.master, &authority, own, Some(address))?;
        let desired = patiently(plan, || client.desired()).await?;
        let confirm = Confirm { applied: desired.generation, report: Report::default() };
        let confirmed = patiently(plan, || client.confirm(&confirm)).await?;
        let (counts, life) = (plan.counts.clone(), hex(&random::<16>()?));
        Ok(Self { client, counts, applied: confirmed.desired.generation - 1, life, pause: PAUSES[0] })
    }

    /// Polls for as long as it is there.
    pub async fn work(mut self) {
        let mut heard = usize::MAX;
        loop {
            match self.client.poll(&self.poll()).await {
                Ok(reply) => {
                    self.pause = PAUSES[0];
                    self.told(&reply);
                    let epoch = self.counts.epoch.load(Ordering::Relaxed);
                    if heard != epoch {
                        heard = epoch;
                        self.counts.answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Err(_) => {
                    let chance = random::<1>().map_or(u8::MAX, |[chance]| chance);
                    rest(self.pause / 2 + self.pause / 2 * u32::from(chance) / 255).await;
                    self.pause = (self.pause * 2).min(PAUSES[1]);
                }
            }
        }
    }

    fn told(&mut self, reply: &PollReply) {
        self.counts.polls.fetch_add(1, Ordering::Relaxed);
        let now = reply.desired.generation;
        self.counts.applied(self.applied, now);
        self.applied = now;
    }

    fn poll(&self) -> Poll {
        Poll {
            applied: self.applied,
            role: None,
            scale: None,
            wait_ms: WAIT.as_millis() as u64,
            tasks: true,
            done: None,
            report: Report { life: Some(self.life.clone()), ..Report::default() },
        }
    }
}

/// The outer error is this machine's own.
async fn register(
    plan: &Plan,
    number: usize,
    address: IpAddr,
    key: &PrivateKey,
) -> Result<Result<(String, Accepted), ClientError>> {
    let (terms, limit) = (Terms::default(), Duration::from_secs(5));
    let looked = match look(plan.master, Some(address), plan.pinned, limit, &terms).await {
        Ok(looked) => looked,
        Err(error) => return Ok(Err(error)),
    };
    let applicant = Applicant {
        name: NodeName::parse(&format!("n{number}"))?,
        address,
        preferred: None,
        facts: &facts(number),
        token: Some(&plan.token),
    };
    let (request, _) = applicant.request(&looked, key)?;
    let client = MasterClient::new(plan.master, &looked.authority_pem, None, Some(address))?;
    Ok(match client.register(&request).await {
        Ok(RegisterReply::Accepted(accepted)) => Ok((looked.authority_pem, *accepted)),
        Ok(other) => anyhow::bail!("it was not let in: {other:?}"),
        Err(error) => Err(error),
    })
}

async fn patiently<T, F: Future<Output = Result<T, ClientError>>>(
    plan: &Plan,
    call: impl Fn() -> F,
) -> Result<T> {
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_transient() => {
                plan.counts.put_off.fetch_add(1, Ordering::Relaxed);
                rest(error.pause(Duration::from_secs(1))).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A machine like many: no two have the same size.
fn facts(number: usize) -> Facts {
    let size = number as u64;
    Facts {
        hostname: format!("n{number}"),
        machine_id: Some(format!("{number:032x}")),
        hardware_id: None,
        boot_id: None,
        architecture: "x86_64".to_owned(),
        kernel: "6.1.0".to_owned(),
        os: "debian 12".to_owned(),
        addresses: Vec::new(),
        resources: Resources {
            cpus: 2 + (number % 14) as u32,
            memory_bytes: (4 + size % 60) << 30,
            disk_bytes: (100 + size % 900) << 30,
            disk_free_bytes: (50 + size % 450) << 30,
        },
    }
}

async fn rest(pause: Duration) {
    sleep_until(Instant::now() + pause).await;
}
