//! Where the other programs of an installed Salt are: beside its `salt-call`.

/// The path of this program of the same installation; a name without a directory is looked for where programs are.
pub fn beside(salt_call: &str, name: &str) -> String {
    match salt_call.rsplit_once('/') {
        Some((directory, _)) => format!("{directory}/{name}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_one_installation_lie_together() {
        assert_eq!(beside("/opt/salt/bin/salt-call", "salt-run"), "/opt/salt/bin/salt-run");
        assert_eq!(beside("salt-call", "salt-key"), "salt-key");
    }
}
