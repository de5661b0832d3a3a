//! The command line as its users meet it: what each command writes to either stream, and how it exits.
#![cfg(all(unix, feature = "cli"))]

mod batch;
#[cfg(feature = "columns")]
mod columns;
#[cfg(feature = "columns")]
mod columns_data;
mod commands;
mod json;
mod limits;
mod repl;
mod streams;
// Under qemu-user 7.2 a child of the tests never gets its pseudo-terminal: the tests hang there. What they test does not depend on the machine.
#[cfg(not(target_arch = "aarch64"))]
mod terminal;

#[cfg(target_arch = "aarch64")]
#[test]
fn terminals_are_tested_on_x86_64_only() {
    eprintln!("NOT TESTED on this machine: the REPL on a terminal, because qemu-user hangs when it is given one");
}

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Longer than anything here takes on a machine that is busy with other things, or emulated.
const PATIENCE: Duration = Duration::from_secs(300);

/// The binary; through the emulator where the tests themselves run in one.
fn cresset() -> Command {
    let exe = env!("CARGO_BIN_EXE_cresset");
    let runner = std::env::var("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER").ok();
    let mut command = match runner.filter(|_| cfg!(target_arch = "aarch64")) {
        Some(runner) => {
            let mut words = runner.split_whitespace();
            let mut command = Command::new(words.next().expect("a runner"));
            command.args(words).arg(exe);
            command
        }
        None => Command::new(exe),
    };
    command.env_remove("NO_COLOR").env("XDG_STATE_HOME", scratch("state")).env("TERM", "xterm");
    command
}

/// What a command did.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    stdout: String,
    stderr: String,
    status: Option<i32>,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Done { stdout: text(output.stdout), stderr: text(output.stderr), status: output.status.code() }
    }
}

/// Runs a command with this standard input to its end.
fn run_with(args: &[&str], input: &[u8]) -> Done {
    let mut command = cresset();
    let piped = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    std::thread::scope(|scope| {
        // A command that has read enough closes its end.
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output().expect("ends").into()
    })
}

fn run(args: &[&str]) -> Done {
    run_with(args, b"")
}

/// It wrote this to standard output, nothing to standard error, and went well.
#[track_caller]
fn writes(args: &[&str], stdout: &str) {
    writes_for(args, "", stdout);
}

/// The same with a standard input.
#[track_caller]
fn writes_for(args: &[&str], input: &str, stdout: &str) {
    let done = run_with(args, input.as_bytes());
    assert_eq!(done, Done { stdout: stdout.to_owned(), stderr: String::new(), status: Some(0) }, "{args:?}");
}

/// It exited so, wrote nothing to standard output, and all this to standard error.
#[track_caller]
fn fails(args: &[&str], status: i32, words: &[&str]) {
    let done = run(args);
    assert_eq!((done.stdout.as_str(), done.status), ("", Some(status)), "{args:?}: {}", done.stderr);
    for word in words {
        assert!(done.stderr.contains(word), "{args:?}: {word:?} is not in\n{}", done.stderr);
    }
}

/// A path of this test process alone.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join(name)
}

/// A file with this content.
fn file(name: &str, content: &str) -> String {
    let path = scratch(name);
    std::fs::write(&path, content).expect("written");
    path.to_str().expect("text").to_owned()
}

/// Reads until this was read; gives all that was.
fn read_until(from: &mut impl Read, wanted: &str) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&read).ends_with(wanted) {
        match from.read(&mut byte) {
            Ok(1..) => read.push(byte[0]),
            end => panic!("{end:?} before {wanted:?}, after {:?}", String::from_utf8_lossy(&read)),
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}
