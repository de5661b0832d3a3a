//! `eval --lines`: an answer for each line, in order, whatever the line is.

use crate::{Done, PATIENCE, cresset, read_until, run_with};
use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

/// Answers as JSON; nothing on standard error, and success.
#[track_caller]
fn answers(options: &[&str], input: &[u8]) -> Vec<String> {
    let done = run_with(&[&["eval", "--lines", "--json"], options].concat(), input);
    assert_eq!((done.stderr.as_str(), done.status), ("", Some(0)));
    assert!(done.stdout.is_empty() || done.stdout.ends_with('\n'));
    let lines: Vec<String> = done.stdout.lines().map(str::to_owned).collect();
    for line in &lines {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line:.200}");
    }
    lines
}

const UNIT: &str = r#"{"ok":{"type":"()"}}"#;

fn int(n: i64) -> String {
    format!(r#"{{"ok":{{"type":"i64","value":"{n}"}}}}"#)
}

#[test]
fn every_line_has_its_answer_whatever_it_is() {
    let long = vec![b'1'; 2 << 20];
    let accents = "é".repeat(1 << 20);
    let printing = format!("for i in 0..250_000 {{ print({}MIN_I64); }}", "MIN_I64, ".repeat(19));
    let lines: Vec<(&[u8], &str)> = vec![
        (b"1 + 1", r#"{"ok":{"type":"i64","value":"2"}}"#),
        (b"", UNIT),
        (b"   \t", UNIT),
        (b"2 * 3\r", r#"{"ok":{"type":"i64","value":"6"}}"#),
        (b"\r", UNIT),
        (b"// nothing", UNIT),
        (b"\xff\xfe", r#"{"errors":[{"code":"E0002","#),
        (b"\xef\xbb\xbf1", r#"{"ok":{"type":"i64","value":"1"}}"#),
        (b"\0", r#"{"errors":[{"code":"E0004","#),
        (&long, r#"{"errors":[{"code":"E0001","#),
        (accents.as_bytes(), r#"{"errors":[{"code":"E0001","#),
        (b"while true { }", r#"{"trap":{"kind":"OutOfFuel","span":[0,10],"fuel_left":0}}"#),
        (b"fn f(n: i64) -> i64 { f(n) + 1 } f(1)", r#"{"trap":{"kind":"StackOverflow","span":[22,26],"#),
        (b"len([0; 1_000_000_000_000])", r#"{"trap":{"kind":"OutOfMemory","span":[4,26],"#),
        (b"len([0; MAX_I64])", r#"{"trap":{"kind":"OutOfMemory","span":[4,16],"#),
        (b"[0; -1]", r#"{"trap":{"kind":"BadArgument","span":[0,7],"#),
        (b"print(1); print(2); 3", r#"{"ok":{"type":"i64","value":"3"},"output":"1\n2\n"}"#),
        (printing.as_bytes(), r#"{"trap":{"kind":"HostError","span":["#),
        (b"print(3)", r#"{"ok":{"type":"()"},"output":"3\n"}"#),
        (b"put(-1)", r#"{"trap":{"kind":"BadArgument","span":[0,7],"#),
        (b"return 5;", r#"{"ok":{"type":"i64","value":"5"}}"#),
        (b"x", r#"{"errors":[{"code":"E0100","#),
        (b":quit", r#"{"errors":[{"code":"#),
        (b"\"quoted\"", r#"{"errors":[{"code":"E0009","#),
        (b"((((", r#"{"errors":[{"code":"#),
        (b"7", r#"{"ok":{"type":"i64","value":"7"}}"#),
    ];
    let input = lines.iter().map(|(line, _)| *line).collect::<Vec<_>>().join(&b'\n');
    let answers = answers(&["--fuel", "1_000_000"], &input);
    for ((line, expected), answer) in lines.iter().zip(&answers) {
        let line = String::from_utf8_lossy(&line[..line.len().min(60)]);
        assert!(answer.starts_with(expected), "{line:?}: {answer:.200}");
    }
    assert_eq!(answers.len(), lines.len());
    let printed = &answers[17];
    assert!(printed.contains("\"message\":\"more than 64 MiB printed\"") && printed.len() > 64 << 20);
}

#[test]
fn nesting_and_length_have_limits() {
    let deep = "(".repeat(100_000);
    let right = format!("{}1{}", "(".repeat(150), ")".repeat(150));
    let chain = format!("1{}", " + 1".repeat(200_000));
    let powers = format!("2.0{}", " ^ 1".repeat(10_000));
    let input = [deep, right, chain, powers, "5".to_owned()].join("\n");
    let answers = answers(&[], input.as_bytes());
    assert!(answers[0].starts_with(r#"{"errors":[{"code":"E0010","#), "{:.200}", answers[0]);
    assert_eq!(answers[1..3], [int(1), int(200_001)]);
    assert!(answers[3].starts_with(r#"{"errors":[{"code":"E0010","#), "{:.200}", answers[3]);
    assert_eq!(answers[4], int(5));
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(answers(&[], b""), Vec::<String>::new());
    assert_eq!(answers(&[], b"\n"), [UNIT]);
    assert_eq!(answers(&[], b"1"), [int(1)]);
    assert_eq!(answers(&[], b"1\n"), [int(1)]);
    assert_eq!(answers(&[], b"1\n\n2"), [int(1), UNIT.to_owned(), int(2)]);
}

#[test]
fn values_and_limits_hold_for_each_line() {
    let fuel = ["--fuel", "100", "-v", "x=3", "-v", "xs=[1, 2]"];
    let input = b"for i in 0..100 { }\nfor i in 0..100 { }\nx + sum(xs)\nfor i in 0..101 { }\nlen(xs)";
    let found = answers(&fuel, input);
    assert_eq!(found[..3], [UNIT.to_owned(), UNIT.to_owned(), int(6)]);
    assert!(found[3].contains("OutOfFuel"));
    assert_eq!(found[4], int(2));
    let timed = answers(&["--timeout", "30ms"], b"while true { }\n1\nfn f() { while true { } } f()\n2");
    assert!(timed[0].starts_with(r#"{"trap":{"kind":"Interrupted","span":[0,10]}"#), "{}", timed[0]);
    assert!(timed[2].starts_with(r#"{"trap":{"kind":"Interrupted","#), "{}", timed[2]);
    assert_eq!([&timed[1], &timed[3]], [&int(1), &int(2)]);
}

#[test]
fn thousands_of_programs_take_seconds() {
    let input: String = (0..5_000).map(|i| format!("var s = {i}; for k in 0..10 {{ s += k; }} s\n")).collect();
    let start = Instant::now();
    let answers = answers(&[], input.as_bytes());
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(answers.len(), 5_000);
    for (i, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, int(i as i64 + 45));
    }
}

#[test]
fn whoever_waits_for_an_answer_gets_it() {
    let mut command = cresset();
    command.args(["eval", "--lines", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for i in 0..20 {
        writeln!(stdin, "{i} * 2").unwrap();
        assert_eq!(read_until(&mut stdout, "\n"), format!("{}\n", int(i * 2)));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn without_json_values_and_errors_go_their_ways() {
    let done = run_with(&["eval", "--lines"], b"1\n\nprint(2)\n3 +\ndiv(1, 0)\n[4]");
    let Done { stdout, stderr, status } = done;
    assert_eq!((stdout.as_str(), status), ("1\n2\n[4]\n", Some(0)));
    assert!(
        stderr.contains("line 4:1:") && stderr.contains("line 5:1:1") && stderr.contains("DivideByZero"),
        "{stderr}"
    );
}
