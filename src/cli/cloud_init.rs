//! `eos cloud-init`: the text that makes a machine a node at its first boot.

use crate::cli::bootstrap::{BootstrapArguments, CommandLine, flags, given_token, pre_shared};
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::files::{self, Attributes};
use crate::model::explain::Failure;
use crate::model::layers::{self, ConfigFile, Layers};
use crate::sls::{embedded, jinja};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Where the machine finds its token; it goes with the boot.
const TOKEN: &str = "/run/eos-join-token";

/// Where it finds its configuration, which bootstrap writes to its own place; it goes with the boot.
const CONFIGURATION: &str = "/run/eos-cluster.yaml";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CloudInitCommand {
    /// Print user data for cloud-init, the same for any number of machines
    Render(Box<RenderArguments>),
}

/// Options of `eos cloud-init render`, besides those of the bootstrap that the machine shall run.
#[derive(Debug, Clone, Args)]
pub struct RenderArguments {
    /// What the machine shall run.
    #[command(flatten)]
    pub bootstrap: BootstrapArguments,
    /// From where the machine fetches eos; its image has eos unless given
    #[arg(long, value_name = "URL", value_parser = url, requires = "program_sha256")]
    pub program_url: Option<String>,
    /// The SHA-256 of what is fetched
    #[arg(long, value_name = "HEX", value_parser = sha256, requires = "program_url")]
    pub program_sha256: Option<String>,
    /// The file to write it to, which only its owner can read; standard output unless given
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl CloudInitCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Render(_) => "cloud-init render",
        }
    }
}

fn url(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let known = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
    if plain && known { Ok(text.to_owned()) } else { Err("it is no https:// or http:// URL".to_owned()) }
}

fn sha256(text: &str) -> Result<String, String> {
    let digits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { Ok(text.to_ascii_lowercase()) } else { Err("it is not 64 hexadecimal digits".to_owned()) }
}

/// Runs the command.
///
/// # Errors
/// When an option, the token or the configuration is wrong, or the file cannot be written.
pub fn run(context: &Context, command: CloudInitCommand) -> Result<Done, Failure> {
    let CloudInitCommand::Render(arguments) = command;
    let text = render(context.configuration(), &arguments)?;
    let Some(out) = &arguments.out else {
        return Ok(Done::new(json!({ "user_data": text }), text));
    };
    files::write_atomic(out, text.as_bytes(), Attributes::SECRET).map_err(failure)?;
    let told = format!("{}: give it to the machines as their user data\n", out.display());
    Ok(Done::new(json!({ "file": out }), told))
}

/// The text. Nothing of the machine on which it is made is in it.
fn render(configuration: Option<&Path>, arguments: &RenderArguments) -> Result<String, Failure> {
    let configuration = configuration.map(read).transpose()?;
    let files = configuration.iter().cloned().collect();
    layers::resolve(&Layers { files, environment: Vec::new(), flags: flags(&arguments.bootstrap) })
        .map_err(failure)?;
    let token = given_token(&arguments.bootstrap)?;
    if arguments.bootstrap.expect.is_some() {
        pre_shared(token.as_ref())?;
    }
    let token = token.map(|token| token.reveal());
    let mut there = arguments.bootstrap.clone();
    there.token = None;
    there.cloud_init = true;
    there.token_file = token.as_ref().map(|_| PathBuf::from(TOKEN));
    let line = CommandLine::of(configuration.as_ref().map(|_| Path::new(CONFIGURATION)), &there).typed();
    if line.chars().any(char::is_control) {
        let line = "an option holds a control character, which no user data may have".to_owned();
        return Err(failure(CliError::Usage { line }));
    }
    let mut files = Vec::new();
    if let Some(file) = &configuration {
        files.push(json!({ "path": CONFIGURATION, "content": text(file)? }));
    }
    if let Some(token) = &token {
        files.push(json!({ "path": TOKEN, "content": token.expose_secret() }));
    }
    let program = arguments.program_url.as_ref().zip(arguments.program_sha256.as_ref());
    let shown =
        CommandLine::of(None, &BootstrapArguments { token_file: None, cloud_init: false, ..there }).typed();
    let variables = json!({
        "made_by": shown.replacen("eos bootstrap", "eos cloud-init render", 1),
        "program": program.map(|(url, sha256)| json!({ "url": url, "sha256": sha256 })),
        "files": files,
        "command": line,
    });
    let rendered = jinja::plain("templates/cloud-init.yaml.jinja", embedded::CLOUD_INIT, &variables);
    rendered.map(|text| text.trim_end().to_owned() + "\n").map_err(failure)
}

fn read(path: &Path) -> Result<ConfigFile, Failure> {
    let shown = path.display().to_string();
    let bytes = files::read_optional(path).map_err(failure)?;
    let bytes = bytes.ok_or_else(|| failure(CliError::NoConfiguration { path: shown.clone() }))?;
    Ok(ConfigFile { path: shown, bytes })
}

/// A configuration that was read without error is text.
fn text(file: &ConfigFile) -> Result<&str, Failure> {
    std::str::from_utf8(&file.bytes)
        .map_err(|_| failure(CliError::Usage { line: format!("{} is not text", file.path) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::{Arguments, Command};
    use crate::identity::token::Token;
    use crate::model::digest::Fingerprint;
    use clap::Parser;
    use serde_yaml::Value;

    fn rendered(line: &[&str], configuration: Option<&Path>) -> Result<String, Failure> {
        let words = ["eos", "cloud-init", "render"].iter().chain(line);
        let parsed = Arguments::try_parse_from(words).expect("it parses");
        let Command::CloudInit(CloudInitCommand::Render(arguments)) = parsed.command else {
            panic!("it is not")
        };
        render(configuration, &arguments)
    }

    fn run(text: &str) -> (Value, String) {
        assert!(text.starts_with("#cloud-config\n"), "{text}");
        let parsed: Value = serde_yaml::from_str(text).expect("it is YAML");
        let script = parsed["runcmd"][0].as_str().expect("one script").to_owned();
        assert_eq!(parsed["runcmd"].as_sequence().map(Vec::len), Some(1));
        (parsed, script)
    }

    #[test]
    fn machines_that_elect_their_founder_are_given_a_token_that_no_cluster_made() {
        let line = ["--auto-discover", "--expect=3"];
        assert_eq!(rendered(&line, None).expect_err("they have none").code, "EOS-U022");
        let of_cluster =
            Token::generate(Some(Fingerprint::from_bytes([9; 32]))).expect("there is randomness");
        let with = |token: &Token| {
            let option = format!("--token={}", token.reveal().expose_secret());
            rendered(&[&line[..], &[&option]].concat(), None)
        };
        assert_eq!(with(&of_cluster).expect_err("a cluster made it").code, "EOS-U020");
        let pre_shared = Token::generate(None).expect("there is randomness");
        let (_, script) = run(&with(&pre_shared).expect("it is theirs"));
        assert!(
            script.contains("eos bootstrap --auto-discover --cloud-init --expect=3 --token-file="),
            "{script}"
        );
    }

    #[test]
    fn the_last_command_is_the_bootstrap_so_that_its_status_counts() -> anyhow::Result<()> {
        let text = rendered(&["--join-cluster=10.0.1.10", "--preferred-role=data", "--node-name=it's"], None);
        assert_eq!(text.expect_err("a name has no quote").code, "EOS-C023");
        let text =
            rendered(&["--join-cluster=10.0.1.10", "--preferred-role=data"], None).expect("it renders");
        let (parsed, script) = run(&text);
        assert_eq!(
            script,
            "set -eu\nexec eos bootstrap --cloud-init --join-cluster=10.0.1.10 --preferred-role=data\n"
        );
        assert_eq!((&parsed["write_files"], &parsed["packages"]), (&Value::Null, &Value::Null));
        Ok(())
    }

    #[test]
    fn token_and_configuration_are_files_that_go_with_the_boot_and_no_arguments() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let token = crate::identity::token::Token::generate(None)?.reveal();
        let (secret, kept) = (token.expose_secret(), folder.path().join("token"));
        std::fs::write(&kept, format!("{secret}\n"))?;
        let (path, config) =
            (folder.path().join("c.yaml"), "# {{ not }} \"a template\"\nnode:\n  agent_port: 1234\n");
        std::fs::write(&path, config)?;
        let line = ["--auto-discover", "--token-file", kept.to_str().expect("it is text")];
        let text = rendered(&line, Some(&path)).expect("it renders");
        let (parsed, script) = run(&text);
        let last = script.lines().last();
        let wanted = format!(
            "exec eos bootstrap --auto-discover --cloud-init --token-file={TOKEN} --config={CONFIGURATION}"
        );
        assert_eq!(last, Some(wanted.as_str()));
        let files = parsed["write_files"].as_sequence().expect("a list");
        let of = |file: &Value| {
            ["path", "content", "permissions"].map(|key| file[key].as_str().map(str::to_owned))
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(of(&files[0]), [text(CONFIGURATION), text(config), text("0600")]);
        assert_eq!(of(&files[1]), [text(TOKEN), text(&format!("{secret}\n")), text("0600")]);
        assert!(!script.contains(secret));
        Ok(())
    }

    #[test]
    fn what_is_fetched_is_compared_before_it_runs() {
        let digest = "0AF".repeat(22)[..64].to_owned();
        let line =
            ["--single-node", "--program-url=https://example.com/eos?a='b'", "--program-sha256", &digest];
        let (parsed, script) = run(&rendered(&line, None).expect("it renders"));
        assert_eq!(parsed["packages"][1], "curl");
        let at = |what: &str| script.find(what).unwrap_or_else(|| panic!("no {what:?} in {script}"));
        assert!(
            at("curl") < at("sha256sum --check") && at("sha256sum") < at("mv ") && at("mv ") < at("exec eos")
        );
        assert!(script.contains(&digest.to_lowercase()));
    }

    #[test]
    fn what_is_wrong_is_told_here_and_not_by_a_machine_that_boots() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("c.yaml");
        let error = rendered(&["--single-node"], Some(&path)).expect_err("it is not there");
        assert_eq!(error.code, "EOS-U015");
        std::fs::write(&path, "nodes: {}\n")?;
        let error = rendered(&["--single-node"], Some(&path)).expect_err("it has an unknown key");
        assert!(error.message.contains("nodes"), "{}", error.message);
        let error = rendered(&["--single-node", "--skip-check=a\nb"], None).expect_err("a line would end");
        assert!(error.message.contains("control character"), "{}", error.message);
        for wrong in [
            &["--single-node", "--program-url=https://example.com/eos"][..],
            &["--single-node", "--program-url=ftp://a", "--program-sha256", &"0".repeat(64)],
            &["--single-node", "--program-url=https://a", "--program-sha256=00"],
        ] {
            let words = ["eos", "cloud-init", "render"].iter().chain(wrong);
            assert!(Arguments::try_parse_from(words).is_err(), "{wrong:?}");
        }
        Ok(())
    }
}
