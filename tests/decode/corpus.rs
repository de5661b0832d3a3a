//! All sorts of code that is made for x86-64: every built-in and operator on every sort of operand, the examples, the conformance cases, random programs and
//! random kernels, for both levels.

use crate::cases;
use crate::generate::{self, Bytes};
use crate::random_kernels;
use cresset::codegen::blob::CodeBlob;
use cresset::kernel::InputType;
use cresset::listing;
use cresset::opt::Passes;
use cresset::sema::builtins::{BUILTINS, Param};
use cresset::{Config, Cpu, Elem, Engine, Error, Execution, Type};
use std::path::Path;

/// The levels, and whether vectors are of 512 bits.
pub const LEVELS: [(Cpu, bool); 2] = [(Cpu::X86_64V3, false), (Cpu::X86_64V4, true)];

/// An engine that makes code and runs none.
pub fn engine(passes: Passes, metering: bool) -> Engine {
    let mut config = Config::new()
        .execution(Execution::Interpreter)
        .metering(metering)
        .host_fn("probe", |x: f64, _: i64| x)
        .host_fn("ask", |n: i64, _: bool| n)
        .host_fn("note", |_: f64| ())
        .host_fn("refuse", |n: i64| if n % 5 == 3 { Err("refused") } else { Ok(n > 0) })
        .host_fn("put", |_: i64| ())
        .host_fn("put_number", |_: f64, _: i64, _: i64| ());
    config.passes = passes;
    config.engine().expect("an engine")
}

/// Gives all code to `see`: its name, the code, and whether it may use vectors of 512 bits.
pub fn each(mut see: impl FnMut(&str, CodeBlob, bool)) {
    let (formulas, others, kernels) = (formulas(), others(), kernels());
    let mut made = 0;
    for (passes, metering) in [(Passes::ALL, true), (Passes::NONE, true), (Passes::ALL, false)] {
        let engine = engine(passes, metering);
        for (cpu, is_wide) in LEVELS {
            let mut take = |name: &str, code: Result<CodeBlob, Error>| {
                if let Ok(code) = code {
                    made += 1;
                    see(name, code, is_wide);
                }
            };
            let is_usual = (passes, metering) == (Passes::ALL, true);
            // Scalar code is the same at both levels.
            let programs = if is_wide { &[][..] } else { &others };
            let formulas = if is_usual { &formulas[..] } else { &[] };
            for (text, inputs) in programs.iter().chain(formulas.iter().filter(|_| !is_wide)) {
                let inputs: Vec<(&str, Type)> = inputs.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
                take(text, listing::code(&engine, text, &inputs, cpu));
            }
            for text in formulas.iter().map(|(text, _)| text).chain(&kernels) {
                let Ok(kernel) = engine.kernel(text) else { continue };
                for types in TYPES {
                    take(text, kernel.code_for(types, cpu));
                }
            }
        }
    }
    assert!(made > 10_000, "{made}");
}

/// Types of the names that formulas use.
pub const TYPES: &[&[(&str, InputType)]] = &[
    &[
        ("x", InputType::Column(Elem::F64)),
        ("y", InputType::Column(Elem::F64)),
        ("n", InputType::Column(Elem::I64)),
        ("m", InputType::Column(Elem::I64)),
        ("b", InputType::Column(Elem::Bool)),
        ("u", InputType::Scalar(Type::F64)),
        ("k", InputType::Scalar(Type::I64)),
        ("fs", InputType::Scalar(Type::Array(Elem::F64))),
        ("ks", InputType::Scalar(Type::Array(Elem::I64))),
    ],
    &[
        ("x", InputType::Column(Elem::F32)),
        ("y", InputType::Column(Elem::F32)),
        ("n", InputType::Column(Elem::I32)),
        ("m", InputType::Column(Elem::U8)),
        ("b", InputType::Scalar(Type::Bool)),
        ("u", InputType::Scalar(Type::F64)),
        ("k", InputType::Scalar(Type::I64)),
        ("fs", InputType::Scalar(Type::Array(Elem::F32))),
        ("ks", InputType::Scalar(Type::Array(Elem::I32))),
    ],
    &[
        ("x", InputType::Column(Elem::F64)),
        ("y", InputType::Scalar(Type::F64)),
        ("n", InputType::Column(Elem::I64)),
        ("m", InputType::Scalar(Type::I64)),
        ("b", InputType::Column(Elem::Bool)),
        ("u", InputType::Scalar(Type::F64)),
        ("k", InputType::Scalar(Type::I64)),
        ("fs", InputType::Scalar(Type::Array(Elem::F64))),
        ("ks", InputType::Scalar(Type::Array(Elem::U8))),
    ],
];

/// Each built-in of scalars and each operator, of variables and of constants.
pub fn formulas() -> Vec<Typed> {
    let floats = ["x", "y", "0.0", "1.5", "u", "f64(n)"];
    let ints = ["n", "m", "0", "1", "-7", "8", "63", "200", "10000000001", "k"];
    let bools = ["b", "n < m", "x < y", "true"];
    let of = |param: &Param| -> &[&str] {
        match param {
            Param::F64 => &floats,
            Param::I64 => &ints,
            Param::Bool => &bools,
            _ => &[],
        }
    };
    let mut texts = Vec::new();
    for builtin in BUILTINS {
        for form in builtin.forms {
            let choices: Vec<&[&str]> = form.params.iter().map(of).collect();
            let count: usize = choices.iter().map(|choice| choice.len()).product();
            for mut at in 0..count {
                let mut args = Vec::new();
                for choice in &choices {
                    args.push(choice[at % choice.len()]);
                    at /= choice.len();
                }
                texts.push(format!("{}({})", builtin.name, args.join(", ")));
            }
        }
    }
    let binary = |texts: &mut Vec<String>, operators: &[&str], of: &[&str]| {
        for operator in operators {
            for a in of {
                texts.extend(of.iter().map(|b| format!("{a} {operator} {b}")));
            }
        }
    };
    let arithmetic = ["+", "-", "*", "/", "%", "^", "<", "<=", "==", "!=", ">", ">="];
    binary(&mut texts, &arithmetic, &floats);
    binary(&mut texts, &arithmetic, &ints);
    binary(&mut texts, &["and", "or", "==", "!="], &bools);
    texts.extend(bools.iter().map(|b| format!("not ({b})")));
    texts.extend(["-x", "-n", "bits(-x)", "fma(-x, y, u)", "fma(x, y, -u)"].map(str::to_owned));
    for condition in ["b", "x < y", "x == y", "x != 1.5", "n < m", "n == 3", "n <= 0", "bit_and(n, 4) == 0", "not b"] {
        for (yes, no) in
            [("x", "y"), ("n", "m"), ("b", "n > m"), ("x", "1.5"), ("n", "0"), ("exp(x)", "y"), ("div(n, m)", "m")]
        {
            texts.push(format!("if {condition} {{ {yes} }} else {{ {no} }}"));
        }
    }
    for index in ["n", "n % 5", "bit_and(n, 3)", "0", "k", "len(fs) - 1", "floor_mod(n, 5)", "if b { n } else { 0 }"] {
        texts.extend(["fs", "ks"].map(|array| format!("{array}[{index}]")));
    }
    let scalars = [
        ("x", Type::F64),
        ("y", Type::F64),
        ("u", Type::F64),
        ("n", Type::I64),
        ("m", Type::I64),
        ("k", Type::I64),
        ("b", Type::Bool),
        ("fs", Type::Array(Elem::F64)),
        ("ks", Type::Array(Elem::I64)),
    ];
    let typed = |text: String| {
        let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let inputs = scalars.iter().filter(|(name, _)| words.contains(name));
        let inputs = inputs.map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        (text, inputs)
    };
    texts.into_iter().map(typed).collect()
}

pub fn kernels() -> Vec<String> {
    let mut texts: Vec<String> = (0..60).map(random_kernels::kernel).collect();
    let more = [
        "var t = 0.0; for i in 0..4 { t += x * f64(i); } t",
        "var i = n; while i > 1 { i = div(i, 2); } i",
        "var t = x; while t < 100.0 { t = t * 2.0 + 1.0; if t > y { break; } } t",
        "var t = 0; for v in ks { t += v; } t + n",
        "var t = 0.0; for i in 0..len(fs) { t += fs[i] * x; } t",
        "var t = 0.0; for v in fs[0..3] { t += v; } t + x",
    ];
    texts.extend(more.map(str::to_owned));
    texts
}

pub type Typed = (String, Vec<(String, Type)>);

/// The examples, the cases, random programs, and what those seldom have.
pub fn others() -> Vec<Typed> {
    let mut programs = constructs();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("examples")).expect("the examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "cresset") {
            programs.push((std::fs::read_to_string(path).expect("a text"), Vec::new()));
        }
    }
    for case in cases::load(&root.join("tests/cases")).expect("the cases") {
        let inputs = case.options.inputs.iter().map(|(name, value)| (name.clone(), type_of(value)));
        programs.push((case.source, inputs.collect()));
    }
    for seed in 0..300 {
        let program = generate::program(&mut Bytes::seeded(seed));
        programs
            .push((program.source, program.inputs.iter().map(|(name, value)| (name.clone(), value.ty())).collect()));
    }
    programs
}

fn type_of(value: &cases::Value) -> Type {
    match value {
        cases::Value::Unit | cases::Value::Bool(_) => Type::Bool,
        cases::Value::I64(_) => Type::I64,
        cases::Value::F64(_) => Type::F64,
        cases::Value::F64s(_) => Type::Array(Elem::F64),
        cases::Value::F32s(_) => Type::Array(Elem::F32),
        cases::Value::I64s(_) => Type::Array(Elem::I64),
        cases::Value::I32s(_) => Type::Array(Elem::I32),
        cases::Value::U8s(_) => Type::Array(Elem::U8),
        cases::Value::Bools(_) => Type::Array(Elem::Bool),
    }
}

/// What the others seldom have: arrays of each element stored to with and without constants, large frames, many arguments, long calls.
fn constructs() -> Vec<Typed> {
    let mut programs = Vec::new();
    for (elem, values) in [
        ("f64", ["x", "0.0", "1.5"]),
        ("f32", ["x", "0.0", "1.5"]),
        ("i64", ["n", "0", "3000000000"]),
        ("i32", ["n", "0", "70000"]),
        ("u8", ["n", "0", "200"]),
        ("bool", ["b", "true", "false"]),
    ] {
        for value in values {
            for index in ["i", "0", "20", "100"] {
                programs.push(format!(
                    "fn f(mut xs: [{elem}], i: i64, n: i64, x: f64, b: bool) {{ xs[{index}] = {value}; let t = xs[{index}]; }} 0"
                ));
                programs.push(format!(
                    "fn f(xs: [{elem}], i: i64) -> [{elem}] {{ xs[{index}..i] }} fn g(xs: [{elem}], i: i64) -> [{elem}] {{ xs[i..{index}] }} 0"
                ));
            }
        }
    }
    for count in [20, 700, 3_000, 12_000] {
        // So many values alive at once.
        let lets: String = (0..count).map(|i| format!("let v{i} = probe(x, {i}); ")).collect();
        let sum: Vec<String> = (0..count).map(|i| format!("v{i}")).collect();
        programs.push(format!("fn f(x: f64) -> f64 {{ {lets} {} }} f(1.0)", sum.join(" + ")));
    }
    let params: Vec<String> = (0..30).map(|i| format!("a{i}: i64, b{i}: f64")).collect();
    let args: Vec<String> = (0..30).map(|i| format!("{i}, {i}.5")).collect();
    programs.push(format!(
        "fn f({}) -> f64 {{ if a29 > 0 {{ f({}) }} else {{ b29 + f64(a20) }} }} f({})",
        params.join(", "),
        args.join(", "),
        args.join(", ")
    ));
    let engine = engine(Passes::ALL, true);
    for text in &programs {
        let code = listing::code(&engine, text, &[], Cpu::X86_64V3);
        assert!(code.is_ok(), "{text}: {code:?}");
    }
    programs.into_iter().map(|text| (text, Vec::new())).collect()
}
