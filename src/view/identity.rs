//! `eos identity show`: a node with what tells its machine from others.

use crate::identity::machine::Machine;
use crate::identity::membership::Membership;
use crate::model::digest::Fingerprint;
use crate::view::Output;
use crate::view::table::fields;

/// The node, the machine on which it got its identity and this one.
pub fn text(
    output: &Output,
    membership: &Membership,
    key: &Fingerprint,
    recorded: Option<&Machine>,
    here: &Machine,
    evidence: &[String],
) -> String {
    let standing = match (recorded, evidence) {
        (None, _) => "not recorded; record it: eos identity keep".to_owned(),
        (Some(_), []) => "the one on which it got its identity".to_owned(),
        (Some(_), evidence) => format!("another one: {}", evidence.join("; ")),
    };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let cards: Vec<&str> = here.cards.iter().map(String::as_str).collect();
    fields(
        output.width,
        &[
            ("node", format!("{} ({})", membership.name, membership.node)),
            ("cluster", membership.cluster.to_string()),
            ("key", key.to_string()),
            ("machine", standing),
            ("hardware id", or_none(&here.hardware_id)),
            ("machine-id", or_none(&here.machine_id)),
            ("network cards", if cards.is_empty() { "none".to_owned() } else { cards.join(", ") }),
        ],
    )
}
