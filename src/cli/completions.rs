//! Completions and manual pages, made from the command line's own description.

use crate::cli::arguments::Arguments;
use crate::cli::context::failure;
use crate::cli::done::Done;
use crate::cli::error::CliError;
use crate::host::files::{self, Attributes};
use crate::model::explain::Failure;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;
use std::path::Path;

/// `eos completions`.
pub fn completions(shell: Shell) -> Done {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "eos", &mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Done::new(json!({ "completions": text }), text)
}

/// `eos man`: one page for each command, written into the directory.
///
/// # Errors
/// When a page cannot be written.
pub fn man(directory: &Path) -> Result<Done, Failure> {
    if !directory.is_dir() {
        return Err(failure(CliError::NoDirectory { path: directory.display().to_string() }));
    }
    let mut names = Vec::new();
    let mut command = Arguments::command();
    command.build();
    pages(&command, "eos", directory, &mut names)?;
    let text = format!("{} pages written to {}\n", names.len(), directory.display());
    Ok(Done::new(json!({ "pages": names }), text))
}

fn pages(
    command: &clap::Command,
    name: &str,
    directory: &Path,
    names: &mut Vec<String>,
) -> Result<(), Failure> {
    let leaked: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let mut bytes = Vec::new();
    let page = clap_mangen::Man::new(command.clone().name(leaked)).date("");
    page.render(&mut bytes).expect("writing to memory does not fail");
    let file = format!("{name}.1");
    files::write_atomic(&directory.join(&file), &bytes, Attributes::PUBLIC).map_err(failure)?;
    names.push(file);
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        pages(inner, &format!("{name}-{}", inner.get_name()), directory, names)?;
    }
    Ok(())
}
