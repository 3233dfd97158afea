//! `usher`: the command line and the gateway in one program. Everything is in the library; see its documentation.

use std::process::ExitCode;

/// A run hands memory from thread to thread: one reads, another plans, a third writes. glibc keeps an arena for each thread
/// and gives little of it back, so that runs over 100,000 people held twice of what they used, for ever. How this one gives
/// back is set where it is built, in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    usher::cli::run(std::env::args_os())
}
