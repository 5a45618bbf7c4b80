//! The command line: one file for each verb (tier 5).

pub mod abandon;
pub mod arguments;
pub mod bootstrap;
pub mod catalogue;
pub mod checkpoint;
pub mod cloud_init;
pub mod completions;
pub mod config;
pub mod context;
pub mod daemon;
pub mod discover;
pub mod done;
pub mod error;
pub mod explain;
mod identity;
pub mod node;
pub mod orchestration;
pub mod preflight;
pub mod reset;
pub mod role;
pub mod snapshot;
pub mod state;
pub mod status;
pub mod storage;
pub mod tarball;
pub mod token;
pub mod unfinished;

mod audit;
mod carry_out;
mod daemon_line;
mod interrupt;
mod panic;
mod redact;
mod search;
mod usage;

use crate::host::own_process;
use crate::model::explain::{Exit, Failure};
use crate::view;
use arguments::{Arguments, Command};
use clap::Parser;
use context::Context;
use done::Done;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    panic::tell_without_secrets();
    if let Err(error) = own_process::leave_no_core() {
        // Whatever forbids it, as a seccomp filter may, is no reason not to work.
        view::stderr(&format!("warning: a crash may leave a core file with secrets in it: {error}\n"));
    }
    if let Some(code) = redact::hide_token_from_the_process_list() {
        return code;
    }
    let line: Vec<_> = std::env::args_os().collect();
    let arguments = match daemon_line::read(&line, std::env::var_os("EOS_ROOT").is_some()) {
        Some(arguments) => arguments,
        None => match Arguments::try_parse_from(line) {
            Ok(arguments) => arguments,
            Err(error) => return usage(&error),
        },
    };
    if let Command::Supervise { unit } = &arguments.command {
        return daemon::supervise(&arguments.global, unit);
    }
    let name = arguments.command.name();
    let output = arguments.global.output();
    let mut beside = serde_json::Map::new();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let context = Context::new(&arguments.global, &arguments.command)?;
        #[cfg(feature = "testing")]
        let context = context.panicking_in(std::env::var("EOS_TEST_PANIC").ok());
        #[cfg(feature = "testing")]
        assert_ne!(context.panics_in.as_deref(), Some(name), "a test has this command panic");
        let result = tracing::info_span!("command", name).in_scope(|| dispatch(&context, arguments.command));
        beside = context.take_beside();
        result
    }));
    match result.unwrap_or_else(|_| Err(panic::failure(&arguments.global.root))) {
        Ok(done) => finish(&output, name, done),
        Err(failure) => {
            view::failure_beside(&output, name, &failure, beside);
            ExitCode::from(failure.exit)
        }
    }
}

fn finish(output: &view::Output, name: &str, done: Done) -> ExitCode {
    if output.format == view::Format::Text && !done.text.is_empty() {
        view::stdout(&done.text);
    }
    view::verdict(output, name, done.outcome, done.result);
    ExitCode::from(done.exit as u8)
}

/// Usage errors are clap's, with a code of eos; in JSON mode the verdict object follows, so that the
/// output always parses.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        view::stdout(&error.render().to_string());
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    let failure = usage::failure(error.kind(), &text);
    // What stands in the message already is not repeated.
    let rest = text.split_once("\n\n").map_or("", |(_, rest)| rest);
    let json = std::env::args().any(|argument| argument == "json" || argument == "--output=json");
    let format = if json { view::Format::Json } else { view::Format::Text };
    let output = view::Output { format, color: false, width: 80, terminal: false, root: "/" };
    view::failure(&output, "usage", &failure);
    if !json {
        view::stderr(rest);
    }
    ExitCode::from(Exit::Usage as u8)
}

fn dispatch(context: &Context, command: Command) -> Result<Done, Failure> {
    match command {
        Command::Master => daemon::master(context),
        Command::Agent => daemon::agent(context),
        Command::Storage(storage::StorageCommand::Monitor) => daemon::monitor(context),
        other => command_of_a_person(context, other),
    }
}

/// Apart from the daemons, because all that is inlined here needs a stack that each of them would keep.
#[inline(never)]
fn command_of_a_person(context: &Context, command: Command) -> Result<Done, Failure> {
    let name = command.name();
    match command {
        Command::Bootstrap(arguments) => bootstrap::run(context, &arguments),
        Command::Preflight(arguments) => preflight::run(context, &arguments),
        Command::Status(arguments) => status::run(context, &arguments),
        Command::Discover(arguments) => discover::run(context, &arguments),
        Command::Rollback(arguments) => checkpoint::rollback(context, &arguments),
        Command::Reset(arguments) => reset::run(context, &arguments),
        Command::Explain { code } => explain::run(&code),
        Command::CloudInit(command) => cloud_init::run(context, command),
        Command::Node(command) => node::run(context, command),
        Command::Identity(command) => identity::run(context, &command),
        Command::Token(command) => token::run(context, command),
        Command::Role(command) => role::run(context, command),
        Command::Checkpoint(command) => checkpoint::run(context, command),
        Command::Snapshot(command) => snapshot::run(context, command),
        Command::State(command) => state::run(context, command),
        Command::Storage(command) => storage::run(context, command),
        Command::Audit(command) => audit::run(context, command),
        Command::Config(command) => config::run(context, command),
        // Whatever runs for long had its turn before.
        Command::Master | Command::Agent | Command::Supervise { .. } => {
            Err(error::CliError::Usage { line: name.to_owned() }.failure())
        }
        Command::Completions { shell } => Ok(completions::completions(shell)),
        Command::Man { directory } => completions::man(&directory),
    }
}
