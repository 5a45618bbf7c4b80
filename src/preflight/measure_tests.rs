//! Tests of the measurements, on this machine and on roots made for them.

use super::*;
use crate::host::routes::Reach;
use crate::host::sockets::PortState;
use crate::preflight::{CHECKS, Requirements, Verdict, judge};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Instant;

fn request(root: &Root) -> Request<'_> {
    Request {
        root,
        node_name: Some("node1".to_owned()),
        advertise_address: Some(Ipv4Addr::LOCALHOST.into()),
        master: None,
        master_timeout: Duration::from_secs(5),
        ports: Vec::new(),
        proxy: Vec::new(),
    }
}

#[test]
fn an_empty_root_is_measured_at_once_and_left_as_it_was() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    let start = Instant::now();
    let measured = measure(&request(&root))?;
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert_eq!(files::list(folder.path())?, Vec::<String>::new());
    assert_eq!(measured.previous?, Previous::default());
    assert!(measured.root_writable && !measured.root_is_host);
    assert!(matches!(measured.services, Services::Processes(_)));
    assert!(measured.sync_times?.len() >= 3);
    Ok(())
}

#[test]
fn a_healthy_machine_passes_every_check_that_can_be_measured() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    let results = judge(&measure(&request(&root))?, &Requirements::default());
    assert_eq!(results.len(), CHECKS.len());
    let failed: Vec<_> = results.iter().filter(|r| matches!(r.verdict, Verdict::Failed { .. })).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    Ok(())
}

#[test]
fn a_held_port_and_a_master_that_answers_are_measured() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let target = listener.local_addr()?;
    let wanted =
        Request { master: Some(target), ports: vec![(target.port(), "a test".to_owned())], ..request(&root) };
    let measured = measure(&wanted)?;
    assert!(matches!(measured.ports[0].state, Ok(PortState::Held(_))), "{:?}", measured.ports);
    let master = measured.master.expect("a master was given");
    assert!(matches!(master.reach, Reach::Connected(_)), "{:?}", master.reach);
    assert_eq!(master.route?.interface.as_deref(), Some("lo"));
    Ok(())
}

#[test]
fn what_earlier_runs_and_others_left_is_told_apart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let root = Root::new(folder.path())?;
    std::fs::create_dir_all(root.join("var/lib/eos/identity"))?;
    std::fs::create_dir_all(root.join("var/lib/eos/lost+found"))?;
    std::fs::create_dir_all(root.join("var/lib/eos/photos"))?;
    std::fs::create_dir_all(root.join("etc/eos/cluster.yaml.d"))?;
    std::fs::write(root.join("etc/eos/token"), "")?;
    assert_eq!(
        previous(&root)?,
        Previous {
            started: true,
            foreign_state: vec!["photos".to_owned()],
            foreign_configuration: vec!["token".to_owned()],
            ..Previous::default()
        }
    );
    std::fs::write(root.join(paths::MEMBERSHIP), "{}")?;
    std::fs::write(root.join(paths::LEDGER), "{}")?;
    let found = previous(&root)?;
    assert!(found.member && found.ledger);
    Ok(())
}
