//! What a master is told of a store that comes into being, grows and shrinks.

use super::*;
use crate::agent::fixture::{Node, master};
use crate::host::clock;
use crate::host::directory::Directory;
use crate::host::paths;
use crate::serving::tests::published;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const DEADLINE: Duration = Duration::from_secs(20);

struct Site {
    node: Node,
    told: UnboundedReceiver<Holdings>,
    wanted: Arc<Notify>,
    _tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Site {
    /// A node whose agent tells, and a master that listens.
    async fn new() -> anyhow::Result<Self> {
        let node = Node::new()?;
        node.certify(clock::now_seconds())?;
        let (heard, told) = unbounded_channel();
        let listen = post(async move |Json(holdings): Json<Holdings>| {
            heard.send(holdings).map(Json).map_err(|_| StatusCode::GONE)
        });
        let (address, serving) = master(&node, Router::new().route("/v1/snapshots/holdings", listen))?;
        node.join(address)?;
        let (offer, link) = (node.offer(1)?, Arc::new(Link::new(node.root.clone())));
        let teller = Teller::new(offer.shelf, link, node.root.join(paths::SNAPSHOTS), 4506);
        let wanted = teller.wanted();
        Ok(Self { node, told, wanted, _tasks: [serving, tokio::spawn(teller.work())] })
    }

    /// The sources of which the node holds snapshots, once the master has heard of so many of them.
    async fn sources(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        loop {
            let told = timeout(DEADLINE, self.told.recv()).await?;
            let told = told.ok_or_else(|| anyhow::anyhow!("nobody tells any more"))?;
            assert_eq!((told.version, told.port), (1, 4506));
            if told.snapshots.len() == count {
                return Ok(told.snapshots.into_iter().map(|one| one.source).collect());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_store_is_told_soon_and_so_is_everything_when_it_is_wanted() -> anyhow::Result<()> {
    let mut site = Site::new().await?;
    assert_eq!(site.sources(0).await?, [""; 0], "there is no store yet");
    let store = site.node.root.join(paths::SNAPSHOTS);
    published(&store, "one", b"1")?;
    assert_eq!(site.sources(1).await?, ["one"]);
    let (id, _) = published(&store, "two", b"2")?;
    let mut both = site.sources(2).await?;
    both.sort();
    assert_eq!(both, ["one", "two"]);
    site.wanted.notify_one();
    assert_eq!(site.sources(2).await?.len(), 2);
    DiskStore::open(Directory::open(&store)?)?.delete(&id)?;
    assert_eq!(site.sources(1).await?, ["one"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_master_is_told_nothing_and_a_manifest_that_is_damaged_is_not_held() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.certify(clock::now_seconds())?;
    let failure =
        Failure { code: NO_SUCH_ROUTE.to_owned(), ..Failure::of(&crate::agent::AgentError::NotMember) };
    let unknown =
        async move || (StatusCode::NOT_FOUND, Json(crate::wire::ErrorBody { error: failure.clone() }));
    let (address, _serving) =
        master(&node, Router::new().route("/v1/hello", post(unknown.clone())).fallback(unknown))?;
    node.join(address)?;
    let path = node.root.join(paths::SNAPSHOTS);
    let (id, _) = published(&path, "one", b"1")?;
    published(&path, "two", b"2")?;
    std::fs::write(path.join("manifests").join(format!("{id}.json")), "{}")?;
    let (offer, link) = (node.offer(1)?, Arc::new(Link::new(node.root.clone())));
    let mut teller = Teller::new(offer.shelf, link, path, 4506);
    let (_, told) = teller.tell().await;
    assert!(told.is_ok(), "{told:?}");
    let sources: Vec<&str> = teller.known.values().map(|one| one.source.as_str()).collect();
    assert_eq!(sources, ["two"]);
    Ok(())
}

#[test]
fn what_is_published_while_the_master_is_told_is_told_too() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    published(folder.path(), "one", b"1")?;
    let store = DiskStore::open(Directory::open(folder.path())?)?;
    let told = std::cell::RefCell::new(Vec::new());
    settle(&store, 4506, |held| {
        let mut told = told.borrow_mut();
        told.push(held.snapshots.len());
        // Another process does so, and the agent tells of it, before this list arrives.
        if told.len() < 3 {
            published(folder.path(), &format!("more-{}", told.len()), b"2").expect("published");
        }
        Ok(())
    })
    .map_err(|failure| anyhow::anyhow!(failure.message))?;
    assert_eq!(told.into_inner(), [1, 2, 3]);
    Ok(())
}
