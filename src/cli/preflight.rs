//! `eos preflight`: the checks of bootstrap alone.

use crate::cli::bootstrap::{self, BootstrapArguments};
use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::model::explain::Failure;
use crate::preflight::{self, Report, Requirements};
use crate::view;
use crate::view::progress::Progress;
use clap::Args;
use std::sync::Arc;
use std::time::Instant;

/// Options of `eos preflight`: those of bootstrap.
#[derive(Debug, Clone, Args)]
pub struct PreflightArguments {
    /// What bootstrap would be given.
    #[command(flatten)]
    pub bootstrap: BootstrapArguments,
}

/// Runs the command.
///
/// # Errors
/// With every failed check at once.
pub fn run(context: &Context, arguments: &PreflightArguments) -> Result<Done, Failure> {
    let skipped = preflight::find_all(&arguments.bootstrap.skip_check).map_err(failure)?;
    let mut asked = bootstrap::read(context, &arguments.bootstrap)?;
    let mut line = bootstrap::command_line(context, &arguments.bootstrap);
    line.with_secret(asked.token.is_some());
    let before = bootstrap::unfinished(context)?.map(|(_, decision)| decision);
    if let Some(before) = &before
        && asked.follow(before)
    {
        line.follow(before, &asked.config.node);
    }
    line.aims(asked.aim);
    let deadline = Instant::now() + arguments.bootstrap.timeout.unwrap_or(bootstrap::TIMEOUT);
    let progress = Arc::new(Progress::new(context.output, deadline));
    let while_it_lasts = (&progress, deadline);
    let measured = bootstrap::detect(
        context,
        &arguments.bootstrap,
        &mut asked,
        before.as_ref(),
        &mut line,
        while_it_lasts,
    )
    .and_then(|()| bootstrap::glance(context, &asked, before.as_ref(), &progress, deadline));
    progress.finish();
    let measured = measured.map_err(|failure| line.told(failure))?;
    let report = Report::new(preflight::judge(&measured, &Requirements::default()), &skipped);
    let text = view::preflight::text(&context.output, &report);
    let result = json(&report);
    context.put_beside(result.clone());
    report.into_result().map_err(|error| line.told(failure(error)))?;
    Ok(Done::new(result, text))
}
