//! Measures appends of large batches, as the embedded log writes them: `append <directory> <batches|points> <MiB>`.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use headwater_state::{ByteDatabase, FamilySpec, MemoryBudget, WriteSet};

const BATCH_BYTES: usize = 300_000;
const PARTITIONS: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, family, mebibytes] = arguments.as_slice() else { return Err("usage: append DIRECTORY batches|points MiB".into()) };
    let spec = if family == "points" { FamilySpec::points("log") } else { FamilySpec::batches("log") };
    let database = ByteDatabase::open(Path::new(directory), &[spec], &MemoryBudget::of_bytes(512 << 20))?;
    let log = database.family("log").ok_or("the family was opened")?;
    let count = (mebibytes.parse::<usize>()? << 20) / BATCH_BYTES;
    // A generator without a pattern, so that nothing is gained by compression.
    let mut seed = 1_u64;
    let mut byte = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    let payload: Vec<u8> = (0..BATCH_BYTES).map(|_| byte()).collect();
    let mut writes = WriteSet::new();
    let start = Instant::now();
    let mut slowest = 0.0_f64;
    for number in 0..count as u32 {
        writes.clear();
        let key = [(number % PARTITIONS).to_be_bytes(), (number / PARTITIONS).to_be_bytes()].concat();
        writes.put(log, &key, &payload);
        let before = start.elapsed();
        database.write(&writes)?;
        slowest = slowest.max((start.elapsed() - before).as_secs_f64());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} batches, {:.0} MB/s, slowest write {:.1} ms", (count * BATCH_BYTES) as f64 / seconds / 1e6, slowest * 1e3);
    drop(database);
    println!("closed after {:.2} s; {}", start.elapsed().as_secs_f64(), std::fs::read_to_string("/proc/self/io")?.replace('\n', ", "));
    Ok(())
}
