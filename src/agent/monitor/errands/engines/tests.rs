//! Tests of asking container engines, a real one among them.

mod podman;

use super::*;
use podman::Podman;
use std::fs;
use std::time::Instant;

#[test]
fn an_engine_without_a_socket_is_not_asked_and_one_with_a_socket_is_named() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    assert_eq!(prune(&root, 3, true), []);
    fs::create_dir_all(root.join("run/podman"))?;
    let _engine = std::os::unix::net::UnixListener::bind(root.join("run/podman/podman.sock"))?;
    let planned = prune(&root, 3, true);
    let url = format!("unix://{}/run/podman/podman.sock", root.path().display());
    assert_eq!(
        planned[0].command,
        ["podman", "--url", &url, "system", "prune", "--force", "--filter", "until=72h"]
    );
    assert_eq!((planned.len(), planned[0].bytes), (1, None));
    Ok(())
}

#[test]
fn what_an_engine_says_it_freed_is_understood() {
    let pruned = Pruned { command: vec![], bytes: None, said: None, failure: None };
    let said = |text: &str| told(pruned.clone(), text).bytes;
    assert_eq!(said("Deleted Containers:\n0123\n\nTotal reclaimed space: 1.5GB\n"), Some(1_500_000_000));
    assert_eq!(said("Total reclaimed space: 0B\n"), Some(0));
    assert_eq!(said("Total reclaimed space: 12.25kB"), Some(12_250));
    assert_eq!(said("Total reclaimed space: much\n"), None);
    assert_eq!(said(""), None);
}

#[test]
fn an_engine_that_does_not_answer_is_told() -> anyhow::Result<()> {
    let pruned = Pruned { command: vec!["/bin/false".to_owned()], bytes: None, said: None, failure: None };
    let failure = asked(pruned).failure.expect("a failure");
    assert_eq!(failure.code, "EOS-H012");
    Ok(())
}

#[test]
fn a_real_engine_removes_what_nobody_uses_for_longer_than_the_retention_and_nothing_else()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    let engine = Podman::start(&root)?;
    engine.image("localhost/base:1")?;
    engine.image("localhost/used:1")?;
    engine.run("ran", &["localhost/base:1", "/bin/busybox", "sh", "-c", "echo kept > /data/file"])?;
    // An image in use that has lost its name, one that nobody uses, and one that has a name.
    engine.run("runs", &["--detach", "localhost/used:1", "/bin/busybox", "sleep", "600"])?;
    engine.image("localhost/used:1")?;
    engine.image("localhost/used:1")?;
    engine.asked(&["create", "--name", "never-ran", "localhost/base:1", "/bin/busybox", "true"])?;
    let (containers, images) = (engine.containers()?, engine.images()?);
    assert_eq!(
        (containers.as_slice(), images.len()),
        (["never-ran", "ran", "runs"].map(str::to_owned).as_slice(), 4)
    );

    // All of it is younger than a day, and a dry run asks for nothing.
    let young = prune(&root, 1, false);
    assert_eq!((young[0].bytes, &young[0].failure), (Some(0), &None), "{young:?}");
    assert_eq!(prune(&root, 0, true)[0].bytes, None);
    assert_eq!((engine.containers()?, engine.images()?), (containers, images.clone()));

    // An engine counts in whole seconds.
    let (since, mut freed) = (Instant::now(), 0);
    while engine.containers()? != ["runs"] || engine.images()?.len() > 3 {
        let pruned = prune(&root, 0, false);
        assert_eq!(pruned[0].failure, None, "{pruned:?}");
        freed += pruned[0].bytes.expect("it says what it freed");
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "{:?} {:?}",
            engine.containers()?,
            engine.images()?
        );
    }
    assert!(freed > 100_000, "an image of some hundred kilobytes went: {freed} bytes");
    let gone: Vec<_> =
        images.iter().filter(|image| !engine.images().is_ok_and(|left| left.contains(image))).collect();
    assert_eq!(gone.len(), 1);
    assert!(engine.is_running("runs")?, "what runs goes on");
    let file = engine.asked(&["exec", "runs", "/bin/busybox", "cat", "/data/file"])?;
    assert_eq!(file, "kept\n", "and a volume keeps what stopped containers wrote");
    Ok(())
}

#[test]
fn an_engine_that_ended_and_left_its_socket_is_a_failure_and_nothing_is_removed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    fs::create_dir_all(root.join("run/podman"))?;
    drop(std::os::unix::net::UnixListener::bind(root.join("run/podman/podman.sock"))?);
    let pruned = prune(&root, 1, false);
    let failure = pruned[0].failure.as_ref().expect("nobody listens");
    assert_eq!((failure.code.as_str(), pruned[0].bytes), ("EOS-H012", None), "{failure:?}");
    Ok(())
}
