//! Real Salt on a host: the environment that the tests of `tests/it/salt` install, shown to it, and run by its own Python.

#[path = "../it/salt/installed.rs"]
#[expect(dead_code, reason = "here Salt is run within hosts, and not by what is in this file")]
mod installed;
#[path = "../it/salt/results.rs"]
pub mod results;

use super::host::Host;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Where a host finds Salt.
const PLACE: &str = "/opt/salt";

/// Where a host finds the states of the tests.
const STATES: &str = "/opt/states";

/// The configuration of a minion without a master over a tree of states; its name is that of the node.
const MINION: &str = "/srv/salt";

/// What hosts are shown: Salt, and a tree of states.
pub fn shown(tree: &str) -> Vec<(PathBuf, &'static str)> {
    let environment = installed::environment();
    let packages = environment.join("lib/python3.11/site-packages");
    assert!(
        packages.is_dir(),
        "{} was made by another Python than the one of the hosts, 3.11: remove it, and put the python3 of Debian 12 first \
         (apt-get install python3-venv)",
        environment.display()
    );
    vec![(environment.to_owned(), PLACE), (super::support::package(tree), STATES)]
}

/// Makes the minion that [`call`] runs. Salt asks for names of the host, and nobody answers there: it has them in files.
pub fn configure(host: &Host) {
    let configuration = json!({
        "id": "node1",
        "file_client": "local",
        "file_roots": {"base": [STATES]},
        "pillar_roots": {"base": [format!("{MINION}/pillar")]},
        "root_dir": format!("{MINION}/state"),
        "log_level": "quiet",
        "enable_fqdns_grains": false,
        "log_file": format!("{MINION}/log"),
    });
    let script = r#"mkdir -p "$1/pillar" && printf %s "$2" > "$1/minion"
        printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" > /etc/hosts
        sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf; rm -f /etc/resolv.conf"#;
    host.run(&["sh", "-c", script, "sh", MINION, &configuration.to_string()]);
}

/// Applies states with `salt-call --local`, as a person does it; none are those of `top.sls`.
pub fn call(host: &Host, sls: &[&str], pillar: &Value, test: bool) -> Value {
    let path = format!("PYTHONPATH={PLACE}/lib/python3.11/site-packages");
    let program = format!("{PLACE}/bin/salt-call");
    let (pillar, test) =
        (format!("pillar={pillar}"), format!("test={}", if test { "True" } else { "False" }));
    let salt = ["env", &path, "PYTHONWARNINGS=ignore", "python3", &program, "--local", "--out=json"];
    let arguments = ["--config-dir", MINION, "state.apply"];
    let answer = host.output(&[&salt[..], &arguments, sls, &[&pillar, &test]].concat());
    let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    answer["local"].clone()
}
