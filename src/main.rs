//! `usher`: the command line and the gateway in one program. Everything is in the library; see its documentation.

use std::process::ExitCode;

/// Runs hand memory from thread to thread: what one thread reads another plans with and a third writes. glibc keeps an arena
/// for each thread and gives little of it back, so a run over 100,000 people held several times of what it used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    usher::cli::run(std::env::args_os())
}
