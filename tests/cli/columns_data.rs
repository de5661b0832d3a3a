//! Data as it comes: damaged, ragged, misnamed, missing.

use crate::columns::{bytes, f64s, gives, i64s, out, tells};
use crate::{Done, cresset, fails, file, run, run_with};
use std::path::Path;
use std::process::Stdio;

#[test]
fn csv_of_all_kinds_is_read() {
    gives(&["map", "x + 1", "-i", "-"], "\u{feff}x,y\n1,2\n", "value\n2\n");
    gives(&["map", "x + 1", "-i", "-"], "x\r\n1\r\n\r\n2", "value\n2\n3\n");
    gives(&["map", "x + 1", "-i", "-"], "x,t\n1,\"a\nb\"\n2,c\n", "value\n2\n3\n");
    gives(&["map", "x + 1", "-i", "-"], "x,y\n", "value\n");
    gives(&["map", "div(x, 2)", "-i", "-"], "x,y\n", "value\n");
    gives(&["map", "x + 1", "-i", "-", "--missing", "NA"], "x\nNA\n 2 \n", "value\n\"\"\n3\n");
    gives(&["map", "c1 + c2", "-i", "-", "--no-header"], "1,2\n3,4\n", "value\n3\n7\n");
    gives(&["map", "x * 2", "-i", "-", "--delimiter", ";"], "x;y\n1;2\n", "value\n2\n");
    gives(&["map", "x * 2", "-i", "-", "--from", "tsv"], "x\ty\n1\t2\n", "value\n2\n");
    gives(&["map", "x * 2.0", "-i", "-", "--type", "x=f64"], "x\n1\n", "value\n2.0\n");
    // Cells that no formula uses stay as they are.
    gives(&["filter", "x > 0", "-i", "-"], "x,zip,amount\n1,007,1.10\n", "x,zip,amount\n1,007,1.10\n");
    let latin = run_with(&["filter", "x > 0", "-i", "-", "-q", "-o", "-"], b"x,t\n1,caf\xc3\xa9\n");
    assert_eq!(latin.stdout, "x,t\n1,café\n");
}

#[test]
fn bad_csv_is_told_with_its_line() {
    let says = |text: &str, args: &[&str], words: &[&str]| {
        let path = file("bad.csv", text);
        fails(&[&["map", "x + y", "-i", &path][..], args].concat(), 2, words);
    };
    says("", &[], &["is empty"]);
    says("x,y\n1,2\n3\n", &[], &["bad.csv, line 3: 1 cell, but there are 2 columns"]);
    says("x,y\n1,2\n3,4,5\n", &[], &["line 3: 3 cells, but there are 2 columns"]);
    says("x,y\n1,\"a\nb\"\n1,2\n", &["--type", "y=i64"], &["line 2, column `y`", "is no i64"]);
    let open = "a quote in the row that starts there is not closed";
    says("x,y\n1,2\n1,\"b\n\n", &["--type", "y=i64"], &["bad.csv, line 3: ", open]);
    says("x,y\n1,\"2", &[], &["line 2: ", open]);
    says("x,y\n1,\"2\"\"", &["--on-error", "skip"], &["line 2: ", open]);
    says("x,\"y\n1,2\n", &[], &["line 1: ", open]);
    let far = format!("x,y\n{}7,\"\n8,9\n", "1,2\n".repeat(70_000));
    says(&far, &["-o", &out("bad.out.csv")], &["line 70002: ", open]);
    gives(&["map", "x + 1", "-i", "-", "--delimiter", "."], "x.t\n1.\"a\"\"\"\n2.\".\"", "value\n2\n3\n");
    gives(&["filter", "true", "-i", "-"], "x\n.\n\"\n.\"\n\n\n", "x\n.\n\"\n.\"\n");
    says("x,y\n1,2\n", &["--type", "z=f64"], &["has no column `z`"]);
    says("x,y\n1,2\n", &["--type", "x=f16"], &["f64, i64, bool or text"]);
    says("x,y\n1,2\n", &["--delimiter", "ab"], &["one character"]);
    let text = file("text.csv", "x,y\n1,2\n1,b\n");
    fails(&["map", "x + y", "-i", &text], 1, &["the column `y` is text", "--type"]);
    let twice = file("twice.csv", "x,x\n1,2\n");
    fails(&["map", "x + 1", "-i", &twice], 1, &["`x` may be column 1 or column 2", "--name NAME=#1"]);
    gives(&["map", "b - a", "-i", &twice, "--name", "a=#1", "--name", "b=#2"], "", "value\n1\n");
    let wide = bytes("utf16.csv", b"\xff\xfex\0,\0y\0");
    fails(&["map", "x", "-i", &wide], 2, &["UTF-16"]);
    // The type comes from the first rows; what comes later must be of it.
    let late = file("late.csv", &format!("x\n{}1.5\n", "1\n".repeat(10_000)));
    fails(&["map", "x + 1", "-i", &late, "-q"], 2, &["line 10002, column `x`: `1.5` is no i64", "--type 'x=f64'"]);
    gives(&["reduce", "sum(x)", "-i", &late, "--type", "x=f64"], "", "10001.5\n");
}

#[test]
fn bad_rows_can_be_left_out_or_made_missing() {
    let path = file("some.csv", "x,n\n1,1\nq,2\n3\n4,0\n5,5\n");
    let args = ["map", "z = x + div(10, n)", "--keep", "n", "--type", "x=f64", "-i", &path];
    fails(&args, 2, &["line 3, column `x`: `q` is no f64"]);
    gives(&[&args[..], &["--on-error", "skip"]].concat(), "", "n,z\n1,11.0\n5,7.0\n");
    gives(&[&args[..], &["--on-error", "null"]].concat(), "", "n,z\n1,11.0\n2,\n,\n0,\n5,7.0\n");
    let to = out("some.out.csv");
    tells(&[&args[..], &["--on-error", "skip", "-o", &to]].concat(), 0, r#"{"ok":{"rows":5,"skipped":3}}"#);
    tells(&[&args[..], &["--on-error", "null", "-o", &to]].concat(), 0, r#"{"ok":{"rows":5,"nulled":3}}"#);
    let loud = run(&[&args[..], &["--on-error", "skip", "-o", &to]].concat());
    assert!(loud.stderr.starts_with("5 rows in ") && loud.stderr.ends_with("; 3 bad, left out\n"), "{}", loud.stderr);
    gives(&["reduce", "sum(div(10, n))", "--on-error", "skip", "-i", &path], "", "17\n");
    gives(&["filter", "div(10, n) > 3", "--on-error", "skip", "-i", &path], "", "x,n\n1,1\nq,2\n");
    // A trap of a row has its line.
    let trap = file("trap.csv", "t,n\n\"a\nb\",1\nc,0\n");
    fails(&["map", "div(10, n)", "-i", &trap], 1, &["DivideByZero", "row 1, which starts on line 4"]);
    let raw = format!("n={}", i64s("some.i64", &[1, 300, -1, 5]));
    let small = out("some.u8");
    tells(&["map", "n", "-i", &raw, "-o", &small, "--on-error", "skip"], 0, r#"{"ok":{"rows":4,"skipped":2}}"#);
    assert_eq!(std::fs::read(&small).unwrap(), [1, 5]);
}

#[test]
fn a_row_that_does_not_end_is_an_error() {
    let mut endless = b"x,t\n1,\"".to_vec();
    endless.resize(70 << 20, b'a');
    let done = run_with(&["map", "x", "-i", "-", "-q"], &endless);
    assert_eq!(done.status, Some(2));
    assert!(done.stderr.contains("longer than 64 MiB"), "{}", done.stderr);
}

#[test]
fn raw_files_that_are_none_are_refused() {
    let to = out("refused.f64");
    let refused = |inputs: &[&str], words: &[&str]| {
        let mut args = vec!["map", "1", "-o", to.as_str()];
        inputs.iter().for_each(|input| args.extend(["-i", input]));
        fails(&args, 2, words);
        assert!(!Path::new(&to).exists());
    };
    let (two, three) = (f64s("two.f64", &[1.0, 2.0]), f64s("three.f64", &[1.0, 2.0, 3.0]));
    refused(&[&format!("a={two}"), &format!("b={three}")], &["has 3 rows", "has 2", "one length"]);
    refused(&[&format!("a={two}"), &format!("a={two}")], &["two files are named `a`"]);
    refused(&[&bytes("odd.f64", &[0; 12])], &["12 bytes", "f64 elements of 8 bytes"]);
    refused(&[&format!("x={}", bytes("odd.dat", &[0; 16]))], &["cannot tell the format", "--from"]);
    refused(&["nowhere.f64"], &["cannot read nowhere.f64", "No such file"]);
    refused(&["/tmp"], &["cannot tell the format"]);
    refused(&[&two, &file("with.csv", "x\n1\n")], &["cannot be read together"]);
    refused(&[&file("w1.csv", "x\n1\n"), &file("w2.csv", "x\n1\n")], &["more than one table"]);
    refused(&[&format!("x={}", file("w3.csv", "x\n1\n"))], &["only raw files"]);
    refused(&[&bytes("2-3.f64", &[0; 8])], &["-i NAME="]);
    let truth = format!("t={}", bytes("bad.bool", &[1, 0, 2]));
    fails(&["map", "t", "-i", &truth, "-o", &out("bad.out.bool")], 2, &["the byte 2 in row 2 is no bool"]);
    // A file by its own name, and one of no rows.
    gives(&["reduce", "sum(two)", "-i", &two], "", "3.0\n");
    let empty = format!("x={}", f64s("empty.f64", &[]));
    tells(&["map", "x", "-i", &empty, "-o", &to], 0, r#"{"ok":{"rows":0}}"#);
    assert_eq!(std::fs::read(&to).unwrap(), b"");
}

#[test]
fn damaged_files_are_told() {
    let csv = file("whole.csv", &format!("n,x,t\n{}", "1,2.5,abc\n2,3.5,def\n".repeat(500)));
    for format in ["parquet", "arrow"] {
        let whole = out(&format!("whole.{format}"));
        gives(&["filter", "n > 0", "-i", &csv, "-o", &whole], "", "");
        let content = std::fs::read(&whole).unwrap();
        for keep in [0, 3, 8, content.len() / 2, content.len() - 1] {
            let cut = bytes(&format!("cut.{format}"), &content[..keep]);
            let done = run(&["reduce", "sum(x)", "-i", &cut, "-q"]);
            // An Arrow file without its end is no Arrow file; nothing of it is used.
            assert_eq!((done.status, done.stdout.as_str()), (Some(2), ""), "{format} {keep}: {}", done.stderr);
            assert!(done.stderr.contains("cannot read") && !done.stderr.contains("panicked"), "{}", done.stderr);
        }
        // Any flipped byte gives an error or other numbers, never a crash.
        for at in (0..content.len()).step_by(content.len() / 60 + 1) {
            let mut flipped = content.clone();
            flipped[at] ^= 0x55;
            let flipped = bytes(&format!("flip.{format}"), &flipped);
            let done = run(&["filter", "x > 0", "-i", &flipped, "-q"]);
            assert!(matches!(done.status, Some(0..=2)), "{format} {at}: {:?} {}", done.status, done.stderr);
            assert!(!done.stderr.contains("panicked"), "{format} {at}: {}", done.stderr);
        }
    }
    let csv = file("not.parquet", "x\n1\n");
    fails(&["map", "x", "-i", &csv], 2, &["cannot read", "not.parquet"]);
}

#[test]
fn a_file_may_be_read_and_replaced() {
    let path = file("same.csv", "x\n1\n2\n");
    gives(&["map", "x = x + 1", "-i", &path, "-o", &path], "", "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n2\n3\n");
    let raw = f64s("same.f64", &[1.0, 2.0]);
    gives(&["map", "same * 2", "-i", &raw, "-o", &raw], "", "");
    assert_eq!(crate::columns::read_f64s(&raw), [2.0, 4.0]);
}

#[test]
fn output_that_cannot_be_written_is_told() {
    let x = format!("x={}", f64s("w.f64", &[1.0]));
    fails(&["map", "x", "-i", &x, "-o", "/nowhere/out.f64"], 2, &["cannot write /nowhere/out.f64", "No such file"]);
    fails(&["map", "x", "-i", &x, "-o", "/dev/full", "--to", "f64"], 2, &["cannot write /dev/full", "No space left"]);
    fails(&["map", "x", "-i", &x, "-o", "out.dat"], 2, &["cannot tell the format", "--to"]);
    let both = run(&["map", "x", "-i", &x, "--json"]);
    assert!(both.status == Some(2) && both.stdout.contains("say -o FILE"), "{both:?}");
    fails(&["map", "a = x", "b = x", "-i", &x, "-o", "out.f64"], 2, &["a raw file holds one column, not 2"]);
    fails(&["map", "a = x", "-i", &x, "-o", "b=out.f64", "-o", "a=o.f64"], 2, &["no output column `b`"]);
    let gap = file("gap.csv", "x\n1\n\n\"\"\n2\n");
    fails(&["map", "x", "-i", &gap, "-o", &out("gap.f64")], 2, &["row 1 of the output is missing"]);
    let link = out("link.csv");
    let behind = file("behind.csv", "old");
    std::os::unix::fs::symlink(&behind, &link).unwrap();
    gives(&["map", "x", "-i", &x, "-o", &link], "", "");
    assert_eq!(std::fs::read_to_string(&behind).unwrap(), "value\n1.0\n");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn columns_of_one_name_and_odd_names() {
    let odd = file("odd.csv", "unit price,2020,in,é\n1,2,3,4\n");
    gives(&["map", "unit_price + _2020 + in_", "-i", &odd], "", "value\n6\n");
    gives(&["map", "e", "-i", &odd, "--name", "e=é"], "", "value\n4\n");
    fails(&["map", "price", "-i", &odd], 1, &["no column named `price`", "`unit price`"]);
    fails(&["map", "p", "-i", &odd, "--name", "p=nothing"], 2, &["there is no column `nothing`"]);
    fails(&["map", "p", "-i", &odd, "--name", "1=é"], 2, &["cannot be a name"]);
}

#[test]
fn whoever_stops_reading_ends_it() {
    let many = file("many.csv", &format!("x\n{}", "1\n".repeat(200_000)));
    let mut child = cresset()
        .args(["map", "x", "-i", &many, "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let done: Done = child.wait_with_output().expect("ends").into();
    assert_eq!((done.stderr.as_str(), done.status), ("", Some(0)));
}

/// Ends a `map` amid its work by a signal, and sees that nothing is left of its output.
fn a_stopped_map_leaves_nothing(signal: libc::c_int, name: &str) -> std::process::ExitStatus {
    let to = out(name);
    let folder = Path::new(&to).parent().unwrap().to_owned();
    let beside = || {
        let is_ours = |entry: String| entry.starts_with(&format!(".{name}.")) && entry.ends_with(".tmp");
        let entries = std::fs::read_dir(&folder).unwrap();
        entries.filter(|entry| is_ours(entry.as_ref().unwrap().file_name().to_string_lossy().into_owned())).count()
    };
    let mut command = cresset();
    command.args(["map", "x", "-i", "-", "-o", &to]).stdin(Stdio::piped()).stderr(Stdio::piped());
    // Where the tests run in the background, SIGINT comes ignored.
    let restored = std::os::unix::process::CommandExt::pre_exec;
    // SAFETY: the call is async-signal-safe.
    unsafe {
        restored(&mut command, || {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, format!("x\n{}", "1\n".repeat(20_000)).as_bytes()).unwrap();
    while beside() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // SAFETY: sends a signal to a child that has not been waited for.
    unsafe { libc::kill(child.id() as i32, signal) };
    let status = child.wait().unwrap();
    drop(stdin);
    assert_eq!(beside(), 0);
    assert!(!Path::new(&to).exists());
    status
}

#[test]
fn ctrl_c_leaves_no_half_written_file() {
    let status = a_stopped_map_leaves_nothing(libc::SIGINT, "stopped.csv");
    assert_eq!(status.code(), Some(130));
}

#[test]
fn termination_leaves_no_half_written_file() {
    let status = a_stopped_map_leaves_nothing(libc::SIGTERM, "terminated.csv");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGTERM));
}
