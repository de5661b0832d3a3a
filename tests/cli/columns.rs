//! `cresset map`, `filter` and `reduce`: what they write, and what they say of bad formulas.

use crate::{Done, fails, file, run, run_with, scratch};
use std::path::Path;

/// A file with these bytes.
pub fn bytes(name: &str, content: &[u8]) -> String {
    let path = scratch(name);
    std::fs::write(&path, content).expect("written");
    path.to_str().expect("text").to_owned()
}

pub fn f64s(name: &str, values: &[f64]) -> String {
    bytes(name, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

pub fn i64s(name: &str, values: &[i64]) -> String {
    bytes(name, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

/// A path where nothing is yet.
pub fn out(name: &str) -> String {
    let path = scratch(name);
    let _ = std::fs::remove_file(&path);
    path.to_str().expect("text").to_owned()
}

pub fn read_f64s(path: &str) -> Vec<f64> {
    let bytes = std::fs::read(path).expect("written");
    bytes.chunks_exact(8).map(|chunk| f64::from_le_bytes(chunk.try_into().unwrap())).collect()
}

/// It went well, without a word, and wrote this to standard output.
#[track_caller]
pub fn gives(args: &[&str], input: &str, stdout: &str) {
    let done = run_with(&[args, &["-q"]].concat(), input.as_bytes());
    assert_eq!(done, Done { stdout: stdout.to_owned(), stderr: String::new(), status: Some(0) }, "{args:?}");
}

/// One JSON object, exactly this.
#[track_caller]
pub fn tells(args: &[&str], status: i32, json: &str) {
    let done = run(&[args, &["--json"]].concat());
    let expected = Done { stdout: format!("{json}\n"), stderr: String::new(), status: Some(status) };
    assert_eq!(done, expected, "{args:?}");
    assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{json}");
}

#[test]
fn raw_files_are_mapped_to_a_raw_file() {
    let (x, n) = (f64s("a.f64", &[1.5, -2.0, 0.0]), i64s("b.i64", &[2, 3, 4]));
    let (x, n) = (format!("x={x}"), format!("n={n}"));
    let to = out("out.f64");
    for engine in ["jit", "interp"] {
        tells(&["map", "x*n + 1", "-i", &x, "-i", &n, "-o", &to, "--engine", engine], 0, r#"{"ok":{"rows":3}}"#);
        assert_eq!(read_f64s(&to), [4.0, -5.0, 1.0]);
    }
    // A binding that nothing uses is no mistake; whole numbers become floats; what no row decides is written for each.
    tells(&["map", "n", "-i", &x, "-i", &n, "-o", &to], 0, r#"{"ok":{"rows":3}}"#);
    assert_eq!(read_f64s(&to), [2.0, 3.0, 4.0]);
    tells(&["map", "1 + 1", "-i", &x, "-o", &to], 0, r#"{"ok":{"rows":3}}"#);
    assert_eq!(read_f64s(&to), [2.0; 3]);
    tells(
        &["map", "fn f(a) = a^2; let b = f(x); b + k", "-v", "k=0.5", "-i", &x, "-o", &to],
        0,
        r#"{"ok":{"rows":3}}"#,
    );
    assert_eq!(read_f64s(&to), [2.75, 4.5, 0.5]);
}

#[test]
fn every_element_type_goes_in_and_out() {
    let small = bytes("s.u8", &[0, 7, 255]);
    let floats = bytes("f.f32", &[0.1_f32, 2.0, f32::NAN].map(f32::to_le_bytes).concat());
    let ints = bytes("i.i32", &[-1_i32, 0, 1 << 30].map(i32::to_le_bytes).concat());
    let truths = bytes("t.bool", &[1, 0, 1]);
    let inputs = [format!("s={small}"), format!("f={floats}"), format!("i={ints}"), format!("t={truths}")];
    let written = |formula: &str, to: &str| {
        let to = out(to);
        let mut args = vec!["map", formula, "-o", &to];
        inputs.iter().for_each(|input| args.extend(["-i", input.as_str()]));
        tells(&args, 0, r#"{"ok":{"rows":3}}"#);
        std::fs::read(&to).unwrap()
    };
    assert_eq!(written("s", "e.u8"), [0, 7, 255]);
    assert_eq!(written("not t", "e.bool"), [0, 1, 0]);
    assert_eq!(written("i + s", "e.i32"), [-1_i32, 7, (1 << 30) + 255].map(i32::to_le_bytes).concat());
    assert_eq!(written("i", "e.i64"), [-1_i64, 0, 1 << 30].map(i64::to_le_bytes).concat());
    let nan = f32::from_bits(0x7fc0_0000);
    assert_eq!(written("f * 1.5", "e.f32"), [0.1_f32 * 1.5, 3.0, nan].map(f32::to_le_bytes).concat());
    // By way of `f64`, as a store into an array does.
    assert_eq!(
        written("i * 3 + 1", "e2.f32"),
        [-2.0_f32, 1.0, 3_221_225_473_f64 as f32].map(f32::to_le_bytes).concat()
    );
}

#[test]
fn only_whole_numbers_change_their_type_unasked() {
    let x = format!("x={}", f64s("t.f64", &[1.0]));
    for (formula, to, words) in [
        ("x", "o.i64", ["the result is f64", "holds i64", "i64(…)"]),
        ("x", "o.u8", ["the result is f64", "holds u8", "i64(…)"]),
        ("x", "o.bool", ["the result is f64", "holds bool", "… != 0"]),
        ("x > 0", "o.f64", ["the result is bool", "holds f64", "f64(…)"]),
        ("i64(x)", "o.bool", ["the result is i64", "holds bool", "… != 0"]),
    ] {
        let to = out(to);
        fails(&["map", formula, "-i", &x, "-o", &to], 1, &[&["error[E0110]"], &words[..]].concat());
        assert!(!Path::new(&to).exists());
    }
}

#[test]
fn a_trap_has_its_row() {
    let n = format!("n={}", i64s("r.i64", &[3, 1, 0, 5, 0]));
    let to = out("r.f64");
    std::fs::write(&to, "as it was").unwrap();
    tells(
        &["map", "1 + div(6, n)", "-i", &n, "-o", &to],
        1,
        r#"{"trap":{"kind":"DivideByZero","row":2,"span":[4,13]}}"#,
    );
    tells(
        &["map", "z = div(6, n)", "-i", &n, "-o", &to, "--engine", "interp"],
        1,
        r#"{"trap":{"kind":"DivideByZero","row":2,"span":[4,13]}}"#,
    );
    fails(&["map", "div(6, n)", "-i", &n, "-o", &to], 1, &["DivideByZero", "div(6, n)", "row 2"]);
    // Fuel is each row's own.
    tells(
        &["map", "var s = 0; for i in 0..n { s += i; } s", "-i", &n, "-o", &to, "--fuel", "4"],
        1,
        r#"{"trap":{"kind":"OutOfFuel","row":3,"span":[11,24],"fuel_left":0}}"#,
    );
    // What does not fit is a trap of the row that stores it, if no row before it traps.
    let to_small = out("r.u8");
    tells(&["map", " n * 100", "-i", &n, "-o", &to_small], 1, r#"{"trap":{"kind":"BadCast","row":0,"span":[1,8]}}"#);
    tells(
        &["map", "100 * n + 0 * div(6, n - 1)", "-i", &n, "-o", &to_small],
        1,
        r#"{"trap":{"kind":"BadCast","row":0,"span":[0,27]}}"#,
    );
    tells(
        &["map", "200 * (n - 2) + 0 * div(6, n - 3)", "-i", &n, "-o", &to_small],
        1,
        r#"{"trap":{"kind":"DivideByZero","row":0,"span":[20,33]}}"#,
    );
    assert_eq!(std::fs::read(&to).unwrap(), b"as it was");
    assert!(!Path::new(&to_small).exists());
    let folder = Path::new(&to).parent().unwrap();
    let left = std::fs::read_dir(folder).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with(".r.") && name.to_string_lossy().ends_with(".tmp")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn the_lowest_row_traps_whatever_the_threads() {
    let mut values = vec![1_i64; 200_000];
    (values[70_001], values[190_000]) = (0, 0);
    let n = format!("n={}", i64s("many.i64", &values));
    let to = out("many.f64");
    for threads in ["1", "2", "7"] {
        tells(
            &["map", "div(6, n)", "-i", &n, "-o", &to, "--threads", threads],
            1,
            r#"{"trap":{"kind":"DivideByZero","row":70001,"span":[0,9]}}"#,
        );
        tells(&["map", "n / 2", "-i", &n, "-o", &to, "--threads", threads], 0, r#"{"ok":{"rows":200000}}"#);
        let written = read_f64s(&to);
        assert_eq!((written.len(), written[70_000], written[70_001], written[199_999]), (200_000, 0.5, 0.0, 0.5));
    }
}

#[test]
fn mistakes_are_told_as_eval_tells_them() {
    let x = format!("x={}", f64s("m.f64", &[1.0]));
    let to = out("m.out.f64");
    let done = run(&["map", "x ** 2", "-i", &x, "-o", &to, "--json"]);
    assert_eq!(done.status, Some(1));
    let told: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let eval: serde_json::Value =
        serde_json::from_str(&run(&["eval", "x ** 2", "-v", "x=1.0", "--json"]).stdout).unwrap();
    assert_eq!(told, eval);
    fails(&["map", "z = xx + 1", "-i", &x, "-o", &to], 1, &["E0100", "z = xx + 1", "did you mean `x`?"]);
    fails(&["map", "not x", "-i", &x, "-o", &to], 1, &["E0112", "`x` is f64"]);
    fails(&["map", "let y = x;", "-i", &x, "-o", &to], 1, &["E0118", "needs a value"]);
    fails(&["map", "[x]", "-i", &x, "-o", &to], 1, &["array"]);
    fails(&["map", "print(x); x", "-i", &x, "-o", &to], 1, &["E0101", "print"]);
    fails(&["map", "", "-i", &x, "-o", &to], 1, &["value"]);
    fails(&["filter", "x + 1", "-i", &x, "-o", &to], 1, &["E0114", "a filter is a `bool`", "this is f64"]);
    fails(&["map", "a = x", "a = 2", "-i", &x, "-o", &to], 2, &["two results are named `a`"]);
}

#[test]
fn tables_are_mapped_and_filtered() {
    let table = "x,y,name,unit price\r\n3,4,ann,1.5\r\n5,12,\"b, ob\",\r\n,1,\"say \"\"hi\"\"\",2\r\n8,15,ann,3\r\n";
    gives(
        &["map", "z = sqrt(x^2 + y^2)", "far = y > 5", "-i", "-"],
        table,
        "z,far\n5.0,false\n13.0,true\n,false\n17.0,true\n",
    );
    gives(&["map", "unit_price * 2", "-i", "-"], table, "value\n3.0\n\"\"\n4.0\n6.0\n");
    gives(&["map", "p + 1", "--name", "p=unit price", "-i", "-"], table, "value\n2.5\n\"\"\n3.0\n4.0\n");
    gives(
        &["map", "y = y * 10", "--keep", "name,x,y", "-i", "-"],
        table,
        "name,x,y\nann,3,40\n\"b, ob\",5,120\n\"say \"\"hi\"\"\",,10\nann,8,150\n",
    );
    gives(
        &["filter", "y > 3 and x/y < 2", "-i", "-"],
        table,
        "x,y,name,unit price\n3,4,ann,1.5\n5,12,\"b, ob\",\n8,15,ann,3\n",
    );
    gives(&["filter", "x > 3", "--keep", "name", "-i", "-", "--to", "tsv"], table, "name\nb, ob\nann\n");
    tells(
        &["filter", "x > 3", "-i", &file("k.csv", table), "-o", &out("k.out.csv")],
        0,
        r#"{"ok":{"rows":4,"kept":2}}"#,
    );
}

#[test]
fn every_format_becomes_every_other() {
    let csv = file("f.csv", "n,x,ok,name\n1,0.5,true,a\n2,,false,\n3,-2.5,true,\"c,d\"\n");
    let shown = "n,x,ok,name\n1,0.5,true,a\n2,,false,\n3,-2.5,true,\"c,d\"\n";
    let formats = ["csv", "tsv", "parquet", "arrow"];
    for from in formats {
        let first = out(&format!("from.{from}"));
        gives(&["filter", "n > 0", "-i", &csv, "-o", &first], "", "");
        for to in formats {
            let second = out(&format!("{from}-to.{to}"));
            gives(&["filter", "n > 0", "-i", &first, "-o", &second], "", "");
            gives(&["filter", "n < 4", "-i", &second, "-o", "-"], "", shown);
            gives(&["map", "y = x * n", "-i", &second, "-o", "-"], "", "y\n0.5\n\"\"\n-7.5\n");
            // Through pipes as well.
            let piped =
                run_with(&["filter", "n > 0", "-i", "-", "--from", from, "-q"], &std::fs::read(&first).unwrap());
            assert_eq!((piped.stdout.as_str(), piped.status), (shown, Some(0)), "{from}: {}", piped.stderr);
            let streamed = std::process::Command::new("true").output().map(|_| {
                crate::cresset()
                    .args(["filter", "n > 0", "-i", &first, "-o", "-", "--to", to, "-q"])
                    .output()
                    .expect("runs")
                    .stdout
            });
            let back = run_with(&["filter", "n > 0", "-i", "-", "--from", to, "-q"], &streamed.unwrap());
            assert_eq!((back.stdout.as_str(), back.status), (shown, Some(0)), "{to}: {}", back.stderr);
        }
    }
    let raw = out("f.f64");
    gives(&["map", "n / 2", "-i", &csv, "-o", &raw], "", "");
    assert_eq!(read_f64s(&raw), [0.5, 1.0, 1.5]);
    let (a, b) = (out("fa.i64"), out("fb.bool"));
    let outputs = [format!("b={b}"), format!("a={a}")];
    gives(&["map", "a = n * 2", "b = n > 1", "-i", &csv, "-o", &outputs[0], "-o", &outputs[1]], "", "");
    assert_eq!(std::fs::read(&b).unwrap(), [0, 1, 1]);
    assert_eq!(std::fs::read(&a).unwrap(), [2_i64, 4, 6].map(i64::to_le_bytes).concat());
    gives(&["filter", "fa > 2", "-i", &a, "-i", &format!("b={b}")], "", "fa,b\n4,true\n6,true\n");
}

#[test]
fn one_value_of_all_rows() {
    let table = "price,qty,city\n1.5,2,Rome\n2.5,4,Oslo\n,1,Rome\n4,1,\n";
    for (formula, value) in [
        ("mean(price * qty)", "5.666666666666667"),
        ("sum(qty)", "8"),
        ("count()", "4"),
        ("count(price)", "3"),
        ("count(price > 2)", "2"),
        ("min(price)", "1.5"),
        ("max(qty)", "4"),
        ("product(qty)", "8"),
        ("any(qty == 4)", "true"),
        ("all(qty > 1)", "false"),
        ("sum(price * qty) / sum(if price > 0 { qty } else { 0 })", "2.4285714285714284"),
        ("max(max(price), 10)", "10.0"),
    ] {
        gives(&["reduce", formula, "-i", "-"], table, &format!("{value}\n"));
    }
    gives(
        &["reduce", "n = count()", "total = sum(qty)", "mean(price)", "--by", "city", "-i", "-"],
        table,
        "city  n  total  mean(price)\nRome  2      3          1.5\nOslo  1      4          2.5\n      1      1          4.0\n",
    );
    gives(
        &["reduce", "total = sum(qty)", "--by", "city", "-i", "-", "-o", "-"],
        table,
        "city,total\nRome,3\nOslo,4\n,1\n",
    );
    let csv = file("red.csv", table);
    tells(&["reduce", "sum(qty)", "-i", &csv], 0, r#"{"ok":{"rows":4,"type":"i64","value":"8"}}"#);
    tells(
        &["reduce", "t = sum(qty)", "--by", "city", "-i", &csv],
        0,
        r#"{"ok":{"rows":4,"groups":[{"city":"Rome","t":{"type":"i64","value":"3"}},{"city":"Oslo","t":{"type":"i64","value":"4"}},{"city":null,"t":{"type":"i64","value":"1"}}]}}"#,
    );
}

#[test]
fn reductions_that_have_no_value() {
    let n = format!("n={}", i64s("big.i64", &[i64::MAX, 1]));
    tells(&["reduce", "sum(n)", "-i", &n], 1, r#"{"trap":{"kind":"IntegerOverflow","span":[0,6]}}"#);
    tells(
        &["reduce", "p = product(n + n)", "-i", &n],
        1,
        r#"{"trap":{"kind":"IntegerOverflow","row":0,"span":[12,17]}}"#,
    );
    let none = format!("n={}", i64s("none.i64", &[]));
    tells(&["reduce", "min(n)", "-i", &none], 1, r#"{"trap":{"kind":"BadArgument","span":[0,6]}}"#);
    tells(
        &["reduce", "mean(n)", "-i", &none],
        0,
        r#"{"ok":{"rows":0,"type":"f64","value":"NaN","bits":"0x7ff8000000000000"}}"#,
    );
    fails(&["reduce", "n + 1", "-i", &n], 1, &["there is no reduction", "mean(…)"]);
    fails(&["reduce", "sum(n) + n", "-i", &n], 1, &["E0100", "a column stands inside a reduction"]);
    fails(&["reduce", "any(n)", "-i", &n], 1, &["`any` does not take values of type i64"]);
    fails(&["reduce", "sum()", "-i", &n], 1, &["`sum` needs something to reduce"]);
    fails(&["reduce", "sum(m)", "-i", &n], 1, &["E0100", "no column named `m`"]);
    fails(&["reduce", "sum(n)", "--by", "city", "-i", &n], 2, &["there is no column `city`", "`n`"]);
}
