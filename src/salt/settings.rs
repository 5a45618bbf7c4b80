//! What eos has to know of a Salt master's settings.

use serde::Deserialize;

/// The settings of a Salt master that are in force, its defaults included.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Settings {
    /// Where its keys are.
    pub pki_dir: String,
    /// Its id, `NAME_master`.
    pub id: String,
    /// The TCP port at which minions listen for jobs.
    pub publish_port: u16,
    /// The TCP port to which they answer.
    pub ret_port: u16,
}

impl Settings {
    /// From what `salt-run salt.cmd config.items --out=json` says.
    ///
    /// # Errors
    /// When it is not understood; the text holds no setting's value.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The whole is not shown: it may hold passwords.
        serde_json::from_str(text)
            .map_err(|error| format!("its settings are not understood (line {})", error.line()))
    }

    /// The files that may hold its public key: newer releases name it after the id.
    pub fn public_keys(&self) -> Vec<String> {
        let own = self.id.strip_suffix("_master").unwrap_or(&self.id);
        vec![format!("{}/master.pub", self.pki_dir), format!("{}/{own}.pub", self.pki_dir)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_from_among_all_others_and_never_shown() {
        let text = r#"{"pki_dir": "/etc/salt/pki/master", "id": "m1_master", "publish_port": 4505,
            "ret_port": 4506, "ext_pillar": [{"git": "secret"}]}"#;
        let settings = Settings::parse(text).expect("it is understood");
        assert_eq!(
            settings.public_keys(),
            ["/etc/salt/pki/master/master.pub", "/etc/salt/pki/master/m1.pub"]
        );
        let wrong = Settings::parse(r#"{"pki_dir": "/p", "id": "m", "publish_port": "secret"}"#);
        assert_eq!(wrong, Err("its settings are not understood (line 1)".to_owned()));
    }
}
