//! Families of keys: what a database is opened with, and how one of them is named afterwards.

/// What is kept in a family, which decides how the engine is tuned for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FamilyUse {
    Points,
    Batches,
}

/// A family to open: a name and what is kept in it.
#[derive(Clone, Debug)]
pub struct FamilySpec {
    pub(crate) name: String,
    pub(crate) used_for: FamilyUse,
    pub(crate) write_buffer_bytes: Option<usize>,
}

impl FamilySpec {
    /// Small values under keys in any order, found again by key: bloom filters, light compression.
    pub fn points(name: impl Into<String>) -> Self {
        Self { name: name.into(), used_for: FamilyUse::Points, write_buffer_bytes: None }
    }

    /// Large values (kilobytes and more) that are appended under rising keys: stored as they are, outside the sorted files,
    /// so that compaction moves keys and no values.
    pub fn batches(name: impl Into<String>) -> Self {
        Self { name: name.into(), used_for: FamilyUse::Batches, write_buffer_bytes: None }
    }

    /// How many bytes of this family gather in memory before they are written as a file. The default follows from the memory budget.
    pub fn with_write_buffer_bytes(mut self, bytes: usize) -> Self {
        self.write_buffer_bytes = Some(bytes);
        self
    }
}

/// A family of one database, as found by [`crate::ByteDatabase::family`]. It means nothing to another database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Family(pub(crate) u16);

/// Which way a scan goes through the keys, which are ordered as unsigned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the lowest key up.
    Forward,
    /// From the highest key down.
    Backward,
}
