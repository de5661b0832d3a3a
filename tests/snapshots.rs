//! What the compiler makes of every example and every operation, and how mistakes and traps look: reviewed text in `snapshots/`, the same on any host.

use cresset::host::{HostFn, HostParams, IntoHostFn};
use cresset::ir::op::{ArrayOp, Math, Op};
use cresset::listing::{Stage, list};
use cresset::opt::Passes;
use cresset::{Config, Cpu, Engine, Error, Execution, Limits, Type, Value};
use std::path::Path;
use std::sync::Arc;

/// An engine that knows the command line's host functions.
fn engine(passes: Passes, execution: Execution) -> Engine {
    let mut config = Config::new().execution(execution);
    config.passes = passes;
    let print = Arc::new(|_: &[Value]| Ok(Value::Unit));
    config.add_host_fn(HostFn {
        name: "print".to_owned(),
        params: HostParams::Scalars,
        result: Type::Unit,
        call: print,
    });
    config.add_host_fn((|_: i64| ()).into_host_fn("put"));
    config.add_host_fn((|_: f64, _: i64, _: i64| ()).into_host_fn("put_number"));
    config.add_host_fn((|x: f64, n: i64, b: bool| if b { x } else { n as f64 }).into_host_fn("host"));
    config.engine().expect("an engine")
}

fn assert_snapshot(topic: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(topic));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The IR and both machines' code.
fn stages(engine: &Engine, text: &str, inputs: &[(&str, Type)]) -> String {
    let show = |stage, cpu| {
        list(engine, text.as_bytes(), inputs, stage, cpu).unwrap_or_else(|error| panic!("{text}\n{error}"))
    };
    format!(
        "{}\n\n=== IR\n{}\n=== x86-64\n{}\n=== AArch64\n{}",
        text.trim_end(),
        show(Stage::Ir, Cpu::X86_64V3),
        show(Stage::Asm, Cpu::X86_64V3),
        show(Stage::Asm, Cpu::AArch64)
    )
}

#[test]
fn examples() {
    let engine = engine(Passes::ALL, Execution::Interpreter);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("examples/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "cresset") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("an example");
            let show = |stage, cpu| list(&engine, text.as_bytes(), &[], stage, cpu).expect(&name);
            assert_snapshot("examples", &format!("{name}.ir"), &show(Stage::Ir, Cpu::X86_64V3));
            assert_snapshot("examples", &format!("{name}.x86-64"), &show(Stage::Asm, Cpu::X86_64V3));
            assert_snapshot("examples", &format!("{name}.aarch64"), &show(Stage::Asm, Cpu::AArch64));
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen} examples");
}

/// A function whose body is little more than the operation.
fn program_of(op: Op) -> Option<&'static str> {
    Some(match op {
        Op::FAdd => "fn f(a, b) = a + b;",
        Op::FSub => "fn f(a, b) = a - b;",
        Op::FMul => "fn f(a, b) = a * b;",
        Op::FDiv => "fn f(a, b) = a / b;",
        Op::Fma => "fn f(a, b, c) = fma(a, b, c);",
        Op::FNeg => "fn f(a) = -a;",
        Op::FAbs => "fn f(a) = abs(a);",
        Op::FSqrt => "fn f(a) = sqrt(a);",
        Op::FMin => "fn f(a, b) = min(a, b);",
        Op::FMax => "fn f(a, b) = max(a, b);",
        Op::FFloor => "fn f(a) = floor(a);",
        Op::FCeil => "fn f(a) = ceil(a);",
        Op::FTrunc => "fn f(a) = trunc(a);",
        Op::FRound => "fn f(a) = round(a);",
        Op::FRoundEven => "fn f(a) = round_even(a);",
        Op::FFract => "fn f(a) = fract(a);",
        Op::FSign => "fn f(a) = sign(a);",
        Op::FCopysign => "fn f(a, b) = copysign(a, b);",
        Op::FCanon => "fn f(mut xs: [f64], a) { xs[0] = a; }",
        // A store into an `f32` array rounds by itself.
        Op::FDemote => return None,
        Op::FBits => "fn f(a) = bits(a);",
        Op::FFromBits => "fn f(n: i64) = from_bits(n);",
        Op::FIsFinite => "fn f(a) = is_finite(a);",
        Op::FIsInfinite => "fn f(a) = is_infinite(a);",
        Op::FIsNan => "fn f(a) = is_nan(a);",
        Op::FEq => "fn f(a, b) = a == b;",
        Op::FNe => "fn f(a, b) = a != b;",
        Op::FLt => "fn f(a, b) = a < b;",
        Op::FLe => "fn f(a, b) = a <= b;",
        Op::IAdd => "fn f(a: i64, b: i64) = a + b;",
        Op::ISub => "fn f(a: i64, b: i64) = a - b;",
        Op::IMul => "fn f(a: i64, b: i64) = a * b;",
        Op::INeg => "fn f(a: i64) = -a;",
        Op::IAbs => "fn f(a: i64) = abs(a);",
        Op::IWrappingAdd => "fn f(a: i64, b: i64) = wrapping_add(a, b);",
        Op::IWrappingSub => "fn f(a: i64, b: i64) = wrapping_sub(a, b);",
        Op::IWrappingMul => "fn f(a: i64, b: i64) = wrapping_mul(a, b);",
        Op::IDiv => "fn f(a: i64, b: i64) = div(a, b);",
        Op::IFloorDiv => "fn f(a: i64, b: i64) = floor_div(a, b);",
        Op::IRem => "fn f(a: i64, b: i64) = a % b;",
        Op::IFloorMod => "fn f(a: i64, b: i64) = floor_mod(a, b);",
        Op::IGcd => "fn f(a: i64, b: i64) = gcd(a, b);",
        Op::IPow => "fn f(a: i64, b: i64) = a ^ b;",
        Op::IAnd => "fn f(a: i64, b: i64) = bit_and(a, b);",
        Op::IOr => "fn f(a: i64, b: i64) = bit_or(a, b);",
        Op::IXor => "fn f(a: i64, b: i64) = bit_xor(a, b);",
        Op::INot => "fn f(a: i64) = bit_not(a);",
        Op::IShl => "fn f(a: i64, b: i64) = shl(a, b);",
        Op::IShr => "fn f(a: i64, b: i64) = shr(a, b);",
        Op::ISar => "fn f(a: i64, b: i64) = sar(a, b);",
        Op::IRotl => "fn f(a: i64, b: i64) = rotl(a, b);",
        Op::IRotr => "fn f(a: i64, b: i64) = rotr(a, b);",
        Op::IPopcount => "fn f(a: i64) = popcount(a);",
        Op::IClz => "fn f(a: i64) = leading_zeros(a);",
        Op::ICtz => "fn f(a: i64) = trailing_zeros(a);",
        Op::IMin => "fn f(a: i64, b: i64) = min(a, b);",
        Op::IMax => "fn f(a: i64, b: i64) = max(a, b);",
        Op::ISign => "fn f(a: i64) = sign(a);",
        Op::IEq => "fn f(a: i64, b: i64) = a == b;",
        Op::INe => "fn f(a: i64, b: i64) = a != b;",
        Op::ILt => "fn f(a: i64, b: i64) = a < b;",
        Op::ILe => "fn f(a: i64, b: i64) = a <= b;",
        Op::INarrowI32 => "fn f(mut xs: [i32], a: i64) { xs[0] = a; }",
        Op::INarrowU8 => "fn f(mut xs: [u8], a: i64) { xs[0] = a; }",
        Op::IToF => "fn f(a: i64) = f64(a);",
        Op::FToI => "fn f(a) = i64(a);",
        Op::BToI => "fn f(a: bool) = i64(a);",
        Op::BToF => "fn f(a: bool) = f64(a);",
        Op::BNot => "fn f(a: bool) = not a;",
        Op::BAnd => "fn f(a: bool, b: bool) = a and b;",
        Op::BOr => "fn f(a: bool, b: bool) = a or b;",
        Op::BEq => "fn f(a: bool, b: bool) = a == b;",
        Op::BNe => "fn f(a: bool, b: bool) = a != b;",
    })
}

#[test]
fn operations() {
    let engine = engine(Passes::ALL, Execution::Interpreter);
    for op in Op::ALL {
        let Some(program) = program_of(*op) else { continue };
        let text = stages(&engine, program, &[]);
        assert!(text.contains(op.name()), "{} is not in\n{text}", op.name());
        assert_snapshot("operations", op.name(), &text);
    }
    for math in Math::ALL {
        let program = match (math, math.arity()) {
            (Math::Fmod, _) => "fn f(a, b) = a % b;".to_owned(),
            (_, 1) => format!("fn f(a) = {}(a);", math.name()),
            _ => format!("fn f(a, b) = {}(a, b);", math.name()),
        };
        let text = stages(&engine, &program, &[]);
        assert!(text.contains(math.name()));
        assert_snapshot("operations", &format!("math.{}", math.name()), &text);
    }
    for op in ArrayOp::ALL {
        let program = match op {
            ArrayOp::Dot => "fn f(xs: [f64], ys: [f64]) = dot(xs, ys);".to_owned(),
            ArrayOp::Any | ArrayOp::All | ArrayOp::Count => format!("fn f(xs: [bool]) = {}(xs);", op.name()),
            ArrayOp::Fill => "fn f(mut xs: [f32], v) { fill(xs, v); }".to_owned(),
            ArrayOp::Copy => "fn f(mut xs: [i32], ys: [i32]) { copy(xs, ys); }".to_owned(),
            _ => format!("fn f(xs: [f64]) = {}(xs);", op.name()),
        };
        let text = stages(&engine, &program, &[]);
        assert!(text.contains(op.name()));
        assert_snapshot("operations", &format!("array.{}", op.name()), &text);
    }
}

#[test]
fn constructs() {
    let engine = engine(Passes::ALL, Execution::Interpreter);
    let programs = [
        ("select", "fn f(c: bool, a, b) = if c { a } else { b };"),
        ("if", "fn f(c: bool, a) { var r = a; if c { r = exp(a); } r }"),
        ("else_if", "fn f(n: i64) = if n == 0 { 1 } else if n == 1 { gcd(n, 6) } else { n * n };"),
        ("and", "fn f(a, b) = a > 0 and 1 / a < b and b < 9;"),
        ("comparison_chain", "fn f(a, n: i64) = 0 <= a < n <= 100;"),
        ("while", "fn f(n: i64) { var i = n; while i > 1 { i = div(i, 2); } i }"),
        ("for", "fn f(n: i64) { var s = 0; for i in 0..n { s += i; } s }"),
        ("for_inclusive", "fn f(n: i64) { var s = 0; for i in 1..=n { s += i; } s }"),
        ("for_each", "fn f(xs: [f32]) { var s = 0.0; for x in xs { s += x; } s }"),
        (
            "break_continue",
            "fn f(n: i64) { var s = 0; for i in 0..n { if i == 3 { continue; } if i > 9 { break; } s += i; } s }",
        ),
        ("return", "fn f(n: i64) -> i64 { for i in 0..n { if i * i > n { return i; } } n }"),
        ("call", "fn g(a, n: i64) = a * n + exp(a); fn f(a) = g(a, 2) + 1;"),
        ("recursion", "fn fib(n: i64) -> i64 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }"),
        (
            "many_arguments",
            "fn g(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j) = a + i + j; fn f(n: i64) = g(n, 2, 3, 4, 5, 6, 7, 8, n, 1.5);",
        ),
        ("host_call", "fn f(a, n: i64) = host(a, n, a > 0);"),
        (
            "load",
            "fn f(a: [f64], b: [f32], c: [i64], d: [i32], e: [u8], g: [bool], i: i64) = if g[i] { a[i] + b[i] } else { c[i] + d[i] + e[i] };",
        ),
        (
            "store",
            "fn f(mut a: [f64], mut b: [f32], mut c: [i64], mut g: [bool], i: i64, x) { a[i] = x; b[i] = x; c[i] = i; g[i] = true; }",
        ),
        ("update", "fn f(mut xs: [i32], i: i64) { xs[i] *= 3; }"),
        ("slice", "fn f(xs: [f64], a: i64, b: i64) = len(xs[a..b]);"),
        ("array_literal", "fn f(a) -> [f64] { [a, 2, a * 3] }"),
        ("array_fill", "fn f(n: i64) -> [u8] { [7; n] }"),
        ("release", "fn f(n: i64) { var s = 0.0; for i in 0..n { let xs = [0.5; i]; s += sum(xs); } s }"),
        ("power", "fn f(a) = a ^ 10 + a ^ -3;"),
        ("constant", "fn f(a) = 2 * PI * a + 0.1;"),
        ("unit", "fn f() { }"),
    ];
    for (name, program) in programs {
        assert_snapshot("constructs", name, &stages(&engine, program, &[]));
    }
    let metered = "fn f(n: i64) { var s = 0.0; for i in 0..n { s += 0.5; } s }";
    let unmetered = Config::new().execution(Execution::Interpreter).metering(false).engine().expect("an engine");
    assert_snapshot("constructs", "without_metering", &stages(&unmetered, metered, &[]));
    let inputs = [("x", Type::F64), ("n", Type::I64), ("xs", Type::Array(cresset::Elem::F64))];
    assert_snapshot("constructs", "inputs", &stages(&engine, "x * n + xs[n]", &inputs));
}

/// Mistakes that people make, by topic.
const MISTAKES: &[(&str, &[&str])] = &[
    (
        "text",
        &[
            "let é = 1;",
            "x − 1",
            "“a”",
            "'a'",
            "\"a\" + 1",
            "2²",
            "a ≤ b",
            "/* never closed",
            "1.",
            "1.5x",
            "0x",
            "0b12",
            "1__0",
            "1_",
            "9223372036854775808",
            "1e999",
            "0xFFFFFFFFFFFFFFFFF",
            "1e",
            "$x",
            "a ? b : c",
            "@",
            "2 × 3",
        ],
    ),
    (
        "syntax",
        &[
            "2 ** 3",
            "a = b == c",
            "if x = 1 { 2 }",
            "1 + ",
            "(1 + 2",
            "1 + 2)",
            "[1, 2",
            "{ let x = 1;",
            "f(1 2)",
            "let = 3;",
            "let x 3;",
            "let x = 1 let y = 2;",
            "for i = 0 { }",
            "for i in 0 { }",
            "while { }",
            "if { 1 }",
            "fn (x) = x;",
            "fn f x = x;",
            "fn f(x) x",
            "fn f(x: float) = x;",
            "let x: int = 1;",
            "let x: f32 = 1.0;",
            "1 < 2 != 3",
            "if true { 1 } else { 2 } - 1",
            "else { 1 }",
            "let mut x = 1;",
            "x++;",
            "a & b",
            "a | b",
            "~a",
            "1 << 2",
            "a <> b",
            "a => b",
            "a === b",
            "fn f() { fn g() = 1; }",
            "xs[..]",
            "xs[1..=2]",
            "def f(x) = x;",
            "while true { 1 } 2",
            "let for = 1;",
            "const PI2;",
            "return",
            "elif",
            "let x = 1",
            "x := 1;",
        ],
    ),
    (
        "names",
        &[
            "sqr(2)",
            "velocty * 2",
            "log(100)",
            "ln 2",
            "sin",
            "fn f() = 1; fn f() = 2;",
            "let k = 2; fn f(x) = k * x; f(1)",
            "const A = B; const B = A;",
            "const A = 1; const A = 2;",
            "fn f(a, a) = a;",
            "x = 1;",
            "{ let y = 1; } y",
            "foo(1)",
            "f(1); let f = 2;",
            "const A = x;",
            "True",
            "infinity",
            "math(1)",
            "atan(1, 2)",
            "pi * 2",
            "print",
            "random()",
            "floor",
        ],
    ),
    (
        "types",
        &[
            "let x = 1; x = 2;",
            "var s = 0; s += 0.5;",
            "let n: i64 = 7 / 2;",
            "let xs = [1, 2]; xs[1.0]",
            "let xs = [1, 2]; xs[floor(1.5)]",
            "1 + true",
            "not 1",
            "-true",
            "if 1 { 2 }",
            "if true { 1 } else { false }",
            "true < false",
            "sqrt(true)",
            "sqrt()",
            "sqrt(1, 2)",
            "div(1.5, 2)",
            "len(1)",
            "1[0]",
            "[]",
            "[1, true]",
            "1 + 1; 2",
            "if true { 1 }; 2",
            "while 1 { }",
            "for i in 1.5..2 { }",
            "fn f(n) -> i64 = n; f(1)",
            "fn f(n: i64) = if n == 0 { 0 } else { f(n - 1) };",
            "let x: bool = 1;",
            "let x = fill([1], 2);",
            "break;",
            "fn f() { continue; }",
            "let xs: [u8] = [1.5];",
            "sum(1)",
            "1 == true",
            "i64(true) + not 2",
            "let i = 0; for i in 0..3 { i = 1; }",
            "[1; 2.0]",
            "clamp(1, true, 3)",
            "const A = 1 % 0; A",
            "const A = [1];",
            "fn f() -> f64 { } f()",
            "{ 1 } + { true }",
            "f64([1])",
        ],
    ),
    (
        "writability",
        &[
            "let xs = [1, 2]; xs[0] = 3;",
            "fn f(xs: [f64]) { xs[0] = 1; }",
            "let xs = [1.0]; fill(xs, 2);",
            "let xs = [1]; var ys = xs;",
            "fn f(xs: [i64]) -> [i64] { xs } var ys = f([1]);",
            "var xs = [1]; let ys = xs; ys[0] = 2;",
            "let xs = [1]; copy(xs, [2]);",
            "var a = [1]; a = if true { a } else { [2][0..] }; let b = [1]; a = b;",
        ],
    ),
];

#[test]
fn mistakes() {
    let engine = engine(Passes::ALL, Execution::Interpreter);
    let mut count = 0;
    for (topic, texts) in MISTAKES {
        let mut gallery = String::new();
        for text in *texts {
            let error = engine.compile(text).err().unwrap_or_else(|| panic!("`{text}` is right"));
            let Error::Source(source) = &error else { panic!("`{text}`: {error}") };
            gallery.push_str(&format!("»{text}«\n{}\n", source.render("formula", false)));
            count += 1;
        }
        assert_snapshot("mistakes", topic, &gallery);
    }
    assert!(count >= 80, "only {count} mistakes");
}

#[test]
fn traps() {
    let programs = [
        "let big = MAX_I64; big + 1",
        "fn ratio(a: i64, b: i64) = div(a, b);\nfn outer(n: i64) = ratio(n, n - 1);\nouter(1)",
        "let xs = [1, 2, 3];\nxs[len(xs)]",
        "let xs = [1, 2, 3];\nxs[2..5]",
        "i64(1e300)",
        "var bytes: [u8] = [1];\nbytes[0] += 255;",
        "fn down(n: i64) -> i64 { down(n + 1) + 1 }\ndown(0)",
        "var n = 0;\nwhile true {\n    n = wrapping_add(n, 1);\n}",
        "[0.0; 100000000]",
        "max([1.0][1..])",
    ];
    for execution in [Execution::Interpreter, Execution::Jit] {
        let engine = engine(Passes::ALL, execution);
        let mut gallery = String::new();
        for text in programs {
            let mut sandbox = engine.sandbox(Limits::default().fuel(100_000).depth(50)).expect("a sandbox");
            let error = engine.compile(text).and_then(|module| module.run_in(&mut sandbox, &mut [])).expect_err(text);
            let trap = error.trap().unwrap_or_else(|| panic!("{text}: {error}"));
            gallery.push_str(&format!("{}\n", cresset::diagnostic::render_trap("formula", text, trap, false)));
        }
        assert_snapshot("traps", "traps", &gallery);
    }
}
