//! Takes a token off the command line before anything else runs, so that `ps` does not show it.

use crate::host::command;
use std::ffi::OsString;
use std::process::ExitCode;

/// The variable that carries the token instead.
pub const VARIABLE: &str = "EOS_TOKEN";

/// Starts this program again without the token among its arguments; does not return when it did.
pub fn hide_token_from_the_process_list() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (kept, token) = split(&arguments)?;
    let program = std::env::current_exe().ok()?;
    let error = command::replace_this_process(&program, &kept, (VARIABLE, &token));
    crate::view::stderr(&format!("error: could not hide the token from the process list: {error}\n"));
    Some(ExitCode::from(crate::model::explain::Exit::Failed as u8))
}

/// The arguments without `--token TOKEN`, and the token.
fn split(arguments: &[OsString]) -> Option<(Vec<OsString>, OsString)> {
    let mut kept = Vec::new();
    let mut token = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--token" {
            token = Some(rest.next()?.clone());
        } else if let Some(value) = text.strip_prefix("--token=") {
            token = Some(value.into());
        } else {
            kept.push(argument.clone());
        }
    }
    token.map(|token| (kept, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_off_in_both_forms() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for text in
            ["eos bootstrap --token SECRET --single-node", "eos bootstrap --token=SECRET --single-node"]
        {
            let (kept, token) = split(&line(text)).expect("there is a token");
            assert_eq!((kept, token), (line("eos bootstrap --single-node"), "SECRET".into()));
        }
        assert_eq!(split(&line("eos status --token-file /x")), None);
    }
}
