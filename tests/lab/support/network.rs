//! Network namespaces, the bridge between them, and cuts in the lines. The machine's own network is never touched.

use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, Once, PoisonError};

/// How a line is cut.
#[derive(Debug, Clone, Copy)]
pub enum Cut {
    /// What the host sends and gets is lost without a word.
    Silent,
    /// Only what the host sends is lost.
    Outgoing,
    /// Only what the host would get is lost.
    Incoming,
    /// What the host sends is answered by a reset, and what it would get is lost.
    Reset,
    /// Connections to this port of the host are lost.
    Port(u16),
    /// So many of a hundred packets of those that the host sends are lost, each by chance.
    Some(u8),
}

impl Cut {
    fn rules(self) -> String {
        let chain = |hook: &str, rule: &str| {
            format!("chain {hook}put {{ type filter hook {hook}put priority 0; {rule}; }};")
        };
        let (enter, leave) = ("iifname \"eth0\"", "oifname \"eth0\"");
        let chains = match self {
            Self::Silent => chain("in", &format!("{enter} drop")) + &chain("out", &format!("{leave} drop")),
            Self::Outgoing => chain("out", &format!("{leave} drop")),
            Self::Incoming => chain("in", &format!("{enter} drop")),
            Self::Reset => {
                let refused = format!("{leave} meta l4proto tcp reject with tcp reset");
                chain("in", &format!("{enter} drop")) + &chain("out", &refused)
            }
            Self::Some(percent) => chain("out", &format!("{leave} numgen random mod 100 < {percent} drop")),
            Self::Port(port) => chain("in", &format!("{enter} tcp dport {port} drop")),
        };
        format!("table inet lab {{ {chains} }}\n")
    }
}

/// A namespace of a host, or of the bridge; gone with all its processes when dropped.
pub struct Namespace {
    /// Its name.
    pub name: String,
}

/// `ip netns add` of two processes at once can fail over the mount of /run/netns.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Namespace {
    /// Makes the namespace.
    pub fn new(name: String) -> Self {
        static DEAD: Once = Once::new();
        DEAD.call_once(remove_those_of_dead_tests);
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        ip(&["netns", "add", &name]);
        let namespace = Self { name };
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace
    }

    /// Runs `ip` on it.
    pub fn ip(&self, arguments: &[&str]) {
        ip(&[&["-n", &self.name], arguments].concat());
    }

    /// A program that runs in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Cuts the line of the host.
    pub fn cut(&self, cut: Cut) {
        self.heal();
        self.nft(&cut.rules());
    }

    /// Takes all cuts back.
    pub fn heal(&self) {
        self.nft("flush ruleset\n");
    }

    /// Runs this on a thread whose sockets are in it.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.name);
        let namespace = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        std::thread::scope(|scope| {
            let entered = scope.spawn(move || {
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(namespace.as_fd(), kind)
                    .expect("it is run as root");
                work()
            });
            entered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Adds rules of the firewall.
    pub fn nft(&self, rules: &str) {
        let mut command = self.command("nft");
        command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("nft: {error}"));
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(rules.as_bytes()).expect("nft reads its rules");
        drop(input);
        succeeded(&format!("nft {rules}"), &child.wait_with_output().expect("nft ends"));
    }

    /// The processes in it.
    pub fn processes(&self) -> Vec<i32> {
        processes(&self.name)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Ends what runs in the namespace and deletes it.
fn remove(name: &str) {
    // A supervisor that is asked for its child's place may just start another process.
    while let alive @ [_, ..] = &processes(name)[..] {
        for process in alive.iter().filter_map(|id| rustix::process::Pid::from_raw(*id)) {
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
    }
    let deleted = Command::new("ip").args(["netns", "del", name]).output();
    if !std::thread::panicking() {
        succeeded(&format!("ip netns del {name}"), &deleted.expect("ip runs"));
    }
}

fn processes(name: &str) -> Vec<i32> {
    let listed = Command::new("ip").args(["netns", "pids", name]).output().expect("ip runs");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    // What is a zombie by now only waits for its parent.
    let alive = |id: &i32| {
        std::fs::read_to_string(format!("/proc/{id}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
    };
    text.split_whitespace().filter_map(|id| id.parse().ok()).filter(alive).collect()
}

/// A test that was killed could not tidy up: its name holds its process id.
fn remove_those_of_dead_tests() {
    let listed = Command::new("ip").args(["netns", "list"]).output();
    let listed = listed.unwrap_or_else(|error| panic!("ip: {error}; apt-get install iproute2"));
    for name in String::from_utf8_lossy(&listed.stdout).lines().filter_map(|line| line.split(' ').next()) {
        let owner = name.strip_prefix("eoslab-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !std::path::Path::new("/proc").join(id).exists()) {
            remove(name);
        }
    }
}

/// Runs `ip`, which must succeed.
pub fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("ip: {error}; apt-get install iproute2"));
    succeeded(&format!("ip {}", arguments.join(" ")), &output);
}

fn succeeded(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}
