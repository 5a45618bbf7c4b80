//! What a node says when it asks to be let in, and how it proves that it knows its token.

use crate::client::Looked;
use crate::host::clock;
use crate::identity::IdentityError;
use crate::identity::key::PrivateKey;
use crate::identity::proof::{self, Side, Transcript, Wish};
use crate::identity::token::Token;
use crate::model::digest::Fingerprint;
use crate::model::facts::Facts;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::wire::join::{NodeRegistration, RegisterRequest, TokenProof};
use crate::wire::version::Versions;
use std::net::IpAddr;

/// A node that asks.
pub struct Applicant<'a> {
    /// The name it wants.
    pub name: NodeName,
    /// The address at which others reach it.
    pub address: IpAddr,
    /// The role it asks for.
    pub preferred: Option<Role>,
    /// What the machine is.
    pub facts: &'a Facts,
    /// The token, if there is one.
    pub token: Option<&'a Token>,
}

/// The part of the transcript that a request does not hold.
pub struct Bound {
    authority: Fingerprint,
    key: Fingerprint,
}

impl Bound {
    /// The transcript of this request.
    pub fn of<'a>(&self, request: &'a RegisterRequest) -> Transcript<'a> {
        let (challenge, nonce) = (&request.challenge, &request.nonce);
        Transcript { authority: self.authority, challenge, nonce, key: self.key }
    }
}

impl Applicant<'_> {
    /// A request to the master that was looked at, with the key's own proof of possession.
    ///
    /// # Errors
    /// When the operating system gives no randomness, or the key cannot sign.
    pub fn request(
        &self,
        looked: &Looked,
        key: &PrivateKey,
    ) -> Result<(RegisterRequest, Bound), IdentityError> {
        let bound = Bound { authority: looked.authority, key: key.fingerprint() };
        let mut request = RegisterRequest {
            registration: self.registration(),
            csr: key.request()?,
            challenge: looked.hello.challenge.clone(),
            nonce: proof::nonce()?,
            token: None,
            dry_run: false,
            signature: None,
        };
        request.signature = Some(bound.of(&request).sign(Wish::Register, key)?);
        request.token = self.token.map(|token| TokenProof {
            id: token.id.clone(),
            proof: bound.of(&request).prove(Side::Joiner, &token.key()),
        });
        Ok((request, bound))
    }

    fn registration(&self) -> NodeRegistration {
        NodeRegistration {
            hostname: self.name.clone(),
            ip: self.address,
            resources: self.facts.resources,
            request_role: self.preferred,
            machine_id: self.facts.machine_id.clone(),
            hardware_id: self.facts.hardware_id.clone(),
            boot_id: self.facts.boot_id.clone(),
            versions: Versions::own(),
            clock_ms: clock::now_ms(),
        }
    }
}
