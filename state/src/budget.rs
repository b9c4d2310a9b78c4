//! The memory that all databases of a process share.

use std::fmt;
use std::fs;
use std::sync::Arc;

use crate::rocks::SharedMemory;

/// The share of the machine's (or the container's) memory that state takes by default.
const DEFAULT_SHARE: usize = 4;
const LEAST_BYTES: usize = 64 << 20;
const MOST_BYTES: usize = 4 << 30;
const FALLBACK_BYTES: usize = 256 << 20;

/// One memory budget a process: blocks read, indexes, filters and write buffers of all databases are charged to it.
///
/// The limit is not strict: a read that needs a block beyond it still succeeds. Clones share the one budget.
#[derive(Clone)]
pub struct MemoryBudget {
    bytes: usize,
    shared: Arc<SharedMemory>,
}

impl MemoryBudget {
    /// A budget of `bytes`; half of it may be write buffers.
    pub fn of_bytes(bytes: usize) -> Self {
        Self { bytes, shared: Arc::new(SharedMemory::of_bytes(bytes)) }
    }

    /// A quarter of what the control group allows this process, or of the machine's memory where there is no limit;
    /// at least 64 MiB, at most 4 GiB.
    pub fn from_cgroup() -> Self {
        let available = cgroup_limit().into_iter().chain(machine_memory()).min();
        Self::of_bytes(available.map_or(FALLBACK_BYTES, default_for))
    }

    /// The size of the budget.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn shared(&self) -> &SharedMemory {
        &self.shared
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryBudget").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

fn default_for(available: usize) -> usize {
    (available / DEFAULT_SHARE).clamp(LEAST_BYTES, MOST_BYTES)
}

/// The lowest limit on the way up from this process's group (version 2), or the one of version 1.
fn cgroup_limit() -> Option<usize> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let mut limits = Vec::new();
    let mut group = std::path::Path::new(group);
    loop {
        let inside = group.strip_prefix("/").unwrap_or(group);
        limits.extend(read_bytes(&std::path::Path::new("/sys/fs/cgroup").join(inside).join("memory.max")));
        match group.parent() {
            Some(parent) => group = parent,
            None => break,
        }
    }
    limits.extend(read_bytes(std::path::Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes")));
    limits.into_iter().min()
}

/// A file that holds a number of bytes; `max` is no limit.
fn read_bytes(path: &std::path::Path) -> Option<usize> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn machine_memory() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    parse_machine_memory(&text)
}

fn parse_machine_memory(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_machines_memory() {
        assert_eq!(parse_machine_memory("MemTotal:       24623928 kB\nMemFree: 1 kB\n"), Some(24_623_928 << 10));
        assert_eq!(parse_machine_memory("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn stays_within_its_limits() {
        assert_eq!(default_for(1 << 20), LEAST_BYTES);
        assert_eq!(default_for(1 << 30), 256 << 20);
        assert_eq!(default_for(1 << 40), MOST_BYTES);
    }
}
