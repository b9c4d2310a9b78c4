//! How RocksDB is set up, and why.

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DEFAULT_COLUMN_FAMILY_NAME, InfoLogger, LogLevel, Options,
    WriteBufferManager,
};

use tracing::{error, warn};

use crate::family::FamilyUse;
use crate::{FamilySpec, MemoryBudget};

/// Flushes and compactions of all databases of the process share RocksDB's own small pool of threads.
const BACKGROUND_JOBS: i32 = 2;
/// Memory is taken from the budget in pieces of this size by each family, so that hundreds of small families cost little.
const ARENA_BLOCK_BYTES: usize = 64 << 10;
/// A family of points takes at most this share of the budget before it is flushed.
const WRITE_BUFFER_SHARE: usize = 16;
const LEAST_WRITE_BUFFER_BYTES: usize = 1 << 20;
const MOST_POINT_BUFFER_BYTES: usize = 32 << 20;
const MOST_BATCH_BUFFER_BYTES: usize = 64 << 20;
/// An idle family keeps the log of all others alive until the log is this many write buffers long.
const LOG_LENGTH_IN_BUFFERS: usize = 4;
const BLOCK_BYTES: usize = 16 << 10;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
/// Values from this size on stand outside the sorted files in a family of batches.
const LEAST_OUTSIDE_BYTES: u64 = 1 << 10;
const OUTSIDE_FILE_BYTES: u64 = 256 << 20;

/// What the databases of one process share.
pub(crate) struct SharedMemory {
    cache: Cache,
    write_buffers: WriteBufferManager,
}

impl SharedMemory {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        let cache = Cache::new_lru_cache(bytes);
        // Write buffers are charged to the cache: one limit. Writers are never stalled for it, they only flush earlier.
        let write_buffers = WriteBufferManager::new_write_buffer_manager_with_cache(bytes / 2, false, cache.clone());
        Self { cache, write_buffers }
    }
}

/// The options of a whole database.
pub(super) fn for_database(specs: &[FamilySpec], budget: &MemoryBudget) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_write_buffer_manager(&budget.shared().write_buffers);
    let largest_buffer = specs.iter().map(|spec| write_buffer_bytes(spec, budget)).max().unwrap_or(LEAST_WRITE_BUFFER_BYTES);
    options.set_max_total_wal_size((LOG_LENGTH_IN_BUFFERS * largest_buffer) as u64);
    options.set_skip_stats_update_on_db_open(true);
    // Sixteen threads by default, made for each opening.
    options.set_max_file_opening_threads(1);
    report(&mut options);
    options
}

/// The options of a reader beside the writer.
pub(super) fn for_reader() -> Options {
    let mut options = Options::default();
    // The writer may remove a file at any time; a reader that has it open can still read it.
    options.set_max_open_files(-1);
    report(&mut options);
    options
}

/// The families to open: those asked for, and those that stand in the database and would be missed.
pub(super) fn for_families(specs: &[FamilySpec], existing: &[String], budget: &MemoryBudget) -> Vec<ColumnFamilyDescriptor> {
    let asked = |name: &str| specs.iter().any(|spec| spec.name == name);
    let mut others: Vec<&str> = existing.iter().map(String::as_str).filter(|name| !asked(name)).collect();
    if !asked(DEFAULT_COLUMN_FAMILY_NAME) && !others.contains(&DEFAULT_COLUMN_FAMILY_NAME) {
        others.push(DEFAULT_COLUMN_FAMILY_NAME);
    }
    let others = others.into_iter().map(FamilySpec::points);
    let descriptor = |spec: FamilySpec| ColumnFamilyDescriptor::new(spec.name.clone(), for_family(&spec, budget));
    specs.iter().cloned().chain(others).map(descriptor).collect()
}

/// Buffers of one family, full ones included.
const WRITE_BUFFERS: i32 = 4;

fn for_family(spec: &FamilySpec, budget: &MemoryBudget) -> Options {
    let mut options = Options::default();
    options.set_write_buffer_size(write_buffer_bytes(spec, budget));
    // Writing goes on while full buffers are flushed; what they take together is the write-buffer manager's business.
    options.set_max_write_buffer_number(WRITE_BUFFERS);
    options.set_arena_block_size(ARENA_BLOCK_BYTES);
    options.set_block_based_table_factory(&tables(budget));
    match spec.used_for {
        FamilyUse::Points => options.set_compression_type(DBCompressionType::Lz4),
        FamilyUse::Batches => {
            options.set_compression_type(DBCompressionType::None);
            options.set_enable_blob_files(true);
            options.set_min_blob_size(LEAST_OUTSIDE_BYTES);
            options.set_blob_file_size(OUTSIDE_FILE_BYTES);
        }
    }
    options
}

fn tables(budget: &MemoryBudget) -> BlockBasedOptions {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(&budget.shared().cache);
    tables.set_block_size(BLOCK_BYTES);
    tables.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    // Indexes and filters are part of the budget, and stay when blocks of data go.
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_cache_index_and_filter_blocks_with_high_priority(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    tables
}

fn write_buffer_bytes(spec: &FamilySpec, budget: &MemoryBudget) -> usize {
    let most = match spec.used_for {
        FamilyUse::Points => MOST_POINT_BUFFER_BYTES,
        FamilyUse::Batches => MOST_BATCH_BUFFER_BYTES,
    };
    spec.write_buffer_bytes.unwrap_or_else(|| (budget.bytes() / WRITE_BUFFER_SHARE).clamp(LEAST_WRITE_BUFFER_BYTES, most))
}

/// RocksDB would write a diary of some thousand lines into the directory for each opening, which takes longer than the opening itself.
/// What someone should look at goes where our own reports go.
fn report(options: &mut Options) {
    options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Warn, |level, message| match level {
        LogLevel::Debug | LogLevel::Info | LogLevel::Header => {}
        LogLevel::Warn => warn!(message = message.trim_end(), "engine"),
        LogLevel::Error | LogLevel::Fatal => error!(message = message.trim_end(), "engine"),
    }));
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
}
