//! `eos snapshot prune --previous`: frees what restores kept of the trees that they replaced.

use super::reader;
use super::restore::RestoreCommandError;
use crate::cli::context::{Context, failure};
use crate::model::explain::Failure;
use crate::model::progress::Sink;
use crate::model::snapshots::SourceConfig;
use crate::snapshot::restore::{self, Kept, Order, Restore, RestoreError};
use crate::steps::{restore_sources, sources};

/// The tree of before the last restore of a source, none when there was none.
pub(super) type Gone = (String, Option<Kept>);

/// Removes those of the sources of these names, or only looks at them.
pub(super) fn forget(
    context: &Context,
    names: &[String],
    dry_run: bool,
    sink: &dyn Sink,
) -> Result<Vec<Gone>, Failure> {
    let config = context.resolve(Vec::new())?.config;
    let known = sources::known(&context.root, &config).map_err(Failure::from)?;
    // All names are judged before anything is removed.
    let meant = names.iter().map(|name| named(name, &known)).collect::<Result<Vec<_>, _>>()?;
    if let Some(source) = meant.first() {
        refuse_while_joining(context, source)?;
    }
    let holder = reader("prune");
    let mut gone = Vec::new();
    for source in meant {
        let kept = match restore::kept(&context.root, source).map_err(failure)? {
            kept if dry_run => kept,
            _ => {
                let order =
                    Order { root: &context.root, source, into: None, make_folder: false, holder: &holder };
                match Restore::begin(order, sink) {
                    // Where nothing leads to, nothing is kept.
                    Err(RestoreError::NoFolder { .. }) => None,
                    begun => {
                        let begun = begun.map_err(failure)?;
                        // A join may have restored it since the first look; from here on none can.
                        refuse_while_joining(context, source)?;
                        begun.forget_previous().map_err(failure)?
                    }
                }
            }
        };
        gone.push((source.name.to_string(), kept));
    }
    Ok(gone)
}

/// Undoing a join needs what it replaced.
fn refuse_while_joining(context: &Context, source: &SourceConfig) -> Result<(), Failure> {
    match restore_sources::is_unconfirmed(&context.root).map_err(Failure::from)? {
        true => Err(failure(RestoreCommandError::Joining { source_name: source.name.to_string() })),
        false => Ok(()),
    }
}

fn named<'a>(name: &str, known: &'a [SourceConfig]) -> Result<&'a SourceConfig, Failure> {
    let found = known.iter().find(|source| source.name.as_str() == name);
    found.ok_or_else(|| super::restore::unknown_source(name, known))
}
