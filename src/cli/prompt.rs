//! Passwords that a person types: never an argument, which every process of the machine may see.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::failure::Failure;

/// A password: the first line of standard input, or what is typed twice at a terminal without being shown.
///
/// # Errors
/// [`Failure::Usage`] for an empty one, or two that differ; [`Failure::Failed`] when nothing can be read.
pub fn password(whose: &str) -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return line().and_then(|text| not_empty(text, "standard input has no password: write it into the first line"));
    }
    let hidden = Hidden::new()?;
    let first = asked(&format!("new password of {whose}: "))?;
    let again = asked("the same again: ")?;
    drop(hidden);
    if *first != *again {
        return Err(Failure::Usage("the two passwords differ: try again".to_owned()));
    }
    not_empty(first, "the password is empty: try again")
}

fn asked(question: &str) -> Result<Zeroizing<String>, Failure> {
    let mut terminal = io::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let text = line();
    // What was typed is not shown, nor is the key that ended it.
    writeln!(terminal)?;
    text
}

fn line() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .read_line(&mut text)
        .map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(text)
}

fn not_empty(text: Zeroizing<String>, otherwise: &str) -> Result<Zeroizing<String>, Failure> {
    if text.is_empty() {
        Err(Failure::Usage(otherwise.to_owned()))
    } else {
        Ok(text)
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> Result<Self, Failure> {
        let failed = |error| Failure::failed(format!("the terminal cannot be told to hide a password: {error}"));
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &hidden).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0).is_err() {
            tracing::warn!("the terminal still hides what is typed: reset it");
        }
    }
}
