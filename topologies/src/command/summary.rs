//! What a run has come to, in a few lines.

use super::hosted::Worked;
use super::names::Application;
use super::surroundings::Surroundings;
use super::warehouse::Warehouse;
use headwater_serving::{Page, SourceError};
use headwater_streams::runtime::Progress;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The figures of one run.
#[derive(Debug)]
pub(super) struct Summary {
    lasted: Duration,
    /// Records that this process generated.
    generated: Option<u64>,
    worked: Vec<Worked>,
    sales: Option<Result<Sales, SourceError>>,
    /// Where the tables lie.
    warehouse: String,
    directory: PathBuf,
}

/// What the table of category sales holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sales {
    /// Rows: one per window and category.
    rows: u64,
    /// Start of the latest window.
    latest: Option<String>,
}

impl Summary {
    /// Looks into the tables for the rest.
    pub(super) fn of(lasted: Duration, generated: Option<u64>, worked: Vec<Worked>, around: &Surroundings) -> Self {
        Summary {
            lasted,
            generated,
            sales: worked.iter().find_map(|one| sales(one.application, &around.warehouse)),
            worked,
            warehouse: around.warehouse.to_string(),
            directory: around.directory.clone(),
        }
    }

    fn write_worked(&self, worked: &Worked, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.lasted.as_secs_f64();
        if self.worked.len() > 1 {
            writeln!(f, "{}", worked.application.name())?;
        }
        match worked.records_in {
            Some(records) => writeln!(f, "  records in  {records} ({:.0} a second)", records as f64 / seconds.max(0.001))?,
            None => writeln!(f, "  records in  not known: the log does not answer")?,
        }
        if worked.application == Application::CategorySales {
            self.write_sales(f)?;
        }
        let Progress { commits, sunk, latency_p50_ms, latency_p99_ms, .. } = worked.progress;
        writeln!(f, "  updates     {sunk} written to {}, {commits} commits", self.warehouse)?;
        writeln!(f, "  latency     p50 below {latency_p50_ms} ms, p99 below {latency_p99_ms} ms, from the log to the commit")
    }

    fn write_sales(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sales {
            None => Ok(()),
            Some(Ok(Sales { rows, latest: Some(latest) })) => {
                writeln!(f, "  results     {rows} windows by category, the latest from {latest}")
            }
            Some(Ok(Sales { rows, latest: None })) => writeln!(f, "  results     {rows} windows by category"),
            Some(Err(error)) => writeln!(f, "  results     not known: {error}"),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ran {:.1} s", self.lasted.as_secs_f64())?;
        if let Some(generated) = self.generated {
            writeln!(f, "  generated   {generated} records")?;
        }
        self.worked.iter().try_for_each(|worked| self.write_worked(worked, f))?;
        write!(f, "  data        {}", self.directory.display())
    }
}

fn sales(application: Application, warehouse: &Warehouse) -> Option<Result<Sales, SourceError>> {
    let Page::CategorySales(mut source) = application.page(warehouse) else { return None };
    Some(source.read().map(|sales| {
        let rows = sales.windows.iter().map(|window| window.categories.len() as u64).sum::<u64>() + sales.history.rows;
        Sales { rows, latest: sales.windows.last().map(|window| window.window_start.clone()) }
    }))
}
