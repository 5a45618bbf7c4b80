//! The place where an agent is asked, over TLS.

use super::*;
use crate::agent::certificate::NodeCertificate;
use crate::agent::fixture::{Node, master};
use crate::client::holders::Connector;
use crate::client::snapshots::HttpSource;
use crate::host::clock;
use crate::host::directory::Directory;
use crate::identity::authority::Grant;
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::model::digest::Digest;
use crate::model::ids::{NodeId, NodeName};
use crate::model::progress::{Event, Silent, Sink, Wait};
use crate::serving::tests::published;
use crate::snapshot::fetch::{self, FetchError, Fetched, Patience, Request, Source};
use crate::snapshot::manifest::tests::TestSeal;
use crate::snapshot::store::{Command, DiskStore, Ended, SnapshotStore, count};
use crate::wire::snapshots::{Holder, Standing};
use axum::extract::Path;
use std::ops::ControlFlow;
use std::sync::Mutex;

#[tokio::test]
async fn a_taken_address_is_told_before_anybody_is_told_of_readiness() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.certify(clock::now_seconds())?;
    let served = NodeCertificate::load(&node.root)?.served();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let address = bind(&node.root, any, served.clone()).await?.listener.local_addr()?;
    let _taken = TcpListener::bind(address).await?;
    let error =
        bind(&node.root, address, served).await.err().ok_or_else(|| anyhow::anyhow!("it was free"))?;
    assert_eq!(error.to_string(), format!("the agent cannot listen on {address}"));
    Ok(())
}

/// An agent with a snapshot that listens, and another member of its cluster.
struct Site {
    node: Node,
    offer: Offer,
    address: SocketAddr,
    id: SnapshotId,
    part: Digest,
    runtime: tokio::runtime::Runtime,
}

fn id_of(node: &Node) -> NodeId {
    node.key.node_id()
}

impl Site {
    fn new(pullers: usize) -> anyhow::Result<Self> {
        let node = Node::new()?;
        node.certify(clock::now_seconds())?;
        let store = node.root.join(paths::SNAPSHOTS);
        let (id, part) = published(&store, "metrics", &[7; 100_000])?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (offer, address) = runtime.block_on(async {
            let admitted = get(async move |Path(id): Path<NodeId>| {
                let name = NodeName::parse("node2").expect("a name");
                let state = "active".to_owned();
                axum::Json(Standing { id, name, state, admitted: true, role: None, sources: None })
            });
            let routes = Router::new().route("/v1/members/{id}", admitted);
            let (address, _) = master(&node, routes)?;
            node.join(address)?;
            let offer = node.offer(pullers)?;
            let served = NodeCertificate::load(&node.root)?.served();
            let endpoint = bind(&node.root, SocketAddr::from(([127, 0, 0, 1], 0)), served).await?;
            let address = endpoint.listener.local_addr()?;
            tokio::spawn(endpoint.serve(offer.clone(), std::future::pending()));
            Ok::<_, anyhow::Error>((offer, address))
        })?;
        Ok(Self { node, offer, address, id, part, runtime })
    }

    /// The agent as another member sees it; it believes that it is the node of this id.
    fn source(&self, node: NodeId) -> anyhow::Result<HttpSource> {
        let key = PrivateKey::generate()?;
        let grant = Grant { subject: Subject::Node(key.node_id()), now: clock::now_seconds() };
        let own = (self.node.authority.sign_key(&key, &grant)?, key);
        let pem = self.node.authority.pem().to_owned();
        let connector = Connector::new(pem, own, None, self.runtime.handle().clone());
        let name = "node1".to_owned();
        Ok(connector.source(&Holder {
            node: Some(node),
            name,
            address: self.address,
            alive: true,
            pullers: None,
        })?)
    }

    fn pull(&self, source: &dyn Source, sink: &dyn Sink) -> anyhow::Result<Result<Fetched, FetchError>> {
        self.pull_with(source, sink, None)
    }

    fn pull_with(
        &self,
        source: &dyn Source,
        sink: &dyn Sink,
        embed_bytes: Option<u64>,
    ) -> anyhow::Result<Result<Fetched, FetchError>> {
        let folder = tempfile::tempdir()?;
        let store = DiskStore::open(Directory::open(folder.path())?)?;
        let staging = store.begin_download(&self.id)?;
        let request = Request {
            sources: &[source],
            connections: 2,
            id: &self.id,
            verifier: &TestSeal("ours"),
            reserve_bytes: Some(0),
            patience: Patience::default(),
            embed_bytes,
            limiter: None,
        };
        let fetched = fetch::fetch(&request, staging.directory(), &|| false, sink);
        if let Ok(fetched) = &fetched {
            assert_eq!(store.publish(staging, &fetched.signed)?, self.id);
            assert!(store.verify(&self.id)?.damage.is_empty());
        }
        Ok(fetched)
    }

    /// What the agent tells of itself.
    fn metrics(&self) -> anyhow::Result<String> {
        let router = router(self.offer.clone());
        let asked = axum::http::Request::get("/metrics").body(axum::body::Body::empty())?;
        let body = self.runtime.block_on(async {
            let answer = tower::ServiceExt::oneshot(router, asked).await?;
            Ok::<_, anyhow::Error>(axum::body::to_bytes(answer.into_body(), 1 << 20).await?)
        })?;
        Ok(String::from_utf8(body.to_vec())?)
    }
}

#[test]
fn another_member_pulls_from_an_agent_over_tls() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let source = site.source(id_of(&site.node))?;
    assert_eq!(source.name(), format!("node1 ({})", site.address));
    let fetched = site.pull(&source, &Silent)??;
    assert_eq!(fetched.manifest.metadata.source, "metrics");
    let text = site.metrics()?;
    for line in [
        "eos_agent_snapshot_pullers 1",
        &format!("eos_agent_snapshot_sent_bytes_total {}", fetched.received_bytes),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    Ok(())
}

#[test]
fn what_commands_did_is_told_once_under_each_name() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let captured = |unchanged| Ended::Captured {
        took: Duration::from_secs(20),
        unchanged,
        read_bytes: 3,
        borrowed_bytes: 0,
        stored_bytes: 1,
        excluded: 2,
        paused: Duration::from_millis(250),
    };
    for ended in [
        captured(false),
        captured(true),
        captured(true),
        Ended::Pulled { took: Duration::from_secs(2), received_bytes: 9 },
        Ended::Restored {
            took: Duration::from_secs(2),
            received_bytes: 7,
            applying: Duration::from_millis(40),
        },
        Ended::Failed { command: Command::Pull, code: "EOS-T044" },
        Ended::Failed { command: Command::Capture, code: "EOS-T044" },
    ] {
        count(&site.node.root, ended)?;
    }
    let text = site.metrics()?;
    for line in [
        "eos_agent_snapshot_captures_total 1",
        "eos_agent_snapshot_captures_unchanged_total 2",
        "eos_agent_snapshot_capture_read_bytes_total 9",
        "eos_agent_snapshot_capture_borrowed_bytes_total 0",
        "eos_agent_snapshot_capture_stored_bytes_total 3",
        "eos_agent_snapshot_capture_seconds_count 3",
        "eos_agent_snapshot_pull_received_bytes_total 9",
        "eos_agent_snapshot_pull_seconds_count 1",
        "eos_agent_snapshot_pull_seconds_sum 2.0",
        "eos_agent_snapshot_pull_seconds_bucket{le=\"1.0\"} 0",
        "eos_agent_snapshot_pull_seconds_bucket{le=\"5.0\"} 1",
        "eos_agent_snapshot_pull_seconds_bucket{le=\"+Inf\"} 1",
        "eos_agent_snapshot_capture_excluded_total 6",
        "eos_agent_snapshot_capture_paused_milliseconds_total 750",
        "eos_agent_snapshot_restore_received_bytes_total 7",
        "eos_agent_snapshot_restore_seconds_count 1",
        "eos_agent_snapshot_restore_applying_milliseconds_total 40",
        "eos_agent_snapshot_commands_failed_total{command=\"capture\",code=\"EOS-T044\"} 1",
        "eos_agent_snapshot_commands_failed_total{command=\"pull\",code=\"EOS-T044\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut names: Vec<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    let told = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), told, "a name is told twice in {text}");
    Ok(())
}

#[test]
fn a_small_snapshot_is_pulled_in_one_reply_and_a_larger_one_by_ranges() -> anyhow::Result<()> {
    for (embed_bytes, ranges) in [(1 << 20, 0), (64, 1)] {
        let site = Site::new(1)?;
        let source = site.source(id_of(&site.node))?;
        site.pull_with(&source, &Silent, Some(embed_bytes))??;
        assert_eq!(site.offer.metrics.traffic.ranges.get(), ranges, "{embed_bytes}");
        assert_eq!(site.offer.shelf.pulls.taken(Instant::now()), 1);
        source.leave(&site.id);
        // The last bytes may be on their way still.
        let mut ticks = site.runtime.block_on(async { tokio::time::interval(Duration::from_millis(5)) });
        while site.offer.shelf.pulls.taken(Instant::now()) > 0 {
            site.runtime.block_on(ticks.tick());
        }
    }
    Ok(())
}

#[test]
fn a_manifest_of_hundreds_of_thousands_of_files_is_pulled_too() -> anyhow::Result<()> {
    for embed_bytes in [None, Some(u64::MAX)] {
        let site = Site::new(1)?;
        let path = site.node.root.join(paths::SNAPSHOTS).join(format!("manifests/{}.json", site.id));
        // White space after it makes it as long, and no other one.
        let mut bytes = std::fs::read(&path)?;
        bytes.resize(80 << 20, b' ');
        std::fs::write(&path, bytes)?;
        let source = site.source(id_of(&site.node))?;
        site.pull_with(&source, &Silent, embed_bytes)??;
        assert_eq!(site.offer.metrics.traffic.ranges.get(), 1, "no reply holds so much");
    }
    Ok(())
}

#[test]
fn a_node_that_is_another_one_than_the_wanted_is_not_believed() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let source = site.source(NodeId::parse("n-other")?)?;
    let error = source
        .manifest(&site.id, &mut |_| ControlFlow::Continue(()))
        .expect_err("it has another certificate");
    assert!(error.what.contains("is not believed: TLS failed") && !error.retry, "{error}");
    Ok(())
}

/// Frees the place that another puller holds as soon as a wait is told.
struct Freeing<'a>(&'a Shelf, Mutex<Vec<String>>);

impl Sink for Freeing<'_> {
    fn emit(&self, event: Event) {
        if let Event::Waiting { cause, .. } = event {
            self.0.pulls.end("node n-first");
            self.1.lock().expect("nobody panicked").push(cause);
        }
    }

    fn expect(&self, _wait: Option<Wait>) {}
}

#[test]
fn who_finds_no_place_waits_with_the_reason_told_and_comes_when_there_is_one() -> anyhow::Result<()> {
    let site = Site::new(1)?;
    let store = site.offer.shelf.store()?.expect("there is one");
    let summary = store.summary(&site.id)?;
    let begun = site.offer.shelf.pulls.begin(&store, "node n-first", &summary, Instant::now());
    begun.expect("it is the first");
    let source = site.source(id_of(&site.node))?;
    let mut each = |_: &[u8]| ControlFlow::Continue(());
    let refused = source.read_range(&site.part, 0, 1, &mut each).expect_err("there is no place");
    assert!(refused.retry && refused.again.is_some(), "{refused:?}");
    let sink = Freeing(&site.offer.shelf, Mutex::default());
    site.pull(&source, &sink)??;
    let told = sink.1.into_inner().expect("nobody panicked");
    let why = "1 pull from this node already, and it serves no more at a time (EOS-T164)";
    assert_eq!(told, [format!("node1 ({}): {why}", site.address)]);
    Ok(())
}
