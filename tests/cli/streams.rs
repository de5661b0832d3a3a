//! Colours, closed and full streams, and signals.

use crate::{Done, cresset, file, read_until, run};
use std::io::Read;
use std::process::Stdio;

#[test]
fn colours_are_for_terminals_and_who_asks() {
    let coloured = |args: &[&str]| run(&[&["eval", "1 +"], args].concat()).stderr.contains('\u{1b}');
    assert!(!coloured(&[]) && !coloured(&["--color", "auto"]) && !coloured(&["--color", "never"]));
    assert!(coloured(&["--color", "always"]) && coloured(&["--color=always", "--engine", "interp"]));
    let done: Done =
        cresset().args(["eval", "div(1,0)", "--color", "always"]).env("NO_COLOR", "1").output().unwrap().into();
    assert!(done.stderr.contains('\u{1b}'));
}

#[test]
fn nobody_reading_is_no_error() {
    let endless = file("endless.cresset", "var n = 0; while true { print(n); n += 1; }");
    let mut command = cresset();
    let mut child =
        command.args(["run", &endless]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut stdout = child.stdout.take().unwrap();
    assert_eq!(read_until(&mut stdout, "\n"), "0\n");
    drop(stdout);
    let done: Done = child.wait_with_output().unwrap().into();
    assert_eq!((done.stderr.as_str(), done.status), ("", Some(0)));

    let mut command = cresset();
    command.args(["eval", "[1.0; 1_000_000]"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"[1.0");
    let done: Done = child.wait_with_output().unwrap().into();
    assert_eq!((done.stderr.as_str(), done.status), ("", Some(0)));
}

#[test]
fn errors_that_nobody_reads_change_nothing() {
    let mut command = cresset();
    command.args(["eval", "while true { print(1); div(1, 0); }"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stderr.take());
    let done: Done = child.wait_with_output().unwrap().into();
    assert_eq!((done.stdout.as_str(), done.status), ("1\n", Some(1)));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error() {
    for args in [&["eval", "1 + 1"][..], &["eval", "--json", "1"], &["run", "-"], &["emit", "-", "--stage", "ir"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = cresset();
        let text = file("full.cresset", "1");
        command.args(args).stdin(std::fs::File::open(text).unwrap()).stdout(full).stderr(Stdio::piped());
        let done: Done = command.output().unwrap().into();
        assert_eq!(done.status, Some(2), "{args:?}: {}", done.stderr);
        let says = done.stderr.starts_with("cresset: ") && done.stderr.contains("No space left on device");
        assert!(says || args.contains(&"--json"), "{args:?}: {}", done.stderr);
    }
}

fn interrupt(id: u32) {
    // SAFETY: sends a signal to a child of this test that was not yet waited for.
    assert_eq!(unsafe { libc::kill(id as i32, libc::SIGINT) }, 0);
}

#[test]
fn ctrl_c_stops_the_program_and_says_where() {
    for engine in ["jit", "interp"] {
        let program = file(
            &format!("spin-{engine}.cresset"),
            "fn spin() {\n  print(1);\n  while 1 < 2 { }\n}\nspin();\nprint(2);",
        );
        let mut command = cresset();
        command.args(["run", &program, "--engine", engine]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        assert_eq!(read_until(&mut stdout, "\n"), "1\n");
        interrupt(child.id());
        let done: Done = child.wait_with_output().unwrap().into();
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!((rest.as_str(), done.status), ("", Some(130)), "{}", done.stderr);
        for word in ["error[Interrupted]", "3 │   while 1 < 2 { }", "in `spin`, called at"] {
            assert!(done.stderr.contains(word), "{engine}: {}", done.stderr);
        }
    }
}
