//! Other masters on the networks of this one: two clusters of one name, or two masters of one cluster, are an alarm.
//!
//! What is known is asked anew after a restart; only the audit log keeps that an alarm began.

use crate::client::Terms;
use crate::discovery::ask::Asking;
use crate::discovery::datagram::Statement;
use crate::discovery::respond::{Counts, Responder};
use crate::discovery::{Found, Scope, Standing, find};
use crate::host::clock;
use crate::master::app::App;
use crate::model::config::DiscoveryMethod;
use crate::model::digest::Fingerprint;
use crate::model::explain::Explain;
use crate::model::ids::ClusterId;
use crate::wire::admin::{Neighbour, Rivalry};
use crate::wire::version::Versions;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often others are asked for.
const PERIOD: Duration = Duration::from_secs(30);

/// For how long answers are gathered.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often in a row one may not answer until it is taken to be gone.
const SILENCES: u32 = 3;

/// The most alarms that are kept.
const MOST: usize = 16;

/// The alarms that stand.
#[derive(Debug, Default)]
pub struct Neighbours {
    alarms: Mutex<Vec<Alarm>>,
}

#[derive(Debug, Clone)]
struct Alarm {
    neighbour: Neighbour,
    silences: u32,
}

impl Neighbours {
    /// The alarms now.
    pub fn alarms(&self) -> Vec<Neighbour> {
        self.locked().iter().map(|alarm| alarm.neighbour.clone()).collect()
    }

    /// Takes what one round heard; the alarms that are new.
    fn heard(&self, rivals: Vec<Neighbour>) -> Vec<Neighbour> {
        let mut alarms = self.locked();
        for alarm in alarms.iter_mut() {
            let still = rivals.iter().any(|rival| same(rival, &alarm.neighbour));
            alarm.silences = if still { 0 } else { alarm.silences + 1 };
        }
        alarms.retain(|alarm| alarm.silences < SILENCES);
        let mut new = Vec::new();
        for neighbour in rivals {
            let known = alarms.iter().any(|alarm| same(&alarm.neighbour, &neighbour));
            if !known && alarms.len() < MOST {
                alarms.push(Alarm { neighbour: neighbour.clone(), silences: 0 });
                new.push(neighbour);
            }
        }
        new
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Alarm>> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same(left: &Neighbour, right: &Neighbour) -> bool {
    (left.rivalry, &left.authority, left.address) == (right.rivalry, &right.authority, right.address)
}

/// The rivals among those that were found: only what a master stands by is an alarm.
fn rivals(
    found: &[Found],
    (cluster, authority, address): (&ClusterId, Fingerprint, SocketAddr),
    now_ms: u64,
) -> Vec<Neighbour> {
    let rival = |found: &Found| {
        let said = &found.statement;
        let rivalry = match (said.cluster == cluster.as_str(), said.authority == authority) {
            (true, false) => Rivalry::SameName,
            (_, true) if found.address() != address => Rivalry::SecondMaster,
            _ => return None,
        };
        (found.standing == Standing::Verified).then(|| Neighbour {
            rivalry,
            cluster: said.cluster.clone(),
            authority: said.authority.to_string(),
            node: said.node.clone(),
            address: found.address(),
            since_ms: now_ms,
        })
    };
    found.iter().filter_map(rival).collect()
}

/// Answers to those who look for clusters, and looks for rivals; never ends.
pub async fn keep(app: Arc<App>) {
    if app.config.cluster.discovery.method == DiscoveryMethod::None {
        return std::future::pending().await;
    }
    let signer = app.clone();
    let responder = Responder {
        port: app.config.cluster.discovery.port,
        address: app.address.ip(),
        statement: statement(&app),
        sign: move |message: &[u8]| signer.signer.sign(message).ok(),
        counts: app.metrics.discovery.clone(),
    };
    tokio::join!(responder.run(), watch(app));
}

/// What this master says of itself.
fn statement(app: &App) -> Statement {
    let cluster = app.cluster();
    let own = cluster.nodes.values().find(|node| node.master);
    Statement {
        cluster: cluster.id.to_string(),
        node: own.map_or_else(|| "master".to_owned(), |node| node.name.to_string()),
        addresses: vec![app.address],
        authority: app.authority.fingerprint(),
        versions: Versions::own(),
    }
}

async fn watch(app: Arc<App>) {
    // Its own answers come first of all.
    let begin = tokio::time::Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval_at(begin, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asking = Asking {
        port: app.config.cluster.discovery.port,
        scope: Scope::of(Some(app.address.ip())),
        patience: PATIENCE,
        settle: None,
        apart_from: Some((app.authority.fingerprint(), app.address)),
    };
    loop {
        ticks.tick().await;
        match find(&asking, &Terms::default()).await {
            Ok(findings) => {
                count(&app.metrics.discovery, findings.ignored);
                let cluster = app.cluster().id.clone();
                let own = (&cluster, app.authority.fingerprint(), app.address);
                let new = app.neighbours.heard(rivals(&findings.clusters, own, clock::now_ms()));
                app.metrics.rivals.set(app.neighbours.alarms().len() as i64);
                new.iter().for_each(|neighbour| raise(&app, neighbour));
            }
            Err(error) => {
                tracing::warn!(%error, code = %error.code(), "other masters cannot be looked for; trying again");
            }
        }
    }
}

fn count(counts: &Counts, ignored: crate::discovery::ask::Ignored) {
    counts.forged.inc_by(ignored.forged);
    counts.replayed.inc_by(ignored.replayed);
    counts.malformed.inc_by(ignored.malformed);
}

fn raise(app: &App, neighbour: &Neighbour) {
    let Neighbour { cluster, authority, address, .. } = neighbour;
    let what = match neighbour.rivalry {
        Rivalry::SameName => "another cluster has the name of this one",
        Rivalry::SecondMaster => "a second master of this cluster answers",
    };
    tracing::error!(%address, authority, "{what}: {cluster}");
    let detail = format!("{what}: {cluster} with the authority {authority}");
    if let Err(error) = app.audit_stranger(address.ip(), "alarm", &address.to_string(), &detail) {
        app.metrics.upkeep_failures.inc();
        tracing::error!(%error, code = %error.code(), "an alarm could not be written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::GROUP_V4;

    fn at(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 1, last], 4507))
    }

    fn found(cluster: &str, authority: u8, last: u8, standing: Standing) -> Found {
        Found {
            statement: Statement {
                cluster: cluster.to_owned(),
                node: format!("node{last}"),
                addresses: vec![at(last)],
                authority: Fingerprint::from_bytes([authority; 32]),
                versions: Versions::own(),
            },
            from: at(last),
            interface: "eth0".to_owned(),
            group: GROUP_V4,
            after: Duration::from_millis(3),
            standing,
        }
    }

    fn judged(found: &[Found]) -> Vec<(Rivalry, SocketAddr)> {
        let cluster = ClusterId::parse("prod").expect("an id");
        let own = (&cluster, Fingerprint::from_bytes([1; 32]), at(10));
        rivals(found, own, 5).into_iter().map(|rival| (rival.rivalry, rival.address)).collect()
    }

    #[test]
    fn a_cluster_of_the_same_name_and_a_second_master_are_rivals_and_nobody_else() {
        let all = [
            found("prod", 1, 10, Standing::Verified),
            found("test", 2, 20, Standing::Verified),
            found("prod", 3, 30, Standing::Verified),
            found("prod", 1, 40, Standing::Verified),
            found("prod", 4, 50, Standing::Unverified("nobody stands by it".to_owned())),
        ];
        assert_eq!(judged(&all), [(Rivalry::SameName, at(30)), (Rivalry::SecondMaster, at(40))]);
    }

    #[test]
    fn an_alarm_is_new_once_and_ends_after_three_silences() {
        let neighbours = Neighbours::default();
        let cluster = ClusterId::parse("prod").expect("an id");
        let own = (&cluster, Fingerprint::from_bytes([1; 32]), at(10));
        let heard = || rivals(&[found("prod", 3, 30, Standing::Verified)], own, 5);
        assert_eq!(neighbours.heard(heard()).len(), 1);
        assert_eq!(neighbours.heard(heard()).len(), 0, "it is known");
        for left in [1, 1, 0] {
            assert_eq!(neighbours.heard(Vec::new()).len(), 0);
            assert_eq!(neighbours.alarms().len(), left);
        }
        assert_eq!(neighbours.heard(heard()).len(), 1, "it is back");
    }

    #[test]
    fn no_more_alarms_are_kept_than_the_bound() {
        let neighbours = Neighbours::default();
        let many: Vec<Found> = (20..120).map(|last| found("prod", last, last, Standing::Verified)).collect();
        let cluster = ClusterId::parse("prod").expect("an id");
        let own = (&cluster, Fingerprint::from_bytes([1; 32]), at(10));
        assert_eq!(neighbours.heard(rivals(&many, own, 5)).len(), MOST);
        assert_eq!(neighbours.alarms().len(), MOST);
    }
}
