//! Deletes what a demo has made, and nothing else.

use super::CommandError;
use super::data::DataDirectory;
use super::demo_record::DemoRecord;
use super::log::open_writer;
use headwater_state::MemoryBudget;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Removes a demo's data. A directory that no demo began is refused, one that is in use as well.
pub(super) fn remove(directory: &DataDirectory) -> Result<(), CommandError> {
    if !directory.root.exists() || is_empty(&directory.root).map_err(CommandError::io(format!("reading {}", directory.root.display())))? {
        return Ok(());
    }
    if DemoRecord::read(directory)?.is_none() {
        return Err(CommandError::NotADemo { directory: directory.root.clone() });
    }
    // Nobody else can have it open now; the moment between this and the removal is the price of having no lock beside the log's.
    drop(open_writer(directory, &MemoryBudget::from_cgroup())?);
    let sqlite = directory.sqlite();
    let files = ["", "-wal", "-shm"].map(|suffix| sqlite.with_file_name(format!("headwater.sqlite{suffix}")));
    let removed = remove_directory(&directory.log())
        .and_then(|()| remove_directory(&directory.state()))
        .and_then(|()| files.iter().try_for_each(|file| gone(fs::remove_file(file))))
        // The mark goes last, so that a removal that was interrupted can be repeated.
        .and_then(|()| gone(fs::remove_file(directory.demo())));
    removed.map_err(CommandError::io(format!("removing the demo in {}", directory.root.display())))
}

fn is_empty(directory: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(directory)?.next().is_none())
}

fn remove_directory(directory: &Path) -> io::Result<()> {
    gone(fs::remove_dir_all(directory))
}

/// What is not there is gone.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_demo_began_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let directory = DataDirectory { root: root.path().to_owned() };
        fs::create_dir(directory.log()).unwrap();
        assert!(matches!(remove(&directory), Err(CommandError::NotADemo { .. })));
        assert!(directory.log().exists());
    }

    #[test]
    fn foreign_files_beside_a_demo_stay() {
        let root = tempfile::tempdir().unwrap();
        let directory = DataDirectory { root: root.path().to_owned() };
        DemoRecord { seed: 1, start: 0, step_us: 1, late: 0.0, bad: 0.0 }.write(&directory).unwrap();
        drop(open_writer(&directory, &MemoryBudget::from_cgroup()).unwrap());
        fs::write(root.path().join("notes.txt"), "mine").unwrap();
        remove(&directory).unwrap();
        let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }
}
