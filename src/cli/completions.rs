//! `lobd completions`: the shell's own completion script.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, CommandError, Context, Exit};

/// Prints the completion script of a shell.
///
/// Example: `lobd completions bash > /etc/bash_completion.d/lobd`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell.
    shell: Shell,
}

/// Runs `lobd completions`.
#[expect(clippy::unused_async, reason = "every command has the same shape")]
pub(super) async fn run(args: &Args, _context: &Context) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "lobd", &mut script);
    std::io::stdout()
        .write_all(&script)
        .map_err(|error| CommandError::new(Exit::InputOutput, error))
}
