//! Has the node's store remember how a command ended, for the agent's metrics; no command fails for that.

use crate::cli::context::Context;
use crate::model::explain::{Explain, Failure};
use crate::snapshot::store::{self, Command, Ended};
use crate::view;

/// Counts how it ended.
pub(super) fn count(context: &Context, ended: Ended<'_>) {
    if let Err(error) = store::count(&context.root, ended) {
        let code = error.code();
        view::stderr(&format!("warning[{code}]: the metrics miss how this command ended: {error}\n"));
    }
}

/// Counts that it failed.
pub(super) fn failed(context: &Context, command: Command, failure: &Failure) {
    count(context, Ended::Failed { command, code: &failure.code });
}
