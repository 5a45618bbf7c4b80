//! `eos token`: what lets a node in.

use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::clock;
use crate::identity::token::Token;
use crate::model::explain::Failure;
use crate::model::ids::TokenId;
use crate::model::role::{Role, UnknownRole};
use crate::view;
use crate::wire::admin::CreateToken;
use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::json;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token of this cluster
    Create {
        /// Hours until it expires
        #[arg(long, default_value_t = 24, value_name = "HOURS")]
        expires_hours: u64,
        /// Seconds until it expires, in place of hours
        #[arg(long, value_name = "SECONDS", conflicts_with = "expires_hours")]
        expires_seconds: Option<u64>,
        /// How often it may be used; any number unless given
        #[arg(long, value_name = "N")]
        uses: Option<u32>,
        /// The only role that it admits
        #[arg(long, value_name = "ROLE", value_parser = ["edge", "core", "data", "compute"])]
        role: Option<String>,
    },
    /// Make a token before there is a cluster, to be given to all its nodes
    Generate,
    /// List the tokens, without their secrets
    List,
    /// Make a token void at once
    Revoke {
        /// Its id, the second last part but one
        id: String,
    },
}

impl TokenCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "token create",
            Self::Generate => "token generate",
            Self::List => "token list",
            Self::Revoke { .. } => "token revoke",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When this is not the master's host, or the master refuses.
pub fn run(context: &Context, command: TokenCommand) -> Result<Done, Failure> {
    let what = command.name();
    match command {
        TokenCommand::Create { expires_hours, expires_seconds, uses, role } => {
            let wrong = |error: UnknownRole| CliError::Usage { line: error.to_string() }.failure();
            let role = role.as_deref().map(Role::parse).transpose().map_err(wrong)?;
            let expires_seconds = expires_seconds.unwrap_or(expires_hours.saturating_mul(3600));
            let wanted = CreateToken { expires_seconds, uses, role };
            let created = context.block_on(context.operator(what)?.create_token(&wanted)).map_err(failure)?;
            let result =
                json!({ "token": created.token, "id": created.id, "expires_ms": created.expires_ms });
            Ok(Done::new(result, format!("{}\n", created.token)))
        }
        TokenCommand::Generate => {
            let token = Token::generate(None).map_err(failure)?;
            let text = token.reveal();
            let result = json!({ "token": text.expose_secret(), "id": token.id });
            Ok(Done::new(result, format!("{}\n", text.expose_secret())))
        }
        TokenCommand::List => {
            let tokens = context.block_on(context.operator(what)?.tokens()).map_err(failure)?;
            let text = view::token::list(&tokens, clock::now_ms());
            Ok(Done::new(json!({ "tokens": tokens }), text))
        }
        TokenCommand::Revoke { id } => {
            let id =
                TokenId::parse(&id).map_err(|error| CliError::Usage { line: error.to_string() }.failure())?;
            context.decide(what, async |master| master.revoke_token(&id).await)?;
            Ok(Done::new(json!({ "id": id }), format!("token {id} is revoked\n")))
        }
    }
}
