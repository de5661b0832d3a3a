//! Compiling: inputs, inspection, and errors as data.

use crate::engines;
use cresset::{Arg, Config, Elem, Error, Span, Type, Value};

#[test]
fn inputs_may_be_unused_and_are_checked() {
    for engine in engines() {
        let inputs = [("a", Type::I64), ("unused", Type::Bool), ("xs", Type::Array(Elem::U8))];
        let module = engine.compile_with("a + xs[0]", &inputs).unwrap();
        let names: Vec<String> = module.inputs().iter().map(|input| format!("{}: {}", input.name, input.ty)).collect();
        assert_eq!(names, ["a: i64", "unused: bool", "xs: [u8]"]);
        assert_eq!(module.result(), Type::I64);
        assert_eq!(module.run(&mut [5.into(), true.into(), (&[7_u8][..]).into()]).unwrap(), Value::I64(12));
        let error = module.run(&mut [5.into()]).unwrap_err();
        assert_eq!(error.to_string(), "the program takes 3 arguments, not 1");
        let error = module.run(&mut [5.into(), 5.into(), (&[7_u8][..]).into()]).unwrap_err();
        assert_eq!(error.to_string(), "`unused` of the program is bool, not i64");
        // What a program names itself hides an input.
        let module = engine.compile_with("let a = 1; fn f(a) = a; a + f(2)", &[("a", Type::F64)]).unwrap();
        assert_eq!(module.run(&mut [Arg::F64(9.0)]).unwrap(), Value::F64(3.0));
    }
}

#[test]
fn a_module_tells_what_it_has() {
    for engine in engines() {
        let text = "fn f(x, mut ys: [f32]) -> bool { true } const K = 1; fn g() { } K";
        let module = engine.compile(text).unwrap();
        let functions: Vec<String> = module.functions().map(|function| function.to_string()).collect();
        assert_eq!(functions, ["fn f(x: f64, mut ys: [f32]) -> bool", "fn g()"]);
        assert_eq!((module.source(), module.result(), module.inputs().len()), (text, Type::I64, 0));
        assert_eq!(module.is_jit(), engine.is_jit());
        assert_eq!(engine.compile("").unwrap().result(), Type::Unit);
    }
}

#[test]
fn inspection_finds_free_names_in_order() {
    for engine in engines() {
        let text = "fn f(x) = x * K; const K = 2; let y = 1; b * f(a) + y + b + PI + [c][0]";
        let found = engine.inspect(text).unwrap();
        let names: Vec<(&str, &str)> = found
            .free_names
            .iter()
            .map(|(name, span)| (name.as_str(), &text[span.start as usize..span.end as usize]))
            .collect();
        assert_eq!(names, [("b", "b"), ("a", "a"), ("c", "c")]);
        assert_eq!(found.free_names[0].1, Span::new(41, 42));
        assert_eq!(found.functions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["fn f(x: f64) -> f64"]);
        assert_eq!(engine.inspect("").unwrap().free_names, []);
        for (wrong, code) in [("1 +", "E0012"), ("fn f() = g;", "E0100"), ("const K = K;", "E0141")] {
            assert_eq!(engine.inspect(wrong).unwrap_err().diagnostics()[0].code, code, "{wrong}");
        }
        assert_eq!(engine.inspect_bytes(b"\xff").unwrap_err().diagnostics()[0].code, "E0002");
    }
}

#[test]
fn errors_are_data_and_text() {
    for engine in engines() {
        let error = engine.compile("let x = 1;\nx = 2; sqr(x)").unwrap_err();
        let codes: Vec<(&str, Span)> = error.diagnostics().iter().map(|d| (d.code, d.span)).collect();
        assert_eq!(codes, [("E0130", Span::new(11, 16)), ("E0101", Span::new(18, 21))]);
        assert_eq!(error.diagnostics()[1].help.as_deref(), Some("write `x^2`; the square root is `sqrt(x)`"));
        let text = error.to_string();
        assert!(
            text.starts_with("error[E0130]: ") && text.contains("formula:2:1") && !text.contains('\u{1b}'),
            "{text}"
        );
        let Error::Source(source) = &error else { panic!("{error:?}") };
        assert!(source.render("rules.txt", false).contains("rules.txt:2:8"));
        assert!(source.render("rules.txt", true).contains('\u{1b}'));
        assert!(error.trap().is_none());
        let trap = engine.eval::<i64>("[1, 2][1 + 1]").unwrap_err();
        assert_eq!(trap.to_string(), "OutOfBounds at bytes 0..13: 2 is outside an array of 2");
        assert!(trap.diagnostics().is_empty() && trap.trap().is_some());
        let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(trap);
        assert!(boxed.to_string().contains("OutOfBounds"));
        let many = engine.compile(&"y; ".repeat(100)).unwrap_err();
        assert!((1..=20).contains(&many.diagnostics().len()));
    }
}

#[test]
fn limits_on_texts_can_be_changed() {
    let mut config = Config::new();
    config.source.text = 100;
    config.source.nesting = 5;
    config.source.functions = 2;
    let engine = config.engine().unwrap();
    let code = |text: &str| engine.compile(text).err().map(|error| error.diagnostics()[0].code);
    assert_eq!(code(&" ".repeat(100)), None);
    assert_eq!(code(&" ".repeat(101)), Some("E0001"));
    assert_eq!(code("(((((1)))))"), None);
    assert_eq!(code("((((((1))))))"), Some("E0010"));
    assert_eq!(code("fn a() = 1; fn b() = 2;"), None);
    assert_eq!(code("fn a() = 1; fn b() = 2; fn c() = 3;"), Some("E0011"));
}
