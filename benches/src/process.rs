//! What a process has cost, from `/proc`.

use std::fs;
use std::io;
use std::time::Duration;

/// CPU time is told in these (`USER_HZ`, which is 100 on every Linux that has `/proc`).
const TICKS_PER_SECOND: u32 = 100;

/// User and system time of a process and of the children that it has waited for.
///
/// # Errors
/// There is no such process, or no `/proc`.
pub fn cpu_of(pid: u32) -> io::Result<Duration> {
    cpu_in(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
}

/// The same of this process.
///
/// # Errors
/// There is no `/proc`.
pub fn cpu_of_this_process() -> io::Result<Duration> {
    cpu_of(std::process::id())
}

fn cpu_in(stat: &str) -> io::Result<Duration> {
    // The name may hold spaces and brackets; what follows its last one is numbers. utime is the 14th field of all.
    let rest = stat.rsplit_once(')').map_or(stat, |(_, rest)| rest);
    let ticks: Vec<u32> = rest.split_whitespace().skip(11).take(4).map_while(|field| field.parse().ok()).collect();
    if ticks.len() < 4 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "/proc/PID/stat has no CPU times"));
    }
    Ok(Duration::from_secs(1) * ticks.iter().sum::<u32>() / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 20 30 20 0 1 0 100 1000 1";
        assert_eq!(cpu_in(stat).unwrap(), Duration::from_millis(2_500));
        assert!(cpu_in("7 (a) S 1").is_err());
    }
}
