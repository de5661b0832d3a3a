//! Batches: each text has its own outcome, and a module of a batch is a module like others.

use cresset::{Config, Engine, Error, Execution, TrapKind, Type, Value};

const NONE: &[(&str, Type)] = &[];
const X: &[(&str, Type)] = &[("x", Type::F64)];
const N: &[(&str, Type)] = &[("n", Type::I64)];

#[test]
fn each_text_has_its_own_inputs_and_outcome() {
    let long = format!("fn f(n: i64) = n; {} 0", "f(n) + ".repeat(20_000));
    let texts = [
        ("x * 2", X),
        ("n * 2", N),
        ("1 +", NONE),
        ("fn twice(x) = 2 * x;", NONE),
        ("y", X),
        ("", NONE),
        (&*long, N),
        ("sin(x) + twice(1)  fn twice(x) = 2 * x;", X),
        ("div(1, n)", N),
    ];
    for execution in [Execution::Auto, Execution::Interpreter] {
        let engine = Config::new().execution(execution).engine().unwrap();
        let modules = engine.compile_batch(texts);
        assert_eq!(modules.len(), texts.len());
        for (i, ((text, inputs), module)) in texts.iter().zip(&modules).enumerate() {
            match (module, engine.compile_with(text, inputs)) {
                (Ok(module), Ok(alone)) => {
                    assert_eq!(
                        (module.source(), module.inputs(), module.result()),
                        (*text, alone.inputs(), alone.result())
                    );
                    assert!(module.functions().eq(alone.functions()), "{i}");
                    assert_eq!(module.is_jit(), alone.is_jit());
                }
                (Err(Error::Source(error)), Err(Error::Source(alone))) => {
                    assert_eq!(error.diagnostics, alone.diagnostics)
                }
                (module, alone) => panic!("{i}: {module:?}, alone {alone:?}"),
            }
        }
        let get = |i: usize| modules[i].as_ref().unwrap();
        assert_eq!(get(0).program::<fn(f64) -> f64>().unwrap().call(1.5).unwrap(), 3.0);
        assert_eq!(get(1).program::<fn(i64) -> i64>().unwrap().call(4).unwrap(), 8);
        assert_eq!(get(3).func::<fn(f64) -> f64>("twice").unwrap().call(4.0).unwrap(), 8.0);
        assert_eq!(get(3).program::<fn()>().unwrap().call(()).unwrap(), ());
        assert_eq!(get(3).run(&mut []).unwrap(), Value::Unit);
        assert_eq!(get(6).program::<fn(i64) -> i64>().unwrap().call(1).unwrap(), 20_000);
        assert_eq!(get(7).program::<fn(f64) -> f64>().unwrap().call(0.0).unwrap(), 2.0);
        let error = get(8).program::<fn(i64) -> i64>().unwrap().call(0).unwrap_err();
        let trap = error.trap().unwrap();
        assert_eq!((trap.kind, trap.span.start), (TrapKind::DivideByZero, 0));
    }
}

#[test]
fn modules_of_a_batch_outlive_each_other_and_the_engine() {
    let texts: Vec<String> =
        (0..500).map(|i| format!("fn f(n: i64) -> i64 = if n < 1 {{ {i} }} else {{ f(n - 1) }}; f(3) + x")).collect();
    let engine = Engine::new().unwrap();
    let inputs = [("x", Type::I64)];
    let mut modules = engine.compile_batch(texts.iter().map(|text| (text.as_str(), &inputs[..])));
    drop(engine);
    let handle = modules.swap_remove(123).unwrap().program::<fn(i64) -> i64>().unwrap();
    let last = modules.pop().unwrap().unwrap();
    drop(modules);
    assert_eq!(handle.call(1).unwrap(), 124);
    let value = last.run(&mut [1.into()]);
    assert!(matches!(value, Ok(Value::I64(_))), "{value:?}");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|x| assert_eq!(handle.call(x).unwrap(), 123 + x)));
        }
    });
}
