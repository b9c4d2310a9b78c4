//! What a run has come to, in a few lines.

use headwater_serving::SourceError;
use headwater_streams::runtime::Progress;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The figures of one run.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) lasted: Duration,
    /// Records of the input topic whose processing is committed; `None` where the log did not tell any more.
    pub(super) records_in: Option<i64>,
    /// Records that this process generated.
    pub(super) generated: Option<u64>,
    pub(super) progress: Progress,
    /// What the table of results holds, where that is known to a page.
    pub(super) results: Option<Result<Results, SourceError>>,
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
        writeln!(f, "ran {seconds:.1} s")?;
        if let Some(generated) = self.generated {
            writeln!(f, "  generated   {generated} records")?;
        }
        match self.records_in {
            Some(records) => writeln!(f, "  records in  {records} ({:.0} a second)", records as f64 / seconds.max(0.001))?,
            None => writeln!(f, "  records in  not known: the log does not answer")?,
        }
        match &self.results {
            None => {}
            Some(Ok(Results { rows, latest: Some(latest) })) => {
                writeln!(f, "  results     {rows} windows by category, the latest from {latest}")?
            }
            Some(Ok(Results { rows, latest: None })) => writeln!(f, "  results     {rows} windows by category")?,
            Some(Err(error)) => writeln!(f, "  results     not known: {error}")?,
        }
        let Progress { commits, sunk, latency_p50_ms, latency_p99_ms, .. } = self.progress;
        writeln!(f, "  updates     {sunk} written to {}, {commits} commits", self.warehouse)?;
        writeln!(f, "  latency     p50 below {latency_p50_ms} ms, p99 below {latency_p99_ms} ms, from the log to the commit")?;
        write!(f, "  data        {}", self.directory.display())
    }
}
