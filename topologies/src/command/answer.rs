//! What a command answers: standard output. What it logs, shows while it works and fails with is on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Says it on standard output.
pub(super) fn answer(text: impl Display) {
    // A reader that has gone away, as `head` does, is no reason to end an application that is at work.
    let _ = writeln!(io::stdout().lock(), "{text}");
}
