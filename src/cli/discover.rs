//! `eos discover`: the clusters that answer on the networks of this machine.

use crate::cli::bootstrap::duration;
use crate::cli::context::{Context, failure};
use crate::cli::done::Done;
use crate::cli::search::Search;
use crate::identity::membership::Membership;
use crate::model::explain::Failure;
use crate::view;
use crate::view::progress::Progress;
use clap::Args;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long silence is listened to; with the diagnosis after it, it stays below five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// For how long others are waited for once one answered: two more queries go out in it.
const SETTLE: Duration = Duration::from_millis(400);

/// Options of `eos discover`.
#[derive(Debug, Clone, Args)]
pub struct DiscoverArguments {
    /// How long to listen when nobody answers, 3s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

/// Runs the command.
///
/// # Errors
/// When nobody answers, with the likely reason, or the interfaces cannot be listed.
pub fn run(context: &Context, arguments: &DiscoverArguments) -> Result<Done, Failure> {
    let mut config = context.resolve_for_all_roles(Vec::new())?.config;
    let member = Membership::load(&context.root).map_err(failure)?;
    config.node.advertise_address = config.node.advertise_address.or(member.map(|member| member.address));
    let patience = arguments.timeout.unwrap_or(PATIENCE);
    let progress = Arc::new(Progress::new(context.output, Instant::now() + patience));
    let search = Search { config: &config, patience, settle: SETTLE, progress: &progress };
    let result = search.run(context).and_then(|findings| {
        if findings.clusters.is_empty() && findings.unread.is_empty() {
            return Err(search.silence(context, &findings));
        }
        let text = view::discover::text(&context.output, &findings);
        Ok(Done::new(view::discover::json(&findings), text))
    });
    progress.finish();
    result
}
