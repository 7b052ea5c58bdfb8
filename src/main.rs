//! The `lobd` binary: reads the command line and runs one command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lobd::cli::main(std::env::args_os())
}
