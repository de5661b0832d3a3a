//! The walls round a process: data in mappings, faults, the floating-point registers, resources that run out, threads and forks.
#![cfg(all(debug_assertions, target_os = "linux"))]

mod alone;
mod data;
mod faults;
mod fpenv;
#[cfg(all(target_arch = "x86_64", feature = "disasm"))]
mod mutants;
#[cfg(target_arch = "x86_64")]
mod planted;
#[path = "../memory/policy.rs"]
#[allow(dead_code, reason = "shared with the tests of memory")]
mod policy;
#[path = "../memory/process.rs"]
#[allow(dead_code, reason = "shared with the tests of memory")]
mod process;
mod publishing;
mod resources;
mod threads;

/// A file of this test's own, which goes away at the end.
struct TempFile {
    path: std::path::PathBuf,
}

impl TempFile {
    fn new(name: &str, bytes: &[u8]) -> TempFile {
        let path = std::env::temp_dir().join(format!("cresset-walls-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a file");
        TempFile { path }
    }

    fn floats(name: &str, values: &[f64]) -> TempFile {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        TempFile::new(name, &bytes)
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("the file")
    }

    fn len(&self, len: u64) {
        std::fs::File::options().write(true).open(&self.path).and_then(|file| file.set_len(len)).expect("a length");
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The handlers are installed once for a process, and tests share one: those that need to be first run in a process of their own.
/// Such tests begin with this; it is true in that process.
fn apart(name: &str) -> bool {
    if std::env::var_os("CRESSET_WALLS_APART").is_some_and(|wanted| wanted == name) {
        return true;
    }
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("{name}: not tested: an emulated program cannot start itself");
        return false;
    }
    let this = std::env::current_exe().unwrap();
    let outcome = std::process::Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env("CRESSET_WALLS_APART", name)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&outcome.stdout).into_owned() + &String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success() && text.contains("1 passed"), "{text}");
    false
}
