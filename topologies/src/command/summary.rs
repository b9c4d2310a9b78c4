//! What a run has come to, in a few lines.

use headwater_streams::runtime::Progress;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The figures of one run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    pub(super) lasted: Duration,
    /// Records of the input topic whose processing is committed.
    pub(super) records_in: i64,
    /// Records that this process generated.
    pub(super) generated: Option<u64>,
    pub(super) progress: Progress,
    pub(super) results: Results,
    /// Where the tables lie.
    pub(super) warehouse: String,
    pub(super) directory: PathBuf,
}

/// What the table of results holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Results {
    /// Rows: one per window and category.
    pub(super) rows: u64,
    /// Start of the latest window.
    pub(super) latest: Option<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.lasted.as_secs_f64();
        let rate = self.records_in as f64 / seconds.max(0.001);
        writeln!(f, "ran {seconds:.1} s")?;
        if let Some(generated) = self.generated {
            writeln!(f, "  generated   {generated} records")?;
        }
        writeln!(f, "  records in  {} ({rate:.0} a second)", self.records_in)?;
        let Results { rows, latest } = &self.results;
        write!(f, "  results     {rows} windows by category")?;
        writeln!(f, "{}", latest.as_ref().map_or(String::new(), |latest| format!(", the latest from {latest}")))?;
        let Progress { commits, sunk, latency_p50_ms, latency_p99_ms, .. } = self.progress;
        writeln!(f, "  updates     {sunk} written to {}, {commits} commits", self.warehouse)?;
        writeln!(f, "  latency     p50 below {latency_p50_ms} ms, p99 below {latency_p99_ms} ms, from the log to the commit")?;
        write!(f, "  data        {}", self.directory.display())
    }
}
