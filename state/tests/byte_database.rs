//! The byte database behaves alike on disk and in memory, survives being dropped, and has one owner.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::ops::{Bound, ControlFlow, Range};
use std::path::Path;

use headwater_state::{ByteDatabase, ByteReader, Direction, FamilySpec, MemoryBudget, MemoryDisk, StateError, WriteSet};
use tempfile::TempDir;

fn families() -> Vec<FamilySpec> {
    vec![FamilySpec::points("points"), FamilySpec::batches("batches")]
}

fn budget() -> MemoryBudget {
    MemoryBudget::of_bytes(64 << 20)
}

fn open(path: &Path) -> ByteDatabase {
    ByteDatabase::open(path, &families(), &budget()).unwrap()
}

/// Runs the check on each engine; `reopen` gives the database again after a drop.
fn on_each_engine(check: impl Fn(&dyn Fn() -> ByteDatabase)) {
    let directory = TempDir::new().unwrap();
    check(&|| open(directory.path()));
    let disk = MemoryDisk::new();
    check(&|| ByteDatabase::open_in_memory(&disk, "db", &families()).unwrap());
}

fn keys(database: &ByteDatabase, from: Bound<&[u8]>, to: Bound<&[u8]>, direction: Direction) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let family = database.family("points").unwrap();
    let visit = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    };
    database.scan(family, from, to, direction, visit).unwrap();
    keys
}

#[test]
fn writes_survive_a_drop() {
    on_each_engine(|reopen| {
        let database = reopen();
        let (points, batches) = (database.family("points").unwrap(), database.family("batches").unwrap());
        let mut writes = WriteSet::new();
        writes.put(points, b"a", b"1");
        writes.put_parts(batches, b"b", &[b"head", &[7; 100_000]]);
        database.write(&writes).unwrap();
        drop(database);
        let database = reopen();
        assert_eq!(database.get(points, b"a", |value| value.map(<[u8]>::to_vec)).unwrap(), Some(b"1".to_vec()));
        assert_eq!(database.get(batches, b"b", |value| value.map(<[u8]>::len)).unwrap(), Some(100_004));
        assert!(database.get(batches, b"a", |value| value.is_none()).unwrap());
    });
}

#[test]
fn scans_honour_bounds_in_both_directions() {
    on_each_engine(|reopen| {
        let database = reopen();
        let points = database.family("points").unwrap();
        let mut writes = WriteSet::new();
        for key in ["a", "ab", "b", "c"] {
            writes.put(points, key.as_bytes(), b"");
        }
        database.write(&writes).unwrap();
        let (a, b) = (b"a".as_slice(), b"b".as_slice());
        let cases: [(Bound<&[u8]>, Bound<&[u8]>, &[&[u8]]); 6] = [
            (Bound::Unbounded, Bound::Unbounded, &[b"a", b"ab", b"b", b"c"]),
            (Bound::Included(a), Bound::Included(b), &[b"a", b"ab", b"b"]),
            (Bound::Excluded(a), Bound::Excluded(b), &[b"ab"]),
            (Bound::Excluded(a), Bound::Unbounded, &[b"ab", b"b", b"c"]),
            (Bound::Included(b), Bound::Included(a), &[]),
            (Bound::Excluded(a), Bound::Excluded(a), &[]),
        ];
        for (from, to, expected) in cases {
            assert_eq!(keys(&database, from, to, Direction::Forward), expected);
            let reversed: Vec<_> = expected.iter().rev().copied().collect();
            assert_eq!(keys(&database, from, to, Direction::Backward), reversed);
        }
        let below = |bound: &[u8]| database.last_below(points, bound, |found| found.map(|(key, _)| key.to_vec())).unwrap();
        assert_eq!(below(b"b"), Some(b"ab".to_vec()));
        assert_eq!(below(b"a"), None);
    });
}

#[test]
fn a_write_set_is_applied_in_order() {
    on_each_engine(|reopen| {
        let database = reopen();
        let points = database.family("points").unwrap();
        let mut writes = WriteSet::new();
        writes.put(points, b"a", b"1");
        writes.put(points, b"b", b"1");
        writes.put(points, b"c", b"1");
        writes.delete_range(points, b"a", b"c");
        writes.put(points, b"a", b"2");
        writes.delete(points, b"c");
        database.write(&writes).unwrap();
        assert_eq!(keys(&database, Bound::Unbounded, Bound::Unbounded, Direction::Forward), [b"a"]);
    });
}

#[test]
fn a_view_does_not_see_later_writes() {
    on_each_engine(|reopen| {
        let database = reopen();
        let points = database.family("points").unwrap();
        let mut writes = WriteSet::new();
        writes.put(points, b"a", b"1");
        database.write(&writes).unwrap();
        database.view(|view| {
            writes.clear();
            writes.put(points, b"a", b"2");
            database.write(&writes).unwrap();
            assert_eq!(view.get(points, b"a", |value| value.map(<[u8]>::to_vec)).unwrap(), Some(b"1".to_vec()));
        });
        assert_eq!(database.get(points, b"a", |value| value.map(<[u8]>::to_vec)).unwrap(), Some(b"2".to_vec()));
    });
}

#[test]
fn families_left_out_are_kept() {
    let directory = TempDir::new().unwrap();
    let database = open(directory.path());
    let mut writes = WriteSet::new();
    writes.put(database.family("points").unwrap(), b"a", b"1");
    database.write(&writes).unwrap();
    drop(database);
    drop(ByteDatabase::open(directory.path(), &[FamilySpec::points("other")], &budget()).unwrap());
    assert_eq!(keys(&open(directory.path()), Bound::Unbounded, Bound::Unbounded, Direction::Forward), [b"a"]);
}

#[test]
fn a_second_owner_is_told_the_pid() {
    let directory = TempDir::new().unwrap();
    let _database = open(directory.path());
    let Err(StateError::InUse { owner, .. }) = ByteDatabase::open(directory.path(), &families(), &budget()) else { panic!("two owners") };
    assert_eq!(owner, Some(std::process::id()));
}

#[test]
fn a_reader_follows_the_writer() {
    let directory = TempDir::new().unwrap();
    assert!(matches!(ByteReader::open(directory.path(), &families(), &budget()), Err(StateError::Missing { .. })));
    let database = open(directory.path());
    let (points, batches) = (database.family("points").unwrap(), database.family("batches").unwrap());
    let reader = ByteReader::open(directory.path(), &families(), &budget()).unwrap();
    let mut writes = WriteSet::new();
    // More than a write buffer, so that the reader sees flushed files as well as the log.
    for number in 0..200_u32 {
        writes.clear();
        writes.put(points, &number.to_be_bytes(), b"1");
        writes.put(batches, &number.to_be_bytes(), &[1; 200_000]);
        database.write(&writes).unwrap();
    }
    reader.catch_up().unwrap();
    let last = |bound: u32| reader.last_below(batches, &bound.to_be_bytes(), |found| found.map(|(key, value)| (key.to_vec(), value.len())));
    assert_eq!(last(u32::MAX).unwrap(), Some((199_u32.to_be_bytes().to_vec(), 200_000)));
    assert_eq!(last(100).unwrap(), Some((99_u32.to_be_bytes().to_vec(), 200_000)));
    writes.clear();
    writes.delete_range(batches, &100_u32.to_be_bytes(), &200_u32.to_be_bytes());
    database.write(&writes).unwrap();
    assert_eq!(last(u32::MAX).unwrap(), Some((199_u32.to_be_bytes().to_vec(), 200_000)), "nothing moves until it catches up");
    reader.catch_up().unwrap();
    assert_eq!(last(u32::MAX).unwrap(), Some((99_u32.to_be_bytes().to_vec(), 200_000)));
}

#[test]
fn a_lost_head_is_damage_not_an_empty_database() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    std::fs::remove_file(directory.path().join("CURRENT")).unwrap();
    assert!(matches!(ByteDatabase::open(directory.path(), &families(), &budget()), Err(StateError::Damaged { .. })));
}

#[test]
fn a_fork_of_a_memory_disk_goes_its_own_way() {
    let disk = MemoryDisk::new();
    let database = ByteDatabase::open_in_memory(&disk, "db", &families()).unwrap();
    let points = database.family("points").unwrap();
    let mut writes = WriteSet::new();
    writes.put(points, b"a", b"1");
    database.write(&writes).unwrap();
    let fork = ByteDatabase::open_in_memory(&disk.fork(), "db", &families()).unwrap();
    writes.put(points, b"b", b"1");
    database.write(&writes).unwrap();
    assert_eq!(keys(&fork, Bound::Unbounded, Bound::Unbounded, Direction::Forward), [b"a"]);
}

#[test]
fn a_log_that_is_trimmed_does_not_grow() {
    let directory = TempDir::new().unwrap();
    let families = [FamilySpec::batches("log").with_write_buffer_bytes(256 << 10)];
    let database = ByteDatabase::open(directory.path(), &families, &budget()).unwrap();
    let log = database.family("log").unwrap();
    let mut writes = WriteSet::new();
    // 30 MB pass through two partitions, of which at most a few are kept.
    for number in 0..300_u32 {
        for partition in [0_u32, 1] {
            let key = |number: u32| [partition.to_be_bytes(), number.to_be_bytes()].concat();
            writes.clear();
            writes.put(log, &key(number), &[1; 50_000]);
            if number % 50 == 49 {
                writes.delete_range(log, &key(number - 99.min(number)), &key(number - 15));
            }
            database.write(&writes).unwrap();
        }
    }
    let files = std::fs::read_dir(directory.path()).unwrap();
    let bytes: u64 = files.map(|file| file.unwrap().metadata().map_or(0, |metadata| metadata.len())).sum();
    assert!(bytes < 15_000_000, "{bytes} bytes on disk");
}

#[test]
fn databases_are_shared_between_threads() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<ByteDatabase>();
    is_shared::<ByteReader>();
    is_shared::<headwater_state::CommittedState>();
    is_shared::<headwater_state::Disk>();
}

#[test]
fn a_reader_follows_a_writer_that_trims() {
    const BATCHES: u32 = 600;
    let directory = TempDir::new().unwrap();
    let families = [FamilySpec::batches("log").with_write_buffer_bytes(256 << 10)];
    let database = ByteDatabase::open(directory.path(), &families, &budget()).unwrap();
    let log = database.family("log").unwrap();
    let write = move || {
        let mut writes = WriteSet::new();
        for number in 0..BATCHES {
            writes.clear();
            writes.put(log, &number.to_be_bytes(), &number.to_be_bytes().repeat(5_000));
            if number % 50 == 49 {
                writes.delete_range(log, &(number - 99.min(number)).to_be_bytes(), &(number - 15).to_be_bytes());
            }
            database.write(&writes).unwrap();
        }
        database
    };
    let writer = std::thread::spawn(write);
    let reader = ByteReader::open(directory.path(), &families, &budget()).unwrap();
    let mut seen = 0;
    while seen < BATCHES {
        reader.catch_up().unwrap();
        let mut numbers = Vec::new();
        reader
            .scan(log, Bound::Unbounded, Bound::Unbounded, Direction::Forward, &mut |key, value| {
                assert_eq!(value, key.repeat(5_000));
                numbers.push(u32::from_be_bytes(key.try_into().unwrap()));
                ControlFlow::Continue(())
            })
            .unwrap();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        let end = numbers.last().map_or(0, |last| last + 1);
        assert!(end >= seen, "{end} after {seen}");
        seen = end;
    }
    writer.join().unwrap();
}

#[test]
fn a_reader_that_fell_behind_is_told_so() {
    let directory = TempDir::new().unwrap();
    let families = [FamilySpec::batches("log").with_write_buffer_bytes(256 << 10)];
    let database = ByteDatabase::open(directory.path(), &families, &budget()).unwrap();
    let log = database.family("log").unwrap();
    let mut writes = WriteSet::new();
    let mut append = |numbers: Range<u32>| {
        for number in numbers {
            writes.clear();
            writes.put(log, &number.to_be_bytes(), &[1; 100_000]);
            database.write(&writes).unwrap();
        }
        writes.clear();
    };
    append(0..100);
    let reader = ByteReader::open(directory.path(), &families, &budget()).unwrap();
    append(100..400);
    let mut trim = WriteSet::new();
    trim.delete_range(log, &0_u32.to_be_bytes(), &399_u32.to_be_bytes());
    database.write(&trim).unwrap();
    append(400..800);
    // What it still believes in may be gone; it never reads something else, and catching up mends it.
    let first = reader.get(log, &0_u32.to_be_bytes(), |value| value.map(<[u8]>::len));
    assert!(matches!(first, Ok(Some(100_000)) | Err(StateError::Behind { .. })), "{first:?}");
    reader.catch_up().unwrap();
    let last = reader.last_below(log, &[0xff; 4], |found| found.map(|(key, _)| key.to_vec()));
    assert_eq!(last.unwrap(), Some(799_u32.to_be_bytes().to_vec()));
    assert!(reader.get(log, &0_u32.to_be_bytes(), |value| value.is_none()).unwrap());
}
