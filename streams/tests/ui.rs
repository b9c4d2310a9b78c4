//! Programs that must not compile, and what the compiler tells their authors: our promises about types.
//!
//! A program in `ui/` says in its first lines, after `// says: `, what the message must hold. It is checked against the library that this
//! test was built with; a tool that builds the dependencies again, as `trybuild` does, would compile RocksDB once more.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn errors_read_well() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut programs: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| is_program(path)).collect();
    programs.sort();
    assert!(programs.len() >= 8, "the programs are found");
    let library = library();
    let failures: Vec<_> = programs.iter().filter_map(|program| check(program, &library).err()).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn is_program(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// The newest library beside this test.
fn library() -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libheadwater_streams-") && name.ends_with(".rlib")
    };
    let libraries = fs::read_dir(deps).unwrap().map(|entry| entry.unwrap().path()).filter(is_library);
    libraries.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap()).expect("the library was built before its test")
}

fn check(program: &Path, library: &Path) -> Result<(), String> {
    let text = fs::read_to_string(program).unwrap();
    let expected: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("// says: ")).collect();
    let scratch = tempfile::tempdir().unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--color=never", "-Awarnings"])
        .arg(format!("--extern=headwater_streams={}", library.display()))
        .arg(format!("-Ldependency={}", library.parent().unwrap().display()))
        .args(["--out-dir".as_ref(), scratch.path().as_os_str(), program.as_os_str()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    if output.status.success() {
        return Err(format!("{name} compiles"));
    }
    let missing: Vec<_> = expected.iter().filter(|text| !said.contains(**text)).collect();
    if expected.is_empty() || !missing.is_empty() { Err(format!("{name}: missing {missing:#?} in\n{said}")) } else { Ok(()) }
}
