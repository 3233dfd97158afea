//! `usher`: the command line and the gateway in one program. Everything is in the library; see its documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    usher::cli::run(std::env::args_os())
}
