//! The listener against callers that hold what they do not use, over real sockets.

use super::*;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::served::Served;
use crate::identity::tls;
use crate::model::ids::ClusterId;
use axum::Extension;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use rustix::process::{Resource, Rlimit, setrlimit};
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(10);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty frame of settings.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Limits short enough to be met in a test.
fn short() -> Limits {
    let brief = Duration::from_millis(200);
    Limits {
        handshake: brief,
        head: PATIENCE,
        body: brief,
        answer: Duration::from_millis(600),
        stranger_idle: brief,
        member_idle: PATIENCE,
        ping: Duration::from_millis(40),
        ..Limits::agent()
    }
}

struct Lab {
    address: SocketAddr,
    authority: Authority,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// Ten bytes, one every 100 ms: longer in all than an answer may make no progress.
async fn slow_answer() -> Body {
    let ticks = tokio::time::interval(Duration::from_millis(100));
    Body::from_stream(futures_util::stream::unfold((ticks, 0), |(mut ticks, sent)| async move {
        ticks.tick().await;
        let byte = Ok::<_, std::convert::Infallible>(Bytes::from_static(b"."));
        (sent < 10).then_some((byte, (ticks, sent + 1)))
    }))
}

async fn long_poll(Extension(stopping): Extension<Stopping>) -> &'static str {
    let waited = timeout(Duration::from_millis(400), stopping.requested()).await;
    if waited.is_ok() { "stopping" } else { "waited" }
}

async fn until_stopped(Extension(stopping): Extension<Stopping>) -> &'static str {
    stopping.requested().await;
    "stopping"
}

async fn lab(limits: Limits) -> anyhow::Result<Lab> {
    let authority = Authority::create(ClusterId::parse("c-01")?, PrivateKey::generate()?, now())?;
    let key = PrivateKey::generate()?;
    let own = authority.sign_key(&key, &Grant { subject: Subject::Master, now: now() })?;
    let config = tls::server(Served::new(&own, &key, authority.pem())?, authority.pem())?;
    let listener = listen("127.0.0.1:0".parse()?)?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/body", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/poll", get(long_poll))
        .route("/wait", get(until_stopped))
        .route("/slow", get(slow_answer));
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let shutdown = async move { drop(stopped.await) };
        serve(listener, Arc::new(config), router, limits, shutdown).await;
    });
    Ok(Lab { address, authority, stop: Some(stop), serving })
}

fn now() -> i64 {
    crate::host::clock::now_seconds()
}

impl Lab {
    /// How a caller speaks TLS; each member has a key of its own.
    fn caller(&self, alpn: &[u8], member: bool) -> anyhow::Result<TlsConnector> {
        let key = PrivateKey::generate()?;
        let grant = Grant { subject: Subject::Node(key.node_id()), now: now() };
        let own = self.authority.sign_request(&key.request()?, &grant)?;
        let shown = member.then_some((own.as_str(), &key));
        let mut config = tls::client(self.authority.pem(), shown)?;
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }

    async fn connect(&self, alpn: &[u8], member: bool) -> anyhow::Result<TlsStream<TcpStream>> {
        secure(&self.caller(alpn, member)?, TcpStream::connect(self.address).await?).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut stream = self.connect(b"http/1.1", false).await?;
        ask(&mut stream, path).await?;
        rest(&mut stream).await
    }
}

async fn secure(caller: &TlsConnector, tcp: TcpStream) -> anyhow::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(crate::identity::authority::MASTER_NAME)?;
    Ok(caller.connect(name, tcp).await?)
}

async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) -> std::io::Result<()> {
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await
}

/// Everything up to the end of the connection, however it ends.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // A connection may also end without a farewell of TLS, which is an error of reading.
    let _ended = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn a_body_that_comes_a_byte_at_a_time_is_not_waited_for() -> anyhow::Result<()> {
    let lab = lab(short()).await?;
    let stream = lab.connect(b"http/1.1", true).await?;
    let (mut reading, mut writing) = tokio::io::split(stream);
    let trickle = tokio::spawn(async move {
        writing.write_all(b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n").await?;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            writing.write_all(b".").await?;
            writing.flush().await?;
        }
        #[expect(unreachable_code, reason = "names the type of the error")]
        std::io::Result::Ok(())
    });
    let answer = rest(&mut reading).await?;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(timeout(PATIENCE, trickle).await??.is_err(), "the connection was closed");
    Ok(())
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed() -> anyhow::Result<()> {
    let lab = lab(short()).await?;
    for alpn in [&b"http/1.1"[..], b"h2"] {
        let mut silent = lab.connect(alpn, false).await?;
        rest(&mut silent).await?;
    }
    let mut raw = TcpStream::connect(lab.address).await?;
    rest(&mut raw).await?;
    Ok(())
}

#[tokio::test]
async fn pings_alone_keep_no_connection() -> anyhow::Result<()> {
    let lab = lab(short()).await?;
    let mut stream = lab.connect(b"h2", false).await?;
    stream.write_all(&[PREFACE, SETTINGS].concat()).await?;
    let answering = async {
        let mut pings = 0;
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            // A ping that is no answer.
            if head[3] == 6 && head[4] & 1 == 0 {
                pings += 1;
                let answer = [&[0, 0, 8, 6, 1, 0, 0, 0, 0], &payload[..]].concat();
                if stream.write_all(&answer).await.is_err() {
                    break;
                }
            }
        }
        pings
    };
    assert!(timeout(PATIENCE, answering).await? > 0, "it was asked and answered");
    Ok(())
}

/// `SETTINGS_MAX_CONCURRENT_STREAMS` of RFC 9113.
const MOST_STREAMS: u16 = 3;

#[tokio::test]
async fn a_stranger_asks_fewer_things_at_a_time_than_a_member() -> anyhow::Result<()> {
    let lab = lab(short()).await?;
    for (member, streams) in [(false, 4), (true, 64)] {
        let mut stream = lab.connect(b"h2", member).await?;
        stream.write_all(&[PREFACE, SETTINGS].concat()).await?;
        stream.flush().await?;
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        assert_eq!(head[3], 4, "the first frame is of settings");
        let mut settings = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut settings).await?;
        let found = settings.chunks_exact(6).find(|found| found[..2] == MOST_STREAMS.to_be_bytes());
        let most = found.map(|found| u32::from_be_bytes([found[2], found[3], found[4], found[5]]));
        assert_eq!(most, Some(streams));
    }
    Ok(())
}

#[tokio::test]
async fn a_long_poll_and_a_slow_answer_come_to_their_end() -> anyhow::Result<()> {
    let lab = lab(short()).await?;
    let (polled, streamed) = tokio::join!(lab.get("/poll"), lab.get("/slow"));
    assert!(polled?.ends_with("\r\n\r\nwaited"), "an open request is no idle connection");
    assert_eq!(streamed?.matches("\r\n.\r\n").count(), 10, "an answer that makes progress goes on");
    Ok(())
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() -> anyhow::Result<()> {
    let lab = lab(short()).await?;
    let mut stream = lab.connect(b"http/1.1", true).await?;
    ask(&mut stream, "/wait").await?;
    assert_eq!(rest(&mut stream).await?, "", "no progress within the limit of an answer");
    Ok(())
}

#[tokio::test]
async fn strangers_of_one_address_are_limited_and_others_and_members_are_not() -> anyhow::Result<()> {
    let lab = lab(Limits { strangers_per_address: 2, stranger_idle: PATIENCE, ..short() }).await?;
    let member = lab.connect(b"h2", true).await?;
    let first = lab.connect(b"http/1.1", false).await?;
    let _second = lab.connect(b"http/1.1", false).await?;
    let mut third = lab.connect(b"http/1.1", false).await?;
    assert_eq!(rest(&mut third).await?, "", "it is closed at once");
    let elsewhere = TcpSocket::new_v4()?;
    elsewhere.bind("127.0.0.77:0".parse()?)?;
    let elsewhere = elsewhere.connect(lab.address).await?;
    let mut elsewhere = secure(&lab.caller(b"http/1.1", false)?, elsewhere).await?;
    let nothing = timeout(Duration::from_millis(100), elsewhere.read_u8()).await;
    assert!(nothing.is_err(), "a connection from another address stays");
    drop((member, first));
    let again = async { while !lab.get("/poll").await.is_ok_and(|answer| answer.ends_with("waited")) {} };
    timeout(PATIENCE, again).await?;
    Ok(())
}

#[tokio::test]
async fn one_certificate_opens_so_many_connections_and_another_is_not_touched() -> anyhow::Result<()> {
    let lab = lab(Limits { per_key: 2, ..short() }).await?;
    let removed = lab.caller(b"http/1.1", true)?;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(secure(&removed, TcpStream::connect(lab.address).await?).await?);
    }
    let mut third = secure(&removed, TcpStream::connect(lab.address).await?).await?;
    assert_eq!(rest(&mut third).await?, "", "it is closed at once");
    let mut other = lab.connect(b"http/1.1", true).await?;
    ask(&mut other, "/poll").await?;
    assert!(rest(&mut other).await?.ends_with("waited"));
    Ok(())
}

/// How many agents stand behind one address in the test of their return.
const AGENTS: usize = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_agents_behind_one_address_come_back_at_once() -> anyhow::Result<()> {
    crate::host::descriptors::allow(4 * AGENTS as u64);
    let limits = Limits::master();
    // The agents share one processor here, so a handshake may take its time.
    let lab = lab(Limits { handshakes: 32, hurry: PATIENCE, strangers_per_address: 8, ..limits }).await?;
    let keys: Vec<_> = (0..AGENTS.div_ceil(limits.per_key)).map(|_| lab.caller(b"http/1.1", true)).collect();
    let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut waiting = Vec::new();
    for number in 0..AGENTS {
        waiting.push((keys[number % keys.len()].clone(), TcpStream::connect(lab.address).await?));
    }
    let asking = waiting.into_iter().map(|(key, tcp)| async move {
        let mut stream = secure(&key, tcp).await?;
        // No farewell is asked for: the connection stays, as an agent's does.
        stream.write_all(b"GET /poll HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        let mut status = [0; 15];
        stream.flush().await?;
        stream.read_exact(&mut status).await?;
        anyhow::ensure!(status == *b"HTTP/1.1 200 OK", "{}", String::from_utf8_lossy(&status));
        Ok(stream)
    });
    let agents = timeout(6 * PATIENCE, futures_util::future::join_all(asking)).await?;
    let agents: anyhow::Result<Vec<_>> = agents.into_iter().collect();
    assert_eq!(agents?.len(), AGENTS, "every agent is answered at its first attempt");

    let stranger = lab.caller(b"http/1.1", false)?;
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(secure(&stranger, TcpStream::connect(lab.address).await?).await?);
    }
    let mut answered = 0;
    for stranger in &mut strangers {
        let asked = ask(stranger, "/poll").await;
        answered += usize::from(asked.is_ok() && rest(stranger).await?.ends_with("waited"));
    }
    assert_eq!(answered, 8, "strangers of one address stay bounded");
    Ok(())
}

#[tokio::test]
async fn handshakes_that_come_to_nothing_make_room_sooner_while_others_wait() -> anyhow::Result<()> {
    let hurry = Duration::from_millis(100);
    let lab = lab(Limits { handshakes: 2, hurry, handshake: 10 * PATIENCE, ..short() }).await?;
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(TcpStream::connect(lab.address).await?);
    }
    assert!(timeout(PATIENCE, lab.get("/poll")).await??.ends_with("waited"));
    Ok(())
}

#[tokio::test]
async fn a_member_asks_again_on_its_connection_after_a_pause() -> anyhow::Result<()> {
    let pause = Duration::from_millis(200);
    let lab = lab(Limits { head: pause, ..short() }).await?;
    let mut stream = lab.connect(b"http/1.1", true).await?;
    stream.write_all(b"GET /poll HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"waited") {
        answer.push(timeout(PATIENCE, stream.read_u8()).await??);
    }
    let nothing = timeout(4 * pause, stream.read_u8()).await;
    assert!(nothing.is_err(), "it was closed: {nothing:?}");
    ask(&mut stream, "/poll").await?;
    assert!(rest(&mut stream).await?.ends_with("waited"));
    Ok(())
}

#[tokio::test]
async fn a_waiting_request_ends_when_the_daemon_stops() -> anyhow::Result<()> {
    let mut lab = lab(Limits { answer: PATIENCE, ..short() }).await?;
    let mut stream = lab.connect(b"http/1.1", true).await?;
    ask(&mut stream, "/wait").await?;
    let mut raw = TcpStream::connect(lab.address).await?;
    // Answered on another connection, so the waiting request has been read as well.
    lab.get("/poll").await?;
    let began = Instant::now();
    lab.stop.take().map(|stop| stop.send(()));
    timeout(PATIENCE, lab.serving).await??;
    assert!(began.elapsed() < DRAIN, "it took {:?}", began.elapsed());
    assert!(rest(&mut stream).await?.ends_with("stopping"));
    assert_eq!(rest(&mut raw).await?, "");
    Ok(())
}

/// Set in the process that runs out of descriptors.
const POOR: &str = "EOS_TEST_FEW_DESCRIPTORS";

#[test]
fn a_listener_without_descriptors_waits_instead_of_asking_again_at_once() -> anyhow::Result<()> {
    if std::env::var_os(POOR).is_some() {
        return without_descriptors();
    }
    let name = "server::tests::a_listener_without_descriptors_waits_instead_of_asking_again_at_once";
    let mut poor = std::process::Command::new(std::env::current_exe()?);
    let ended = poor.args(["--exact", name, "--test-threads=1"]).env(POOR, "1").output()?;
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    Ok(())
}

/// Spends the descriptors of this process, then serves for a second with a caller in the queue.
#[tokio::main(flavor = "current_thread")]
async fn without_descriptors() -> anyhow::Result<()> {
    let lab = lab(Limits::agent()).await?;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum: Some(64) })?;
    let mut held = Vec::new();
    while let Ok(socket) = TcpSocket::new_v4() {
        held.push(socket);
    }
    let last = held.pop().ok_or_else(|| anyhow::anyhow!("no descriptor was free"))?;
    let _waiting = last.connect(lab.address).await?;
    let before = used();
    let second = timeout(Duration::from_secs(1), std::future::pending::<()>()).await;
    assert!(second.is_err());
    let busy = used() - before;
    assert!(busy < Duration::from_millis(300), "{busy:?} of processor time in a second");
    Ok(())
}

/// The processor time of this process.
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
