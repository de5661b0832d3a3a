//! `--json`: one object, exactly so.

use crate::{Done, file, run, run_with, writes, writes_for};

/// One line of JSON on standard output, nothing on standard error.
#[track_caller]
fn gives(args: &[&str], status: i32, json: &str) {
    let done = run(args);
    let expected = Done { stdout: format!("{json}\n"), stderr: String::new(), status: Some(status) };
    assert_eq!(done, expected, "{args:?}");
    assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{json}");
}

#[test]
fn values_of_every_type() {
    for (expr, json) in [
        ("1.5", r#"{"ok":{"type":"f64","value":"1.5","bits":"0x3ff8000000000000"}}"#),
        ("-0.0", r#"{"ok":{"type":"f64","value":"-0.0","bits":"0x8000000000000000"}}"#),
        ("0.0/0", r#"{"ok":{"type":"f64","value":"NaN","bits":"0x7ff8000000000000"}}"#),
        ("INF", r#"{"ok":{"type":"f64","value":"inf","bits":"0x7ff0000000000000"}}"#),
        ("-INF", r#"{"ok":{"type":"f64","value":"-inf","bits":"0xfff0000000000000"}}"#),
        ("1e300", r#"{"ok":{"type":"f64","value":"1e300","bits":"0x7e37e43c8800759c"}}"#),
        ("-3", r#"{"ok":{"type":"i64","value":"-3"}}"#),
        ("MIN_I64", r#"{"ok":{"type":"i64","value":"-9223372036854775808"}}"#),
        ("1 < 2", r#"{"ok":{"type":"bool","value":true}}"#),
        ("let x = 1;", r#"{"ok":{"type":"()"}}"#),
        (
            "[1.5, NAN]",
            r#"{"ok":{"type":"[f64]","value":["1.5","NaN"],"bits":["0x3ff8000000000000","0x7ff8000000000000"]}}"#,
        ),
        (
            "let a: [f32] = [0.1, -INF]; a",
            r#"{"ok":{"type":"[f32]","value":["0.1","-inf"],"bits":["0x3dcccccd","0xff800000"]}}"#,
        ),
        ("[1, -2]", r#"{"ok":{"type":"[i64]","value":["1","-2"]}}"#),
        ("let a: [i32] = [7]; a", r#"{"ok":{"type":"[i32]","value":["7"]}}"#),
        ("let a: [u8] = [255]; a", r#"{"ok":{"type":"[u8]","value":["255"]}}"#),
        ("[true, false]", r#"{"ok":{"type":"[bool]","value":[true,false]}}"#),
        ("[1][1..]", r#"{"ok":{"type":"[i64]","value":[]}}"#),
        ("[1.5][1..]", r#"{"ok":{"type":"[f64]","value":[],"bits":[]}}"#),
    ] {
        gives(&["eval", "--json", expr], 0, json);
        gives(&["eval", "--json", "--engine", "interp", expr], 0, json);
    }
}

#[test]
fn what_was_printed_stands_beside() {
    gives(
        &["eval", "--json", "print(1, 2.5); put(34); 7"],
        0,
        r#"{"ok":{"type":"i64","value":"7"},"output":"1 2.5\n\""}"#,
    );
    gives(
        &["eval", "--json", "print(1); div(1, 0)"],
        1,
        r#"{"trap":{"kind":"DivideByZero","span":[10,19]},"output":"1\n"}"#,
    );
}

#[test]
fn traps_say_what_they_know() {
    gives(&["eval", "--json", "MAX_I64 + 1"], 1, r#"{"trap":{"kind":"IntegerOverflow","span":[0,11]}}"#);
    gives(&["eval", "--json", "[1, 2][2]"], 1, r#"{"trap":{"kind":"OutOfBounds","span":[0,9],"index":2,"len":2}}"#);
    gives(
        &["eval", "--json", "--fuel", "10", "while true { }"],
        1,
        r#"{"trap":{"kind":"OutOfFuel","span":[0,10],"fuel_left":0}}"#,
    );
    gives(
        &["eval", "--json", "--fuel", "10", "fn f(n: i64) = div(1, n);\n1 + f(0)"],
        1,
        r#"{"trap":{"kind":"DivideByZero","span":[15,24],"stack":[{"function":"f","call":[30,34]}],"frames_left_out":0,"fuel_left":9}}"#,
    );
    let deep = run(&["eval", "--json", "--depth", "100", "fn f(n: i64) -> i64 { f(n) + 1 } f(0)"]).stdout;
    assert!(
        deep.starts_with(r#"{"trap":{"kind":"StackOverflow","span":[22,26],"stack":[{"function":"f","call":"#),
        "{deep}"
    );
    assert!(deep.ends_with("\"frames_left_out\":68}}\n"), "{deep}");
}

#[test]
fn errors_come_as_a_list() {
    gives(
        &["eval", "--json", "1 + * 2"],
        1,
        r#"{"errors":[{"code":"E0012","message":"expected an expression, found `*`","span":[4,5]}]}"#,
    );
    let done = run(&["eval", "--json", "sqr(2) + y"]);
    let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let errors = json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!((&errors[0]["code"], &errors[0]["span"]), (&"E0101".into(), &serde_json::json!([0, 3])));
    assert!(errors[0]["help"].as_str().unwrap().contains("sqrt"), "{json}");
    assert_eq!((&errors[1]["code"], errors[1].get("help")), (&"E0100".into(), None));
}

#[test]
fn a_wrong_command_line_is_json_too() {
    gives(
        &["run", "--json", "/nowhere/x"],
        2,
        r#"{"errors":[{"code":"E0901","message":"cannot read /nowhere/x: No such file or directory (os error 2)","span":[0,0]}]}"#,
    );
    let message = "`x`: write a value as NAME=VALUE, like x=1.5";
    let json = format!(r#"{{"errors":[{{"code":"E0901","message":"{message}","span":[0,0]}}]}}"#);
    gives(&["eval", "--json", "1", "-v", "x"], 2, &json);
    gives(&["eval", "--json", "--lines", "-v", "x"], 2, &json);
    gives(&["check", "--json", "-", "-v", "x"], 2, &json);
    gives(&["emit", "--json", "-", "-v", "x"], 2, &json);
    for (args, message) in [
        (
            vec!["eval", "--json", "1", "--fuel", "some"],
            "invalid value 'some' for '--fuel <N|none>': write a whole number, or `none`",
        ),
        (vec!["run", "--json"], "the following required arguments were not provided: <FILE>"),
        (vec!["eval", "1", "2", "--json"], "unexpected argument '2' found"),
    ] {
        let json = format!(r#"{{"errors":[{{"code":"E0901","message":"{message}","span":[0,0]}}]}}"#);
        gives(&args, 2, &json);
    }
}

#[test]
fn programs_come_from_anywhere() {
    let program = file("json.cresset", "print(n); n / 2");
    writes(
        &["run", "--json", &program, "n=3"],
        "{\"ok\":{\"type\":\"f64\",\"value\":\"1.5\",\"bits\":\"0x3ff8000000000000\"},\"output\":\"3\\n\"}\n",
    );
    writes_for(&["run", "--json", "-"], "1", "{\"ok\":{\"type\":\"i64\",\"value\":\"1\"}}\n");
    let done = run_with(&["eval", "--json", "-"], b"\xc3(");
    assert_eq!((done.stderr.as_str(), done.status), ("", Some(1)));
    assert!(done.stdout.contains("\"code\":\"E0002\"") && done.stdout.contains("\"span\":[0,1]"), "{}", done.stdout);
}

#[test]
fn large_results_are_written_whole() {
    let done = run(&["eval", "--json", "[1.0; 1_000_000]"]);
    let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["ok"]["value"].as_array().unwrap().len(), 1_000_000);
    assert_eq!(json["ok"]["bits"][999_999], "0x3ff0000000000000");
}
