//! Measures what a record pays in the stores: `overlay <directory>`. One thread; the figures are nanoseconds per operation.

use std::error::Error;
use std::hint::black_box;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::time::Instant;

use headwater_state::{
    Direction, Disk, Journal, KeyValueHandle, Logging, MemoryBudget, StateDirectory, StateError, StoreSpec, TaskState, Window, WindowHandle,
};

const ROUNDS: u64 = 2_000_000;
const HOT_KEYS: u64 = 1_000;
const COMMIT_KEYS: u64 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args().nth(1).ok_or("usage: overlay DIRECTORY")?;
    let directory = StateDirectory::open(Path::new(&root), "measure", MemoryBudget::of_bytes(256 << 20))?;
    let disk = Disk::Directory(directory);
    for (journal, logging) in [(Journal::Off, Logging::LastPerKey), (Journal::On, Logging::LastPerKey), (Journal::Off, Logging::EachUpdate)]
    {
        println!("journal {journal:?}, logging {logging:?}");
        let task = format!("{journal:?}-{logging:?}");
        let specs = vec![
            StoreSpec::key_value("values").with_logging(logging),
            StoreSpec::window("windows", 3_600_000, 600_000).with_logging(logging),
        ];
        let start = Instant::now();
        let mut state = TaskState::open(&disk, &task, 1, specs.clone(), journal)?;
        println!("  open new                 {:>9.2} ms", start.elapsed().as_secs_f64() * 1e3);
        let (values, windows) = (state.key_value("values").ok_or("no store")?, state.window("windows").ok_or("no store")?);
        hot_points(&mut state, &values)?;
        hot_windows(&mut state, &windows)?;
        commits(&mut state, &values)?;
        reads(&values)?;
        joins(&mut state, &windows)?;
        drop((state, values, windows));
        let start = Instant::now();
        drop(TaskState::open(&disk, &task, 1, specs, journal)?);
        println!("  open again and close     {:>9.2} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

fn commit(state: &mut TaskState) -> Result<(), StateError> {
    let mut bytes = 0;
    for store in ["values", "windows"] {
        state.drain_changelog(store, &mut |record| bytes += record.key.len())?;
    }
    black_box(bytes);
    state.commit(&[], 1)
}

fn per_round(what: &str, rounds: u64, start: Instant) {
    println!("  {what:<24} {:>9.1} ns", start.elapsed().as_nanos() as f64 / rounds as f64);
}

fn hot_points(state: &mut TaskState, store: &KeyValueHandle) -> Result<(), StateError> {
    let keys: Vec<[u8; 8]> = (0..HOT_KEYS).map(|key| key.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()).collect();
    keys.iter().for_each(|key| store.put(key, &[0; 16], 0));
    let start = Instant::now();
    let mut sum = 0;
    for round in 0..ROUNDS {
        state.begin_record();
        let key = &keys[(round % HOT_KEYS) as usize];
        let count = store.get(key, |found| found.map_or(0, |(_, value)| u64::from(value[0])))?;
        sum += count;
        let mut value = [0; 16];
        value[0] = (count as u8).wrapping_add(1);
        store.put(key, &value, round as i64);
        if round % 100_000 == 0 {
            // Each update is kept until it is drained: that is what a runtime does, too.
            state.drain_changelog("values", &mut |_| {})?;
        }
    }
    black_box(sum);
    per_round("get + put, hot key", ROUNDS, start);
    commit(state)
}

fn hot_windows(state: &mut TaskState, store: &WindowHandle) -> Result<(), StateError> {
    let start = Instant::now();
    for round in 0..ROUNDS {
        state.begin_record();
        let key = (round % HOT_KEYS).to_be_bytes();
        let window = Window::at((round as i64 / 100_000) * 60_000);
        let count = store.get(&key, window, |found| found.map_or(0, |(_, value)| value[0]))?;
        let _ = store.put(&key, window, &[count.wrapping_add(1); 16], round as i64);
        if round % 100_000 == 0 {
            state.drain_changelog("windows", &mut |_| {})?;
        }
    }
    per_round("get + put, hot window", ROUNDS, start);
    commit(state)
}

fn commits(state: &mut TaskState, store: &KeyValueHandle) -> Result<(), StateError> {
    for pass in ["first", "second", "third"] {
        let start = Instant::now();
        for key in 0..COMMIT_KEYS {
            state.begin_record();
            store.put(&key.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes(), &[1; 32], 1);
        }
        per_round(&format!("put of 100 000, {pass}"), COMMIT_KEYS, start);
        let start = Instant::now();
        commit(state)?;
        per_round("  commit, per key", COMMIT_KEYS, start);
    }
    Ok(())
}

fn reads(store: &KeyValueHandle) -> Result<(), StateError> {
    let start = Instant::now();
    for key in 0..COMMIT_KEYS {
        let key = key.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        black_box(store.get(&key, |found| found.is_some())?);
    }
    per_round("get below the overlay", COMMIT_KEYS, start);
    let start = Instant::now();
    let mut count = 0;
    store.scan(Bound::Unbounded, Bound::Unbounded, Direction::Forward, &mut |_, _, _| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    per_round("scan, per key", count, start);
    Ok(())
}

/// A join writes a new key and looks at a few others, for each record.
fn joins(state: &mut TaskState, store: &WindowHandle) -> Result<(), StateError> {
    let rounds = 50_000;
    let start = Instant::now();
    for round in 0..rounds {
        state.begin_record();
        let time = 10_000_000 + round as i64 * 10;
        let _ = store.put(&(round % HOT_KEYS).to_be_bytes(), Window::at(time), &[1; 64], time);
        let mut found = 0;
        store.fetch(&((round * 7) % HOT_KEYS).to_be_bytes(), time - 60_000..=time, Direction::Forward, &mut |_, _, _| {
            found += 1;
            ControlFlow::Continue(())
        })?;
        black_box(found);
        if round % 5_000 == 4_999 {
            commit(state)?;
        }
    }
    per_round("put + fetch, new keys", rounds, start);
    commit(state)
}
