//! Which of the clusters that answered is meant. Pure.

use crate::discovery::error::DiscoveryError;
use crate::discovery::find::{Found, Standing};
use crate::model::digest::Fingerprint;
use crate::model::ids::ClusterId;
use crate::wire::version::Versions;

/// What was named of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its id.
    pub cluster: Option<ClusterId>,
    /// Its authority: of a token, or pinned by hand.
    pub authority: Option<Fingerprint>,
}

impl Wanted {
    /// Whether this one may be it.
    pub fn is(&self, found: &Found) -> bool {
        let said = &found.statement;
        self.cluster.as_ref().is_none_or(|id| id.as_str() == said.cluster)
            && self.authority.is_none_or(|authority| authority == said.authority)
    }

    /// What was named, for people; nothing when anything is right.
    pub fn name(&self) -> Option<String> {
        match (&self.cluster, &self.authority) {
            (None, None) => None,
            (Some(id), None) => Some(format!("the cluster {id}")),
            (None, Some(authority)) => Some(format!("a cluster of the authority {}", authority.short())),
            (Some(id), Some(authority)) => {
                Some(format!("the cluster {id} of the authority {}", authority.short()))
            }
        }
    }
}

/// The one that is meant; none when it did not answer. Anybody can send an answer that nobody stands by, so those
/// count only where no verified one may be meant.
///
/// # Errors
/// When several may be meant, or the one speaks nothing that this build speaks.
pub fn choose<'a>(found: &'a [Found], wanted: &Wanted) -> Result<Option<&'a Found>, DiscoveryError> {
    let may_be = found.iter().filter(|found| wanted.is(found));
    let (verified, claims): (Vec<&Found>, Vec<&Found>) = may_be.partition(|found| found.is_verified());
    let may_be = if verified.is_empty() { claims } else { verified };
    let [first, rest @ ..] = &may_be[..] else { return Ok(None) };
    let same = |other: &&Found| {
        let (left, right) = (&other.statement, &first.statement);
        (&left.cluster, left.authority, other.address()) == (&right.cluster, right.authority, first.address())
    };
    if !rest.iter().all(same) {
        let mut ids: Vec<String> = may_be.iter().map(|found| found.statement.cluster.clone()).collect();
        ids.dedup();
        return Err(DiscoveryError::Several { found: listed(&may_be), ids });
    }
    if !first.speaks() {
        let cluster = described(first);
        let (theirs, ours) = (spoken(&first.statement.versions), spoken(&Versions::own()));
        return Err(DiscoveryError::Incompatible { cluster, theirs, ours });
    }
    Ok(Some(first))
}

/// Refuses a new cluster of a name that another one on the network has, and stands by.
///
/// # Errors
/// When one has it.
pub fn guard(found: &[Found], name: &ClusterId) -> Result<(), DiscoveryError> {
    let has_it = |found: &&Found| found.is_verified() && found.statement.cluster == name.as_str();
    let same: Vec<&Found> = found.iter().filter(has_it).collect();
    if same.is_empty() {
        return Ok(());
    }
    Err(DiscoveryError::SameName { cluster: name.to_string(), found: listed(&same) })
}

/// What answered instead of the one that was named.
pub fn others(found: &[Found], wanted: String) -> DiscoveryError {
    DiscoveryError::OnlyOthers { wanted, found: listed(&found.iter().collect::<Vec<_>>()) }
}

/// One of them for people: `prod (0a1b2c3d4e5f) at 10.0.1.10:4507`.
pub fn described(found: &Found) -> String {
    let said = &found.statement;
    let note = match found.standing {
        Standing::Verified => "",
        Standing::Unverified(_) => ", not verified",
    };
    format!("{} ({}{note}) at {}", said.cluster, said.authority.short(), found.address())
}

fn listed(found: &[&Found]) -> Vec<String> {
    let mut all: Vec<String> = found.iter().map(|found| described(found)).collect();
    all.dedup();
    all
}

/// What a side speaks, for people.
pub fn spoken(versions: &Versions) -> String {
    let Versions { protocol, oldest_protocol, version } = versions;
    format!("protocols {oldest_protocol} to {protocol} ({version})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::GROUP_V4;
    use crate::discovery::datagram::Statement;
    use crate::model::explain::tells;
    use std::time::Duration;

    fn found(cluster: &str, authority: u8, last: u8) -> Found {
        let address = std::net::SocketAddr::from(([10, 0, 1, last], 4507));
        Found {
            statement: Statement {
                cluster: cluster.to_owned(),
                node: format!("node{last}"),
                addresses: vec![address],
                authority: Fingerprint::from_bytes([authority; 32]),
                versions: Versions::own(),
            },
            from: address,
            interface: "eth0".to_owned(),
            group: GROUP_V4,
            after: Duration::from_millis(3),
            standing: Standing::Verified,
        }
    }

    fn unverified(cluster: &str, authority: u8, last: u8) -> Found {
        Found { standing: Standing::Unverified("nobody there".to_owned()), ..found(cluster, authority, last) }
    }

    #[test]
    fn what_nobody_stands_by_decides_only_where_nothing_verified_may_be_meant() -> Result<(), DiscoveryError>
    {
        let mut later = unverified("prod", 1, 40);
        later.statement.versions = Versions { protocol: 9, oldest_protocol: 8, version: "0.9.0".to_owned() };
        let all = [unverified("prod", 1, 30), found("prod", 1, 10), unverified("evil", 6, 50), later];
        let pinned = Wanted { authority: Some(Fingerprint::from_bytes([1; 32])), ..Wanted::default() };
        for wanted in [Wanted::default(), named("prod"), pinned] {
            assert_eq!(choose(&all, &wanted)?, Some(&all[1]), "{wanted:?}");
        }
        assert_eq!(choose(&all, &named("evil"))?, Some(&all[2]), "its master may come back");
        let claims = [unverified("prod", 1, 30), unverified("evil", 6, 50)];
        let error = choose(&claims, &Wanted::default()).expect_err("there are two");
        tells(
            &error,
            "EOS-D002",
            "2 clusters or masters answered: prod (010101010101, not verified) at 10.0.1.30:4507, \
             evil (060606060606, not verified) at 10.0.1.50:4507",
        );
        let name = ClusterId::parse("prod").expect("an id");
        assert!(guard(&[unverified("prod", 1, 30)], &name).is_ok(), "a claim takes no name");
        Ok(())
    }

    fn named(cluster: &str) -> Wanted {
        Wanted { cluster: Some(ClusterId::parse(cluster).expect("an id")), authority: None }
    }

    #[test]
    fn the_only_one_is_meant_and_of_several_the_one_that_is_named() -> Result<(), DiscoveryError> {
        let (one, two) = (found("prod", 1, 10), found("test", 2, 20));
        let any = Wanted::default();
        assert_eq!(choose(&[], &any)?, None);
        assert_eq!(choose(std::slice::from_ref(&one), &any)?, Some(&one));
        let both = [one, two];
        assert_eq!(choose(&both, &named("test"))?, Some(&both[1]));
        assert_eq!(choose(&both, &named("other"))?, None);
        let pinned = Wanted { authority: Some(Fingerprint::from_bytes([2; 32])), ..any.clone() };
        assert_eq!(choose(&both, &pinned)?, Some(&both[1]), "the token's authority rules");
        let error = choose(&both, &any).expect_err("there are two");
        let text = "2 clusters or masters answered: prod (010101010101) at 10.0.1.10:4507, \
                    test (020202020202) at 10.0.1.20:4507";
        tells(&error, "EOS-D002", text);
        Ok(())
    }

    #[test]
    fn two_of_one_name_and_two_masters_of_one_cluster_are_never_guessed_between() {
        for (second, what) in [(found("prod", 2, 20), "authority"), (found("prod", 1, 20), "address")] {
            let error = choose(&[found("prod", 1, 10), second], &named("prod")).expect_err(what);
            assert!(matches!(&error, DiscoveryError::Several { ids, .. } if *ids == ["prod"]), "{error}");
        }
    }

    #[test]
    fn a_cluster_that_speaks_nothing_in_common_is_refused_with_both_versions() {
        let mut later = found("prod", 1, 10);
        later.statement.versions = Versions { protocol: 9, oldest_protocol: 8, version: "0.9.0".to_owned() };
        let error = choose(&[later], &Wanted::default()).expect_err("nothing in common");
        let text = format!(
            "prod (010101010101) at 10.0.1.10:4507 speaks protocols 8 to 9 (0.9.0), and this eos {}",
            spoken(&Versions::own())
        );
        tells(&error, "EOS-D005", &text);
    }

    #[test]
    fn a_new_cluster_gets_no_name_that_is_taken() {
        let name = ClusterId::parse("prod").expect("an id");
        assert!(guard(&[found("test", 1, 10)], &name).is_ok());
        let error = guard(&[found("prod", 1, 10)], &name).expect_err("it is taken");
        let text = "there is a cluster prod on this network already: prod (010101010101) at 10.0.1.10:4507";
        tells(&error, "EOS-D004", text);
        let error = others(&[found("prod", 1, 10)], named("test").name().expect("it has a name"));
        let text = "the cluster test did not answer; these did: prod (010101010101) at 10.0.1.10:4507";
        tells(&error, "EOS-D003", text);
    }
}
