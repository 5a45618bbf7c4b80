//! Services under one and the same systemd: eos and real Salt apply the same states on two hosts that are alike, and each
//! service has then begun, read its configuration again and ended as often on both, and each state ended in the same way.

use super::host::Host;
use super::lab::Lab;
use super::salt::{self, results};
use eos::model::role::Role;
use eos::model::scale::Scale;
use eos::sls::Inputs;
use serde_json::{Value, json};

/// What is there before, on both hosts: units of one kind, which write down what befalls them, in the states that the
/// words of each line give. The last word is where a unit differs from the others.
const BEFORE: &str = r#"
set -eu
mkdir -p /srv/told /srv/ids
echo before > /srv/watched
units=/etc/systemd/system
while read -r name active enabled kind; do
    unit=$units/eos-test-$name.service
    sed 's/{{ description }}/A test/' /opt/states/services/test.service > $unit
    case $kind in
        static) sed -i '/Install/,$d' $unit ;;
        failing) sed -i 's|^ExecStart=.*|ExecStart=/bin/nothing-that-is-there|' $unit ;;
        unreloadable) sed -i '/^ExecReload/d' $unit ;;
        masked) ln -sf /dev/null $unit ;;
    esac
    [ $enabled = - ] || systemctl --quiet enable eos-test-$name
    [ $active = - ] || to_start="${to_start:-} eos-test-$name"
done <<UNITS
$1
UNITS
systemctl daemon-reload
systemctl start $to_start
rm -f /srv/told/* /srv/changed
"#;

const UNITS: &str = "stopped - -
stopped-enable - -
running-enable active -
running-disable active enabled
restarts active -
starts-once - -
reloads active enabled
listens active -
both active -
static active - static
static-too - - static
dies active enabled
dies-disable active enabled
dead-enable - -
dead-watches active -
masked - - masked
enabled - -
enabled-already - enabled
disabled active enabled
held-back active -
";

const FAILING: &str = "failing - - failing
failing-too - - failing
masked - - masked
masked-too - - masked
cannot-reload active - unreloadable
starts - -
dies active enabled
after - -
";

/// Each unit: whether it starts at boot, how it is, whether it is another invocation than at the last call of this, and
/// what befell it since.
const TELL: &str = r#"
cd /etc/systemd/system
for unit in $1; do
    name=${unit%.service}
    now=$(systemctl show -P InvocationID $unit)
    then=$(cat /srv/ids/$name 2>/dev/null || true)
    printf %s "$now" > /srv/ids/$name
    [ "$now" = "$then" ] && same=same || same=other
    [ -e $unit ] || continue
    echo "$name: $(systemctl is-enabled $unit 2>/dev/null) $(systemctl show -P ActiveState -P SubState $unit | tr '\n' ' ')$same invocation:" $(cat /srv/told/$name 2>/dev/null)
    rm -f /srv/told/$name
done
"#;

/// The files of the units of these tests.
const TESTED: &str = "eos-test-*.service";

/// The unit of the storage monitor, which the shipped tree writes and runs.
const MONITOR: &str = "eos-storage-monitor.service";

/// Takes away what the shipped tree made of the monitor, and whoever would bring it back.
const WITHOUT_MONITOR: &str = "
systemctl stop eos-agent eos-master
systemctl --quiet disable --now eos-storage-monitor
rm /etc/systemd/system/eos-storage-monitor.service /etc/eos/storage-ops.yaml
systemctl daemon-reload
mkdir -p /srv/ids
";

/// A pair of hosts: eos applies states on the first one, Salt on the second one.
struct Pair {
    eos: Host,
    salt: Host,
    _lab: Lab,
}

impl Pair {
    fn up(tree: &str) -> Self {
        let lab = Lab::new(2);
        let [eos, salt] = [1, 2].map(|number| Host::boot_with(&lab, number, salt::shown(tree)));
        for host in [&eos, &salt] {
            host.run(&["eos", "bootstrap", "--single-node", "--node-name", "node1"]);
        }
        salt::configure(&salt);
        Self { eos, salt, _lab: lab }
    }

    fn prepare(&self, units: &str) {
        for host in [&self.eos, &self.salt] {
            host.run(&["sh", "-c", BEFORE, "sh", units.trim_end()]);
        }
    }

    /// What is told of the units whose files have these names: under Salt, and under eos.
    fn told(&self, units: &str) -> [String; 2] {
        [&self.salt, &self.eos].map(|host| host.run(&["sh", "-c", TELL, "sh", units]))
    }

    /// What is told of them, which must be the same.
    #[track_caller]
    fn assert_same_units(&self, units: &str, what: &str) -> String {
        let [salt, eos] = self.told(units);
        let difference = eos::sls::unified::unified("units", &salt, &eos);
        assert!(salt == eos, "{what}: the units under Salt (-) and under eos (+) differ:\n{difference}");
        eos
    }

    /// Applies states with both, which must end alike; gives what eos answered.
    fn apply(&self, sls: &[&str], pillar: &Value, test: bool, what: &str) -> Vec<results::Ended> {
        let mut arguments = vec!["eos", "state", "apply", "--output", "json"];
        arguments.extend(test.then_some("--test"));
        let done = self.eos.try_run(&arguments);
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        let last: Value = serde_json::from_str(printed.lines().next_back().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{what}: {error}: {done:?}"));
        assert!(last["result"]["states"].is_array(), "{what}: {last}");
        let eos = results::of_eos(&last["result"]["states"], "\0");
        let answer = salt::call(&self.salt, sls, pillar, test);
        let salt = results::of_salt(&answer, "\0").unwrap_or_else(|errors| panic!("{what}: {errors}"));
        results::assert_same(&salt, &eos, test, what);
        eos
    }
}

/// Makes a case what is applied on the host of eos, whose tree is in the cluster's state.
fn assign(pair: &Pair, case: &str) {
    let states = "/var/lib/eos/cluster/states";
    let script = format!(
        "rm -rf {states} && cp -r /opt/states {states} && printf \"base:\\n  '*':\\n    - {case}\\n\" > {states}/top.sls"
    );
    pair.eos.run(&["sh", "-c", &script]);
}

#[test]
fn services_of_systemd_are_changed_by_eos_as_by_salt_and_are_as_often_started_reloaded_and_ended() {
    let pair = Pair::up("tests/fixtures/states");
    pair.prepare(UNITS);
    assign(&pair, "services");
    pair.assert_same_units(TESTED, "before");
    let none = json!({});
    let mut seen = Vec::new();
    for round in ["first", "again", "changed", "changed and again"] {
        if round == "changed" {
            for host in [&pair.eos, &pair.salt] {
                host.run(&["touch", "/srv/changed"]);
            }
        }
        pair.apply(&["services"], &none, true, &format!("{round}, test"));
        seen.push(pair.assert_same_units(TESTED, &format!("{round}, test")));
        pair.apply(&["services"], &none, false, round);
        seen.push(pair.assert_same_units(TESTED, round));
    }
    // What was compared is what was meant.
    let line = |told: &String, name: &str| {
        let start = format!("eos-test-{name}: ");
        told.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().to_owned()
    };
    let unchanged: Vec<&String> = [0, 2, 3, 4, 6, 7].map(|at| &seen[at]).to_vec();
    for told in unchanged {
        assert!(told.lines().all(|line| line.ends_with("same invocation:")), "{told}");
    }
    assert_eq!(line(&seen[1], "stopped"), "disabled active running other invocation: start");
    assert_eq!(line(&seen[1], "starts-once"), "disabled active running other invocation: start");
    assert_eq!(line(&seen[1], "restarts"), "disabled active running other invocation: end start");
    assert_eq!(line(&seen[5], "restarts"), "disabled active running other invocation: end start");
    assert_eq!(line(&seen[5], "written"), "enabled active running other invocation: end start");
    assert_eq!(line(&seen[5], "reloads"), "enabled active running same invocation: reload");
    assert_eq!(line(&seen[5], "held-back"), "disabled active running same invocation:");
    assert_eq!(line(&seen[1], "both"), "enabled active running same invocation:");
    assert_eq!(line(&seen[5], "both"), "enabled active running other invocation: end start");
    assert_eq!(line(&seen[1], "dies-disable"), "disabled inactive dead other invocation: end");
    let described = pair.eos.run(&["systemctl", "show", "-P", "Description", "eos-test-written"]);
    assert_eq!(described.trim(), "Second", "its unit was read again before it was restarted");
}

#[test]
fn services_that_fail_end_as_in_salt_and_eos_brings_all_of_them_back() {
    let pair = Pair::up("tests/fixtures/states");
    pair.prepare(FAILING);
    assign(&pair, "services_failing");
    let before = pair.assert_same_units(TESTED, "before");
    pair.apply(&["services_failing"], &json!({}), true, "test");
    pair.apply(&["services_failing"], &json!({}), false, "applied");
    let [salt, eos] = pair.told(TESTED);
    let states = |told: &str| {
        let line = |line: &str| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        told.lines().map(line).collect::<Vec<_>>()
    };
    assert_ne!(states(&salt), states(&before), "Salt leaves what was done");
    assert_eq!(states(&eos), states(&before), "eos takes it back");
}

/// Gives the node of eos another role and scale, as its master would.
fn give(host: &Host, role: Role, scale: Scale) {
    let path = "/var/lib/eos/membership.json";
    let mut membership: Value = serde_json::from_str(&host.run(&["cat", path])).unwrap();
    membership["applied"]["role"] = json!(role);
    membership["applied"]["scale"] = json!(scale);
    host.run(&["sh", "-c", r#"printf %s "$2" > "$1""#, "sh", path, &membership.to_string()]);
}

#[test]
fn the_shipped_tree_runs_the_monitor_as_under_salt_for_every_role_and_scale() {
    let pair = Pair::up("states");
    for host in [&pair.eos, &pair.salt] {
        host.run(&["sh", "-ec", WITHOUT_MONITOR]);
    }
    let same = "eos-storage-monitor: enabled active running same invocation:";
    let other = same.replace("same", "other");
    let mut first = true;
    for role in Role::ALL {
        for scale in Scale::ALL {
            let what = format!("role {role}, scale {scale}");
            give(&pair.eos, role, scale);
            let pillar = Inputs::of("node1", role, scale).pillar();
            let tested = pair.apply(&[], &pillar, true, &format!("{what}, test"));
            let monitor = tested.iter().find(|state| state.id == "storage_monitor_service");
            assert_eq!(monitor.unwrap().result, "None", "it is told before");
            let told = pair.assert_same_units(MONITOR, &format!("{what}, test"));
            assert_eq!(told.trim_end(), if first { "" } else { same }, "nothing is changed");
            // Started the first time; then its configuration is another one each time.
            let ended = pair.apply(&[], &pillar, false, &what);
            let monitor = ended.iter().find(|state| state.id == "storage_monitor_service");
            assert!(monitor.unwrap().changed, "{what}");
            assert_eq!(pair.assert_same_units(MONITOR, &what).trim_end(), other, "{what}");
            first = false;
        }
    }
    let pillar =
        Inputs::of("node1", Role::ALL[Role::ALL.len() - 1], Scale::ALL[Scale::ALL.len() - 1]).pillar();
    let ended = pair.apply(&[], &pillar, false, "again");
    assert!(ended.iter().all(|state| !state.changed), "{ended:?}");
    assert_eq!(pair.assert_same_units(MONITOR, "again").trim_end(), same);
}
