//! The routes as their callers see them, on a master of its own directory.

use super::router;
use crate::host::clock;
use crate::host::paths;
use crate::host::root::Root;
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::{Subject, Summary};
use crate::identity::key::PrivateKey;
use crate::master::app::{App, Parts};
use crate::master::audit::AuditLog;
use crate::master::cluster::Cluster;
use crate::master::snapshots::ClusterSnapshots;
use crate::model::config::Config;
use crate::model::digest::Fingerprint;
use crate::model::ids::ClusterId;
use crate::registry::sqlite::SqliteRegistry;
use crate::registry::{Change, Registry};
use crate::server::{Peer, Stopping};
use crate::serving::Reread;
use axum::Extension;
use axum::body::Body;
use axum::http::{Request, Response, header};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt;

mod deciding;
mod holding;
mod joining;
mod pulls;

struct Lab {
    root: Root,
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

fn lab() -> anyhow::Result<Lab> {
    lab_with(|_| {})
}

/// With this change to the configuration.
fn lab_with(change: impl FnOnce(&mut Config)) -> anyhow::Result<Lab> {
    let mut config = Config::default();
    change(&mut config);
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    for directory in [paths::CLUSTER_STATES, paths::ETC] {
        std::fs::create_dir_all(root.join(directory))?;
    }
    for file in [paths::REGISTRY, paths::AUDIT, paths::MASTER_SNAPSHOTS] {
        std::fs::create_dir_all(root.join(file).parent().expect("it is below the root"))?;
    }
    std::fs::write(root.join(paths::ETC).join("cluster.yaml"), "version: 1\n")?;
    let mut registry = SqliteRegistry::open(&root.join(paths::REGISTRY))?;
    let id = || ClusterId::parse("c1").expect("an id");
    registry.commit(&[Change::Cluster(id()), Change::Generation(3)])?;
    let authority = Authority::create(id(), PrivateKey::generate()?, clock::now_seconds())?;
    let signer = PrivateKey::generate()?;
    let grant = Grant { subject: Subject::Master, now: clock::now_seconds() };
    let app = App::new(Parts {
        root: root.clone(),
        address: SocketAddr::from(([127, 0, 0, 1], 1)),
        sources: Reread::new({
            let roles = config.snapshot.roles();
            move || Ok(roles.clone())
        }),
        config,
        certificate: authority.sign_key(&signer, &grant)?,
        authority,
        signer,
        snapshots: ClusterSnapshots::open(&root, 2)?,
        cluster: Cluster::load(Box::new(registry), clock::now_ms())?,
        audit: AuditLog::open(&root.join(paths::AUDIT))?,
        #[cfg(feature = "testing")]
        faults: crate::master::faults::Faults::of(&root),
    })?;
    Ok(Lab { root, app, _folder: folder })
}

impl Lab {
    async fn ask(&self, operator: bool, request: Request<Body>) -> anyhow::Result<Response<Body>> {
        let subject = operator.then(|| Summary {
            cluster: ClusterId::parse("c1").expect("an id"),
            subject: Subject::Admin,
            key: Fingerprint::from_bytes([0; 32]),
            not_before: 0,
            not_after: 0,
        });
        let peer = Peer { address: [10, 0, 0, 7].into(), subject };
        let router = router(self.app.clone()).layer(Extension(peer)).layer(Extension(Stopping::default()));
        Ok(router.oneshot(request).await?)
    }

    async fn get(&self, path: &str) -> anyhow::Result<(u16, Value)> {
        let answer = self.ask(true, Request::get(path).body(Body::empty())?).await?;
        read(answer).await
    }
}

async fn read(answer: Response<Body>) -> anyhow::Result<(u16, Value)> {
    let status = answer.status().as_u16();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await?;
    Ok((status, serde_json::from_slice(&bytes)?))
}

/// The first part of the newest snapshot: its path on disk and in the API.
async fn part(lab: &Lab) -> anyhow::Result<(std::path::PathBuf, String)> {
    lab.get("/v1/snapshots/latest").await?;
    let parts = lab.root.join(paths::MASTER_SNAPSHOTS).join("parts");
    let first = std::fs::read_dir(&parts)?.next().ok_or_else(|| anyhow::anyhow!("no part"))??;
    let name = first.file_name().to_string_lossy().into_owned();
    let digest = name.split('.').next().unwrap_or_default();
    Ok((first.path(), format!("/v1/snapshots/parts/{digest}")))
}

#[tokio::test]
async fn a_snapshot_is_of_the_generation_that_its_registry_has() -> anyhow::Result<()> {
    let lab = lab()?;
    let (_, first) = lab.get("/v1/snapshots/latest").await?;
    let (_, again) = lab.get("/v1/snapshots/latest").await?;
    assert_eq!(first, again, "nothing has changed");
    lab.app.cluster().commit(vec![Change::Generation(4)])?;
    let (status, newer) = lab.get("/v1/snapshots/latest").await?;
    assert_ne!((status, &first["id"]), (200, &newer["id"]));
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_made_is_told_as_that() -> anyhow::Result<()> {
    let lab = lab()?;
    std::fs::remove_dir_all(lab.root.join(paths::CLUSTER_STATES))?;
    let (status, error) = lab.get("/v1/snapshots/latest").await?;
    assert_eq!((status, &error["error"]["code"]), (500, &Value::from("EOS-M018")), "{error}");
    Ok(())
}

#[tokio::test]
async fn only_what_is_not_there_is_an_unknown_snapshot() -> anyhow::Result<()> {
    let lab = lab()?;
    let (_, latest) = lab.get("/v1/snapshots/latest").await?;
    let id = latest["id"].as_str().unwrap_or_default().to_owned();
    let (status, error) = lab.get(&format!("/v1/snapshots/{}/manifest", id.replace(['0', '1'], "2"))).await?;
    assert_eq!((status, &error["error"]["code"]), (404, &Value::from("EOS-T163")), "{error}");
    let manifests = lab.root.join(paths::MASTER_SNAPSHOTS).join("manifests");
    std::fs::write(manifests.join(format!("{id}.json")), "{}")?;
    let (status, error) = lab.get(&format!("/v1/snapshots/{id}/manifest")).await?;
    assert_eq!((status, &error["error"]["code"]), (500, &Value::from("EOS-T166")), "{error}");
    let (_, told) = lab.get("/v1/status").await?;
    let warning = format!("snapshot {id}.json of the cluster cannot be read: ");
    assert!(told["warnings"][0].as_str().is_some_and(|text| text.starts_with(&warning)), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_range_outside_a_part_is_told_with_the_size_of_the_part() -> anyhow::Result<()> {
    let lab = lab()?;
    let (file, path) = part(&lab).await?;
    let size = std::fs::metadata(&file)?.len();
    let ask = async |range: String| {
        let request = Request::get(&path).header(header::RANGE, range).body(Body::empty())?;
        lab.ask(true, request).await
    };
    let whole = ask("bytes=0-18446744073709551615".to_owned()).await?;
    assert_eq!(whole.status(), 206);
    assert_eq!(whole.headers()[header::CONTENT_RANGE], format!("bytes 0-{}/{size}", size - 1));
    let outside = ask(format!("bytes={}-", size + 1)).await?;
    assert_eq!(outside.headers()[header::CONTENT_RANGE], format!("bytes */{size}"));
    let (status, error) = read(outside).await?;
    assert_eq!(status, 416, "{error}");
    Ok(())
}

#[tokio::test]
async fn a_stranger_is_refused_before_anything_is_read() -> anyhow::Result<()> {
    let lab = lab()?;
    // What is read for an answer is gone, so whoever reads first fails with another error.
    std::fs::remove_dir_all(lab.root.join(paths::MASTER_SNAPSHOTS))?;
    for path in ["/v1/status", "/v1/audit"] {
        let request = Request::get(path).body(Body::empty())?;
        let (status, error) = read(lab.ask(false, request).await?).await?;
        assert_eq!((status, &error["error"]["code"]), (403, &Value::from("EOS-M011")), "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn the_newest_lines_of_the_audit_log_are_told() -> anyhow::Result<()> {
    let lab = lab()?;
    for number in 0..1002 {
        lab.app.audit("operator", "accept", &format!("node{number}"), "")?;
    }
    let (_, all) = lab.get("/v1/audit").await?;
    assert_eq!(all.as_array().map(Vec::len), Some(1000));
    let (_, two) = lab.get("/v1/audit?newest=2").await?;
    let subjects: Vec<&str> =
        two.as_array().into_iter().flatten().filter_map(|l| l["subject"].as_str()).collect();
    assert_eq!(subjects, ["node1000", "node1001"]);
    Ok(())
}

#[tokio::test]
async fn a_body_beyond_16_kib_is_refused() -> anyhow::Result<()> {
    let lab = lab()?;
    let body = format!("{{\"port\": 1{}}}", " ".repeat(16 * 1024));
    let request = Request::post("/v1/dial-back").header(header::CONTENT_TYPE, "application/json");
    let (status, error) = read(lab.ask(false, request.body(Body::from(body))?).await?).await?;
    assert_eq!(status, 413);
    let text = "the master cannot read the request: Failed to buffer the request body: length limit exceeded";
    refused(&error, "EOS-M027", text);
    Ok(())
}

/// What an answer says of its refusal.
#[track_caller]
fn refused(answer: &Value, code: &str, text: &str) {
    let error = &answer["error"];
    assert_eq!((error["code"].as_str(), error["message"].as_str()), (Some(code), Some(text)), "{answer}");
    assert!(error["hints"][0].is_string(), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_not_what_it_should_be_is_refused_in_the_masters_words() -> anyhow::Result<()> {
    let lab = lab()?;
    let post = async |body: &'static str, kind: &'static str| {
        let request = Request::post("/v1/register").header(header::CONTENT_TYPE, kind);
        read(lab.ask(false, request.body(Body::from(body))?).await?).await
    };
    let json = "application/json";
    for (body, kind, wanted, why) in [
        ("{", json, 400, "Failed to parse the request body as JSON: "),
        ("{\"csr\": 7}", json, 422, "Failed to deserialize the JSON body into the target type: "),
        ("{}", "text/plain", 415, "Expected request with `Content-Type: application/json`"),
    ] {
        let (status, error) = post(body, kind).await?;
        let said = error["error"]["message"].as_str().unwrap_or_default();
        let text = format!("the master cannot read the request: {why}");
        assert!(status == wanted && said.starts_with(&text), "{status}: {error}");
        assert_eq!(error["error"]["code"], "EOS-M027");
    }
    Ok(())
}

#[tokio::test]
async fn what_this_version_does_not_know_is_refused_in_the_masters_words() -> anyhow::Result<()> {
    let lab = lab()?;
    for (request, what) in
        [(Request::get("/v2/hello?x=1"), "GET /v2/hello"), (Request::delete("/v1/hello"), "DELETE /v1/hello")]
    {
        let (status, error) = read(lab.ask(false, request.body(Body::empty())?).await?).await?;
        assert_eq!(status, 404, "{error}");
        refused(&error, "EOS-M027", &format!("the master cannot read the request: there is no {what}"));
    }
    Ok(())
}

/// A registration of protocol 1, which was not signed, with this certificate request and challenge.
fn registration(csr: &str, challenge: &str) -> Value {
    serde_json::json!({
        "registration": {
            "hostname": "node2", "ip": "10.0.0.7",
            "resources": crate::model::facts::Resources::default(),
            "request_role": null, "machine_id": null, "hardware_id": null, "boot_id": null,
            "versions": {"protocol": 1, "oldest_protocol": 1, "version": "0.1.0"}, "clock_ms": 1,
        },
        "csr": csr, "challenge": challenge, "nonce": "n", "token": null,
    })
}

#[tokio::test]
async fn a_stale_challenge_and_a_damaged_request_for_a_certificate_are_refused() -> anyhow::Result<()> {
    let lab = lab()?;
    let register = async |csr: &str, challenge: &str| {
        let body = Body::from(registration(csr, challenge).to_string());
        let request = Request::post("/v1/register").header(header::CONTENT_TYPE, "application/json");
        read(lab.ask(false, request.body(body)?).await?).await
    };
    let csr = PrivateKey::generate()?.request()?;
    // Made by a master before its restart: each has a key of its own.
    let challenge = crate::identity::proof::Challenger::new()?.issue(clock::now_ms() / 1000)?;
    let (status, error) = register(&csr, &challenge).await?;
    assert_eq!(status, 503, "{error}");
    let text = "the challenge is older than 300 s or from before a restart of the master";
    refused(&error, "EOS-J009", text);
    let fresh = lab.app.challenger.issue(clock::now_ms() / 1000)?;
    let (status, answer) = register(&csr, &fresh).await?;
    assert_eq!((status, &answer["state"]), (200, &Value::from("pending")), "{answer}");
    let (status, error) = register("no request", &fresh).await?;
    assert_eq!(status, 500, "{error}");
    refused(&error, "EOS-M017", "the node's identity could not be used");
    Ok(())
}

#[tokio::test]
async fn an_audit_log_with_a_line_that_is_no_record_is_not_told_in_part() -> anyhow::Result<()> {
    let lab = lab()?;
    lab.app.audit("operator", "accept", "node2", "")?;
    let path = lab.root.join(paths::AUDIT);
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.replace("{", ""))?;
    lab.app.audit("operator", "accept", "node3", "")?;
    let (status, error) = lab.get("/v1/audit").await?;
    assert_eq!(status, 500);
    refused(&error, "EOS-M026", "the audit log holds a line that is no record");
    Ok(())
}
