//! The life of a node in its cluster: a state machine without I/O.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// Registered; a person has to decide.
    Pending,
    /// Accepted, under a lease; no other node's role has changed for it.
    Joining,
    /// A member.
    Active,
    /// Removed by the operator; its key is refused.
    Removed,
    /// Refused by the operator.
    Rejected,
}

/// What may happen to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeEvent {
    /// It asks to join with a token or by policy.
    Admitted,
    /// It asks to join and nothing admits it.
    Asked,
    /// The operator accepts it.
    Accepted,
    /// The operator refuses it.
    Rejected,
    /// It confirms that it runs.
    Confirmed,
    /// It made no progress within its lease.
    LeaseExpired,
    /// It leaves, or undoes its join.
    Left,
    /// The operator removes it.
    Removed,
}

/// What follows from an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The node is in this state from now on.
    State(NodeState),
    /// The master forgets the node altogether.
    Forgotten,
}

/// An event that may not happen in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a node that is {state} cannot be {event}")]
pub struct IllegalEvent {
    /// The state.
    pub state: NodeState,
    /// The event.
    pub event: NodeEvent,
}

/// What follows when the event happens to a node in the state; none is a node that is not known.
///
/// # Errors
/// When it may not happen.
pub fn next(state: Option<NodeState>, event: NodeEvent) -> Result<Next, IllegalEvent> {
    use NodeEvent as Event;
    use NodeState as State;
    let Some(state) = state else {
        return match event {
            Event::Admitted => Ok(Next::State(State::Joining)),
            Event::Asked => Ok(Next::State(State::Pending)),
            _ => Err(IllegalEvent { state: State::Removed, event }),
        };
    };
    match (state, event) {
        (State::Pending, Event::Admitted | Event::Accepted) => Ok(Next::State(State::Joining)),
        (State::Pending, Event::Asked) => Ok(Next::State(State::Pending)),
        (State::Pending | State::Rejected, Event::Rejected) => Ok(Next::State(State::Rejected)),
        (State::Pending | State::Joining, Event::Left | Event::LeaseExpired) => Ok(Next::Forgotten),
        (State::Joining, Event::Admitted | Event::Asked | Event::Accepted) => Ok(Next::State(State::Joining)),
        (State::Joining | State::Active, Event::Confirmed) => Ok(Next::State(State::Active)),
        (State::Active, Event::Admitted | Event::Asked | Event::Accepted) => Ok(Next::State(State::Active)),
        (State::Active, Event::Left) => Ok(Next::Forgotten),
        (State::Pending | State::Joining | State::Active | State::Rejected, Event::Removed) => {
            Ok(Next::State(State::Removed))
        }
        (State::Removed | State::Rejected, Event::Accepted) => Ok(Next::State(State::Joining)),
        (State::Removed | State::Rejected, Event::Left) => Ok(Next::Forgotten),
        (State::Removed, Event::Removed) => Ok(Next::State(State::Removed)),
        _ => Err(IllegalEvent { state, event }),
    }
}

impl NodeState {
    /// The name on disk, on the wire and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Joining => "joining",
            Self::Active => "active",
            Self::Removed => "removed",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for NodeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Admitted => "admitted",
            Self::Asked => "asked in",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Confirmed => "confirmed",
            Self::LeaseExpired => "expired",
            Self::Left => "let go",
            Self::Removed => "removed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [NodeState; 5] =
        [NodeState::Pending, NodeState::Joining, NodeState::Active, NodeState::Removed, NodeState::Rejected];
    const EVENTS: [NodeEvent; 8] = [
        NodeEvent::Admitted,
        NodeEvent::Asked,
        NodeEvent::Accepted,
        NodeEvent::Rejected,
        NodeEvent::Confirmed,
        NodeEvent::LeaseExpired,
        NodeEvent::Left,
        NodeEvent::Removed,
    ];

    #[test]
    fn only_a_confirmation_makes_a_member() {
        for state in STATES.into_iter().map(Some).chain([None]) {
            for event in EVENTS {
                let becomes = next(state, event) == Ok(Next::State(NodeState::Active));
                let is = state == Some(NodeState::Active);
                assert!(!becomes || is || event == NodeEvent::Confirmed, "{state:?} {event}");
            }
        }
    }

    #[test]
    fn nothing_but_the_operator_brings_a_removed_or_rejected_node_back() {
        for state in [NodeState::Removed, NodeState::Rejected] {
            for event in EVENTS.into_iter().filter(|event| *event != NodeEvent::Accepted) {
                let joining = next(Some(state), event) == Ok(Next::State(NodeState::Joining));
                assert!(!joining, "{state} {event}");
            }
        }
    }

    #[test]
    fn a_lease_never_removes_a_member() {
        let error =
            next(Some(NodeState::Active), NodeEvent::LeaseExpired).expect_err("a member has no lease");
        assert_eq!(error.to_string(), "a node that is active cannot be expired");
    }
}
