//! Progress of long work, shown on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A bar, or a counter where the end is not known. On what is no terminal it shows nothing.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar for `count` things; `None`: nobody knows how many.
    pub(super) fn of(count: Option<u64>, what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(count, ProgressDrawTarget::stderr_with_hz(10));
        let template = match count {
            Some(_) => format!("[{{bar:40}}] {{human_pos}} of {{human_len}} {what}, {{per_sec}}, {{eta}} left"),
            None => format!("{{spinner}} {{human_pos}} {what}, {{per_sec}}"),
        };
        bar.set_style(ProgressStyle::with_template(&template).expect("the template is well-formed"));
        Bar(bar)
    }

    /// A line that is replaced by its successor.
    pub(super) fn line() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is well-formed"));
        bar.enable_steady_tick(Duration::from_millis(250));
        Bar(bar)
    }

    pub(super) fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    pub(super) fn say(&self, message: String) {
        self.0.set_message(message);
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}
