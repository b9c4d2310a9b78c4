//! Opens the embedded log of a data directory.

use super::CommandError;
use super::data::DataDirectory;
use headwater_state::MemoryBudget;
use headwater_streams::log::{EmbeddedLog, EmbeddedOptions, ErrorCode, Log, LogError};
use std::sync::Arc;

/// For writing: one process at a time. The log takes its memory from the process' one budget.
pub(super) fn open_writer(directory: &DataDirectory, memory: &MemoryBudget) -> Result<Arc<dyn Log>, CommandError> {
    std::fs::create_dir_all(&directory.root).map_err(CommandError::io(format!("making {}", directory.root.display())))?;
    let options = EmbeddedOptions { memory: memory.clone(), ..EmbeddedOptions::default() };
    let log = EmbeddedLog::open_with(directory.log(), options).map_err(explain)?;
    Ok(Arc::new(log))
}

/// For reading, beside a process that writes.
pub(super) fn open_reader(directory: &DataDirectory) -> Result<Arc<dyn Log>, CommandError> {
    if !directory.log().exists() {
        return Err(CommandError::NoLog { directory: directory.root.clone() });
    }
    let log = EmbeddedLog::open_reader(directory.log()).map_err(explain)?;
    Ok(Arc::new(log))
}

fn explain(error: LogError) -> CommandError {
    match error.code() {
        ErrorCode::Owned => CommandError::InUse { error },
        _ => CommandError::Log(error),
    }
}
