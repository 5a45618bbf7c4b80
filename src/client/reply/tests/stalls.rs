//! Holders that fall silent in the middle of a range, and holders that are slow and never silent.

use super::*;
use crate::host::directory::Directory;
use crate::model::progress::{Event, Silent, Sink, Wait};
use crate::snapshot::capture;
use crate::snapshot::fetch::{self, Patience, Request};
use crate::snapshot::manifest::Name;
use crate::snapshot::manifest::tests::{TestSeal, metadata};
use crate::snapshot::pack::Cut;
use crate::snapshot::store::{DiskStore, SnapshotStore};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;
use tokio_rustls::server::TlsStream;

/// What a transfer is cut after that brings nothing.
const STALL: Duration = Duration::from_millis(400);

/// How a holder sends the bytes of a range.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// Half of them, and then nothing more.
    FallsSilent,
    /// One at a time, and never nothing for as long as a stall.
    Trickles,
}

/// The pause between two bytes that trickle.
const PAUSE: Duration = Duration::from_millis(100);

/// A holder of what is in this store.
async fn holding(store: PathBuf, pace: Pace) -> anyhow::Result<(SocketAddr, String)> {
    let (listener, acceptor, authority) = listening().await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, store) = (acceptor.clone(), store.clone());
            tokio::spawn(async move { serve(acceptor.accept(stream).await?, &store, pace).await });
        }
    });
    Ok((address, authority))
}

/// Answers one request: a manifest at once, a range at its pace.
async fn serve(mut stream: TlsStream<TcpStream>, store: &Path, pace: Pace) -> std::io::Result<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(stream.read_u8().await?));
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let (first, end) = head
        .lines()
        .find_map(|line| line.strip_prefix("range: bytes=")?.split_once('-'))
        .map_or((0, None), |(first, last)| (first.parse().unwrap_or(0), last.parse::<usize>().ok()));
    let (status, bytes) = match path.strip_suffix("/manifest") {
        Some(path) => {
            let id = path.rsplit('/').next().unwrap_or_default();
            ("200 OK", std::fs::read(store.join(format!("manifests/{id}.json")))?)
        }
        None => ("206 Partial Content", std::fs::read(store.join(format!("parts/{last}.tar.zst")))?),
    };
    let bytes = &bytes[first..end.map_or(bytes.len(), |end| end + 1)];
    let length = bytes.len();
    stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").as_bytes()).await?;
    if status == "200 OK" {
        stream.write_all(bytes).await?;
        return stream.flush().await;
    }
    match pace {
        Pace::FallsSilent => {
            stream.write_all(&bytes[..length / 2]).await?;
            stream.flush().await?;
            std::future::pending().await
        }
        Pace::Trickles => {
            let mut ticks = tokio::time::interval(PAUSE);
            for byte in bytes {
                ticks.tick().await;
                stream.write_u8(*byte).await?;
                stream.flush().await?;
            }
            Ok(())
        }
    }
}

struct Site {
    folder: tempfile::TempDir,
    id: SnapshotId,
    part: Digest,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let bytes: Vec<u8> = (0..200_000u32).map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[0]).collect();
        std::fs::create_dir(folder.path().join("store"))?;
        let store = DiskStore::open(Directory::open(&folder.path().join("store"))?)?;
        let file = capture::Source::Bytes { path: Name::new("file"), bytes: &bytes, mode: 0o600 };
        let (cut, seal) = (Cut::default(), TestSeal("ours"));
        let id = capture::create(&store, &[file], &metadata(), cut, &seal, &Silent)?;
        let part = store.summary(&id)?.parts[0].digest;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(Self { folder, id, part, runtime })
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn holder(&self, pace: Pace) -> anyhow::Result<HttpSource> {
        let (address, authority) = self.runtime.block_on(holding(self.store(), pace))?;
        let client = MasterClient::new(address, &authority, None, None)?;
        Ok(HttpSource::new(client, self.runtime.handle().clone()).stalling_after(STALL))
    }

    /// Reads a range from a holder: what came, how it ended, and how long it took.
    fn read(&self, pace: Pace, length: u64) -> anyhow::Result<(Vec<u8>, Result<(), SourceError>, Duration)> {
        let (source, mut came, began) = (self.holder(pace)?, Vec::new(), Instant::now());
        let read = source.read_range(&self.part, 3, length, &mut |bytes| {
            came.extend_from_slice(bytes);
            ControlFlow::Continue(())
        });
        Ok((came, read, began.elapsed()))
    }

    fn bytes(&self, length: usize) -> anyhow::Result<Vec<u8>> {
        let bytes = std::fs::read(self.store().join(format!("parts/{}.tar.zst", self.part)))?;
        Ok(bytes[3..3 + length].to_vec())
    }
}

#[test]
fn a_range_that_falls_silent_in_its_middle_is_given_up_and_may_be_asked_for_again() -> anyhow::Result<()> {
    let site = Site::new()?;
    let (came, read, took) = site.read(Pace::FallsSilent, 1000)?;
    assert_eq!(came, site.bytes(500)?, "what came before counts");
    let error = read.expect_err("the rest never comes");
    assert!(error.what.starts_with("it did not send the next bytes of the snapshot within 0.4"), "{error}");
    assert!(error.retry && took >= STALL && took < Duration::from_secs(20), "{took:?}");
    Ok(())
}

#[test]
fn a_range_that_takes_far_longer_than_a_stall_is_not_cut_while_bytes_come() -> anyhow::Result<()> {
    let site = Site::new()?;
    let (came, read, took) = site.read(Pace::Trickles, 12)?;
    assert!(read.is_ok(), "{read:?}");
    assert_eq!(came, site.bytes(12)?);
    assert!(took > STALL * 2, "it was slow: {took:?}");
    Ok(())
}

/// Another holder, which has all of it at hand.
struct Sound(DiskStore);

impl Source for Sound {
    fn name(&self) -> &str {
        "sound"
    }

    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let signed = self.0.manifest(id).map_err(|error| SourceError::lasting(error.to_string()))?;
        let _flow = each(&signed.to_bytes());
        Ok(())
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let lasting = |error: String| SourceError::lasting(error);
        let mut range =
            self.0.open_part(part, offset, Some(length)).map_err(|error| lasting(error.to_string()))?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|error| lasting(error.to_string()))?];
        range.file.read_exact(&mut bytes).map_err(|error| lasting(error.to_string()))?;
        let _flow = each(&bytes);
        Ok(())
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Sink for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().expect("nobody panicked").push(event);
    }

    fn expect(&self, _wait: Option<Wait>) {}
}

#[test]
fn a_holder_that_falls_silent_in_the_middle_of_a_range_is_named_and_another_one_delivers()
-> anyhow::Result<()> {
    let site = Site::new()?;
    let silent = site.holder(Pace::FallsSilent)?;
    let sound = Sound(DiskStore::open(Directory::open(&site.store())?)?);
    let into = site.folder.path().join("into");
    std::fs::create_dir(&into)?;
    let heard = Heard::default();
    let sources: [&dyn Source; 2] = [&silent, &sound];
    // With one connection nobody else can help before the silence is over.
    let request = Request {
        sources: &sources,
        connections: 1,
        id: &site.id,
        verifier: &TestSeal("ours"),
        reserve_bytes: Some(0),
        patience: Patience { failures: 2, ..Patience::default() },
        embed_bytes: None,
        limiter: None,
    };
    let began = Instant::now();
    let fetched = fetch::fetch(&request, &Directory::open(&into)?, &|| false, &heard)?;
    assert!(began.elapsed() >= STALL && began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let bytes = std::fs::read(into.join(fetched.manifest.parts[0].file_name()))?;
    assert_eq!(Digest::of(&bytes), fetched.manifest.parts[0].digest);
    let heard = heard.0.into_inner()?;
    let named = format!("{}: it did not send the next bytes of the snapshot within 0.4", silent.name());
    let is_named = |event: &Event| matches!(event, Event::Waiting { cause, .. } if cause.starts_with(&named));
    assert!(heard.iter().any(is_named), "{heard:?}");
    Ok(())
}
