//! The direction of the dependencies: which part of the library may import which.
//!
//! A part imports lower tiers. Every other edge is listed here, and a new one changes this file in
//! the same commit.

use super::source::{PathUse, Source};
use super::tree::{Tree, Violation};

/// Every part of the library and its tier.
pub const TIERS: &[(&str, u8)] = &[
    ("model", 0),
    ("lifecycle", 1),
    ("orchestration", 1),
    ("roles", 1),
    ("salt", 1),
    ("sls", 1),
    ("storage", 1),
    ("wire", 1),
    ("client", 2),
    ("discovery", 2),
    ("host", 2),
    ("identity", 2),
    ("journal", 2),
    ("preflight", 2),
    ("registry", 2),
    ("server", 2),
    ("snapshot", 2),
    ("telemetry", 2),
    ("saga", 3),
    ("serving", 3),
    ("steps", 3),
    ("agent", 4),
    ("master", 4),
    ("cli", 5),
    ("view", 5),
];

/// The edges within a tier: importer, imported.
const SIDEWAYS: &[(&str, &str)] = &[
    ("client", "host"),
    ("client", "identity"),
    // The source of snapshots that speaks HTTPS, and the trace that each call belongs to.
    ("client", "snapshot"),
    ("client", "telemetry"),
    // An answer is believed once the master's API has shown the certificate of the key that signed it.
    ("discovery", "client"),
    ("discovery", "host"),
    ("discovery", "identity"),
    ("identity", "host"),
    ("journal", "host"),
    // Steps are read from state files, and some become tasks of agents.
    ("orchestration", "sls"),
    ("orchestration", "wire"),
    ("preflight", "host"),
    ("registry", "host"),
    ("server", "host"),
    ("server", "identity"),
    ("server", "telemetry"),
    // The steps of an orchestration that Salt ran, as they are told to the master.
    ("salt", "wire"),
    ("snapshot", "host"),
    ("snapshot", "identity"),
    ("telemetry", "host"),
    ("steps", "saga"),
    ("cli", "view"),
];

/// The parts that take files, clock and randomness as arguments: tiers 0 and 1, and the halves of
/// `snapshot` and `discovery` that decide.
const PURE: &[&[&str]] = &[
    &["model"],
    &["lifecycle"],
    &["orchestration"],
    &["roles"],
    &["sls"],
    &["storage"],
    &["wire"],
    &["discovery", "datagram"],
    &["discovery", "pace"],
    &["discovery", "doctor"],
    &["discovery", "choice"],
    &["discovery", "election"],
    &["snapshot", "manifest"],
    &["snapshot", "retention"],
];

/// What a pure part never names.
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["std", "fs"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "UdpSocket"],
    &["SystemTime", "now"],
    &["Instant", "now"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["Uuid", "new_v4"],
    &["Uuid", "now_v7"],
    &["ring", "rand"],
];

/// Each import goes down a tier, or along a listed edge.
pub fn imports_go_down(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        let Some(here) = source.part().filter(|part| !matches!(*part, "lib" | "main")) else { continue };
        let Some(own_tier) = tier(here) else {
            let detail = format!("`{here}` is not in the table of tiers (tests/it/tidy/tiers.rs)");
            found.push(Violation::new(source, 1, detail));
            continue;
        };
        for path in source.paths() {
            let Some(there) = imported_part(source, &path) else { continue };
            let Some(their_tier) = tier(&there) else { continue };
            let listed = SIDEWAYS.contains(&(here, there.as_str()));
            if here != there && their_tier >= own_tier && !listed {
                let detail = format!("{here} (tier {own_tier}) imports {there} (tier {their_tier})");
                found.push(Violation::new(source, path.line, detail));
            }
        }
    }
    found
}

/// Pure parts use no files, no clock, no randomness and no runtime. Their tests may.
pub fn pure_parts_stay_pure(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in &tree.sources {
        let Some(module) = source.module() else { continue };
        let pure = PURE.iter().any(|part| module.starts_with(part));
        for path in source.paths().iter().filter(|path| pure && !path.in_test) {
            if let Some(banned) = IMPURE.iter().find(|banned| names(path, banned)) {
                let detail = format!("{} is pure and names {}", module.join("::"), banned.join("::"));
                found.push(Violation::new(source, path.line, detail));
            }
        }
    }
    found
}

/// Whether the path contains these segments one after the other.
pub fn names(path: &PathUse, wanted: &[&str]) -> bool {
    path.segments.windows(wanted.len()).any(|window| window.iter().zip(wanted).all(|(a, b)| a == b))
}

fn tier(part: &str) -> Option<u8> {
    TIERS.iter().find(|(name, _)| *name == part).map(|(_, tier)| *tier)
}

/// The part of the library that a path leads to, if it leads into the library.
fn imported_part(source: &Source, path: &PathUse) -> Option<String> {
    let here = source.module()?;
    let supers = path.segments.iter().take_while(|segment| *segment == "super").count();
    match path.segments.first()?.as_str() {
        "crate" => path.segments.get(1).cloned(),
        "super" => {
            let levels = (here.len() + path.inline_modules).checked_sub(supers)?;
            if levels == 0 {
                path.segments.get(supers).cloned()
            } else {
                here.first().map(|s| (*s).to_owned())
            }
        }
        _ => None,
    }
}
