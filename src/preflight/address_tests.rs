//! Tests of address selection.

use super::*;

fn on(interface: &str, ip: &str) -> Address {
    let ip: IpAddr = ip.parse().expect("an address of the test");
    Address { interface: interface.to_owned(), ip, loopback: ip.is_loopback() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address of the test")
}

fn route(source: &str, interface: Option<&str>) -> Route {
    Route { destination: ip("10.0.1.10"), source: ip(source), interface: interface.map(str::to_owned) }
}

#[test]
fn every_error_has_its_text_code_and_hints() {
    let told: Vec<String> = samples()
        .iter()
        .map(|error| format!("{} {error} | {}", error.code(), error.hints().join(" | ")))
        .collect();
    assert_eq!(
        told,
        [
            "EOS-P001 10.9.9.9 is not an address of this machine, which has 10.0.1.12 on eth0, \
             192.168.7.2 on eth1 | to use the one on eth0: --advertise-address 10.0.1.12 | \
             to use the one on eth1: --advertise-address 192.168.7.2",
            "EOS-P001 10.9.9.9 is not an address of this machine, which has none but loopback | \
             give an interface an address first: ip address show",
            "EOS-P002 this machine has 2 addresses and nothing tells which one to use: 10.0.1.12 on eth0, \
             192.168.7.2 on eth1 | to use the one on eth0: --advertise-address 10.0.1.12 | \
             to use the one on eth1: --advertise-address 192.168.7.2",
            "EOS-P003 the master's address 10.0.1.10 belongs to this machine, so this node needs another one | \
             name the address of this node: --advertise-address 127.0.0.2 | \
             to look at the cluster that is here already: eos status",
            "EOS-P004 no address can be chosen without a way to the master 10.0.1.10 | \
             look at the kernel's choice: ip route get 10.0.1.10",
        ]
    );
    assert!(samples().iter().all(|error| error.exit() == Exit::Preflight));
}

#[test]
fn the_route_to_the_master_decides_among_several() -> Result<(), AddressError> {
    let addresses = [on("eth0", "10.0.1.12"), on("eth1", "192.168.7.2"), on("lo", "127.0.0.1")];
    let selected = choose(Some(&route("10.0.1.12", Some("eth0"))), &addresses, None)?;
    assert_eq!(selected.address, ip("10.0.1.12"));
    assert_eq!(selected.why, "10.0.1.12 on eth0: the kernel's route to 10.0.1.10");
    let unlisted = choose(Some(&route("10.0.1.13", None)), &addresses, None)?;
    assert_eq!(unlisted.why, "10.0.1.13 on an unlisted interface: the kernel's route to 10.0.1.10");
    Ok(())
}

#[test]
fn an_explicit_address_wins_and_must_be_here() -> Result<(), AddressError> {
    let addresses = [on("eth0", "10.0.1.12"), on("eth1", "192.168.7.2"), on("lo", "127.0.0.1")];
    let selected = choose(Some(&route("10.0.1.12", Some("eth0"))), &addresses, Some(ip("192.168.7.2")))?;
    assert_eq!(selected.why, "192.168.7.2 on eth1: named by --advertise-address");
    assert_eq!(selected.warning, None);
    let loopback = choose(None, &addresses, Some(ip("127.0.0.3")))?;
    assert_eq!(loopback.interface, "lo");
    assert_eq!(
        loopback.warning.as_deref(),
        Some("no other machine can join a node whose address is 127.0.0.3")
    );
    let joining = select_address(Some(ip("10.0.1.10")), &addresses, Some(ip("127.0.0.3")))?;
    assert_eq!(
        joining.warning.as_deref(),
        Some(
            "only this machine reaches 127.0.0.3: nodes on other machines cannot talk to this one, and a master on \
             another machine cannot connect back to it"
        )
    );
    let error = choose(None, &addresses, Some(ip("10.9.9.9"))).expect_err("not an address of this machine");
    assert!(matches!(error, AddressError::NotHere { .. }), "{error}");
    Ok(())
}

#[test]
fn a_first_node_takes_its_only_address() -> Result<(), AddressError> {
    let selected = choose(None, &[on("eth0", "10.0.1.12"), on("lo", "127.0.0.1")], None)?;
    assert_eq!(selected.why, "10.0.1.12 on eth0: the only address of this machine");
    let dual = [on("eth0", "10.0.1.12"), on("eth0", "2001:db8::12"), on("eth0", "2001:db8::13")];
    assert_eq!(choose(None, &dual, None)?.why, "10.0.1.12 on eth0: the only IPv4 address of this machine");
    Ok(())
}

#[test]
fn a_first_node_refuses_to_guess() {
    for several in [
        [on("eth0", "10.0.1.12"), on("eth0", "10.0.1.13")],
        [on("eth0", "10.0.1.12"), on("eth1", "2001:db8::12")],
        [on("eth0", "2001:db8::12"), on("eth0", "2001:db8::13")],
    ] {
        let error = choose(None, &several, None).expect_err("two addresses");
        assert!(matches!(error, AddressError::Ambiguous { .. }), "{error}");
    }
}

#[test]
fn a_first_node_without_addresses_is_reached_from_itself_only() -> Result<(), AddressError> {
    let selected = choose(None, &[on("eth0", "169.254.1.1"), on("lo", "127.0.0.1")], None)?;
    assert_eq!(selected.why, "127.0.0.1 on lo: this machine has no other address");
    assert!(selected.warning.is_some());
    Ok(())
}

#[test]
fn the_kernel_is_asked_and_a_master_on_this_machine_is_noticed() {
    let error =
        select_address(Some(ip("127.0.0.1")), &[on("lo", "127.0.0.1")], None).expect_err("same address");
    assert!(matches!(error, AddressError::MasterIsHere { .. }), "{error}");
    let error = select_address(Some(ip("255.255.255.255")), &[], None).expect_err("no route");
    assert!(matches!(error, AddressError::NoRoute { .. }), "{error}");
}
