//! Each way into a function, by how many registers its arguments take and where its result is: values and traps as the interpreter has them, and the host's registers as they
//! were, however the call ends.

use std::cell::RefCell;
use std::fmt::Debug;

use cresset::signature::Signature;
use cresset::{Config, Engine, Error, Execution, Func, Limits, TrapKind};

use crate::trap;

fn engine(execution: Execution) -> Engine {
    Config::new()
        .execution(execution)
        .limits(Limits::default().fuel(5_000))
        .host_fn("same", |x: i64| x)
        .engine()
        .expect("an engine")
}

/// Of every function a version that neither loops nor calls, one that loops, and one that calls the host.
const TEXT: &str = "
    fn int0(x) = div(100, i64(x));
    fn int1(a: i64) = div(100, a);
    fn int2(a: i64, b: i64) = div(a, b);
    fn int3(a: i64, b: i64, c: i64) = div(a + 10 * b, c);
    fn int4(a: i64, b: i64, c: i64, d: i64) = div(a + 10 * b + 100 * c, d);
    fn int5(a: i64, b: i64, c: i64, d: i64, e: i64) = div(a + 10 * b + 100 * c + 1000 * d, e);
    fn int6(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64) = div(a + 10 * b + 100 * c + 1000 * d + 10000 * e, f);
    fn int8(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64) = div(a + 10 * b + 100 * c + 1000 * d + 10000 * e + f - g, h);
    fn float0(x) = x / f64(div(1, i64(x)));
    fn float2(x, a: i64, y, b: i64) = x - y / f64(div(a, b));
    fn eight(a, b, c, d, e, f, g, h) = a - b * c + d * e - f * g + f64(div(3, i64(h)));
    fn mixed(a, i: i64, b, j: i64, c, k: i64, d, l: i64) = a - b * c + d * f64(div(i + j + k, l));
    fn truth(a: i64, b: i64) = div(a, b) > 3;
    fn nothing(mut xs: [i64], at: i64) { xs[at] = 7; }
    fn element(xs: [f64], at: i64) = xs[at];
    fn elements(mut xs: [i64], ys: [u8], at: i64) -> i64 { xs[at] = ys[at]; xs[at] + 1 }
    fn given(xs: [i64], from: i64) = xs[from..];
    fn inner(a: i64, b: i64) = div(a, b);
    fn middle(a: i64) = inner(a, a - 3) + 1;
    fn outer(a: i64) = middle(a) * 2;
    fn looping(a: i64, n: i64) -> i64 { var s = 0; for i in 0..n { s += div(a, n - i - a); } s }
    fn endless(n: i64) -> i64 { var s = 0; for i in 0..n { s = s ^ i; } s }
    fn hosted(a: i64, b: i64) = div(same(a), same(b));
    fn many(a: i64, x) -> f64 { var s = x; for i in 0..a { s = s * 0.5 + sqrt(f64(div(100, 40 - i))); } s }
";

/// Calls the function with both, by both engines, with and without a sandbox; the second one traps.
#[track_caller]
fn both<S>(
    name: &str,
    kind: TrapKind,
    call: impl Fn(&Func<S>, bool, Option<&mut cresset::Sandbox>) -> Result<S::Output, Error>,
) where
    S: Signature,
    S::Output: Debug,
{
    let (mut seen, mut fuel) = (None, None);
    for execution in [Execution::Interpreter, Execution::Jit] {
        let engine = engine(execution);
        let func: Func<S> = engine.compile(TEXT).expect("a program").func(name).expect(name);
        let mut sandbox = engine.sandbox(Limits::default().fuel(5_000)).expect("a sandbox");
        for _ in 0..2 {
            let values = (call(&func, false, None), call(&func, false, Some(&mut sandbox)));
            let left = sandbox.fuel_left();
            let values = format!("{values:?}");
            assert!(!values.contains("Err"), "{name}: {values}");
            let traps = [call(&func, true, None), call(&func, true, Some(&mut sandbox))].map(trap);
            assert!(traps.iter().all(|trap| trap.kind == kind), "{name}: {traps:?}");
            assert_eq!(traps[1].fuel_left, sandbox.fuel_left(), "{name}");
            let traps = format!("{traps:?}");
            assert_eq!(seen.get_or_insert_with(|| (values.clone(), traps.clone())), &(values, traps), "{name}");
            assert_eq!(*fuel.get_or_insert(left), left, "{name}");
        }
    }
}

macro_rules! both {
    ($name:literal, $signature:ty, $kind:ident, $values:expr, $traps:expr) => {
        both::<$signature>($name, TrapKind::$kind, |func, ends_badly, sandbox| match (ends_badly, sandbox) {
            (false, None) => func.call($values),
            (true, None) => func.call($traps),
            (false, Some(sandbox)) => func.call_in(sandbox, $values),
            (true, Some(sandbox)) => func.call_in(sandbox, $traps),
        });
    };
}

#[test]
fn every_way_in_and_out_is_the_interpreters() {
    both!("int0", fn(f64) -> i64, DivideByZero, 3.0, 0.5);
    both!("int1", fn(i64) -> i64, DivideByZero, 7, 0);
    both!("int2", fn(i64, i64) -> i64, DivideByZero, (7, 2), (7, 0));
    both!("int2", fn(i64, i64) -> i64, IntegerOverflow, (7, 2), (i64::MIN, -1));
    both!("int3", fn(i64, i64, i64) -> i64, DivideByZero, (7, 2, 3), (7, 2, 0));
    both!("int4", fn(i64, i64, i64, i64) -> i64, DivideByZero, (7, 2, 3, 2), (7, 2, 1, 0));
    both!("int5", fn(i64, i64, i64, i64, i64) -> i64, DivideByZero, (7, 2, 3, 4, 2), (7, 2, 1, 1, 0));
    both!("int6", fn(i64, i64, i64, i64, i64, i64) -> i64, DivideByZero, (7, 2, 3, 4, 5, 2), (7, 2, 1, 1, 1, 0));
    both!(
        "int8",
        fn(i64, i64, i64, i64, i64, i64, i64, i64) -> i64,
        DivideByZero,
        (7, 2, 3, 4, 5, 6, 7, 2),
        (7, 2, 1, 1, 1, 1, 1, 0)
    );
    both!("float0", fn(f64) -> f64, DivideByZero, 1.25, 0.25);
    both!("float2", fn(f64, i64, f64, i64) -> f64, DivideByZero, (1.5, 7, 0.3, 2), (1.5, 7, 0.3, 0));
    both!(
        "eight",
        fn(f64, f64, f64, f64, f64, f64, f64, f64) -> f64,
        DivideByZero,
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.1),
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    );
    both!(
        "mixed",
        fn(f64, i64, f64, i64, f64, i64, f64, i64) -> f64,
        DivideByZero,
        (0.1, 2, 0.3, 4, 0.5, 6, 0.7, 1),
        (0.1, 2, 0.3, 4, 0.5, 6, 0.7, 0)
    );
    both!("truth", fn(i64, i64) -> bool, DivideByZero, (7, 2), (7, 0));
    both!("nothing", fn(&mut [i64], i64), OutOfBounds, (&mut [1, 2, 3], 2), (&mut [1, 2, 3], 5));
    both!("element", fn(&[f64], i64) -> f64, OutOfBounds, (&[0.1, 0.2], 1), (&[0.1, 0.2], -4));
    both!(
        "elements",
        fn(&mut [i64], &[u8], i64) -> i64,
        OutOfBounds,
        (&mut [1, 2, 3], &[4, 5], 1),
        (&mut [1, 2, 3], &[4, 5], 2)
    );
    both!("given", fn(&[i64], i64) -> Vec<i64>, OutOfBounds, (&[1, 2, 3], 1), (&[1, 2, 3], 4));
    both!("outer", fn(i64) -> i64, DivideByZero, 5, 3);
    both!("looping", fn(i64, i64) -> i64, DivideByZero, (20, 10), (5, 10));
    both!("hosted", fn(i64, i64) -> i64, DivideByZero, (20, 10), (5, 0));
    both!("many", fn(i64, f64) -> f64, DivideByZero, (40, 0.1), (50, 0.1));
    both!("endless", fn(i64) -> i64, OutOfFuel, 40, 10_000);
}

/// Fills the registers that a callee gives back with numbers, calls, and gives zero where they still hold them.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "sysv64" fn changed(call: extern "C" fn()) -> u64 {
    std::arch::naked_asm!(
        "push rbp; push rbx; push r12; push r13; push r14; push r15; push rsp",
        "mov rbp, 101; mov rbx, 102; mov r12, 103; mov r13, 104; mov r14, 105; mov r15, 106",
        "call rdi",
        "pop rax; sub rax, rsp; sub rbp, 101; or rax, rbp; sub rbx, 102; or rax, rbx",
        "sub r12, 103; or rax, r12; sub r13, 104; or rax, r13; sub r14, 105; or rax, r14; sub r15, 106; or rax, r15",
        "pop r15; pop r14; pop r13; pop r12; pop rbx; pop rbp; ret",
    )
}

#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn changed(call: extern "C" fn()) -> u64 {
    std::arch::naked_asm!(
        "stp x29, x30, [sp, #-176]!; stp x19, x20, [sp, #16]; stp x21, x22, [sp, #32]; stp x23, x24, [sp, #48]",
        "stp x25, x26, [sp, #64]; stp x27, x28, [sp, #80]; stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]; stp d14, d15, [sp, #144]; mov x9, sp; str x9, [sp, #160]",
        "mov x19, #119; mov x20, #120; mov x21, #121; mov x22, #122; mov x23, #123; mov x24, #124; mov x25, #125",
        "mov x26, #126; mov x27, #127; mov x28, #128; fmov d8, x19; fmov d9, x20; fmov d10, x21; fmov d11, x22",
        "fmov d12, x23; fmov d13, x24; fmov d14, x25; fmov d15, x26",
        "blr x0",
        "ldr x0, [sp, #160]; mov x9, sp; sub x0, x0, x9; sub x9, x19, #119; orr x0, x0, x9; sub x9, x20, #120",
        "orr x0, x0, x9; sub x9, x21, #121; orr x0, x0, x9; sub x9, x22, #122; orr x0, x0, x9; sub x9, x23, #123",
        "orr x0, x0, x9; sub x9, x24, #124; orr x0, x0, x9; sub x9, x25, #125; orr x0, x0, x9; sub x9, x26, #126",
        "orr x0, x0, x9; sub x9, x27, #127; orr x0, x0, x9; sub x9, x28, #128; orr x0, x0, x9",
        "fmov x9, d8; sub x9, x9, #119; orr x0, x0, x9; fmov x9, d9; sub x9, x9, #120; orr x0, x0, x9",
        "fmov x9, d10; sub x9, x9, #121; orr x0, x0, x9; fmov x9, d11; sub x9, x9, #122; orr x0, x0, x9",
        "fmov x9, d12; sub x9, x9, #123; orr x0, x0, x9; fmov x9, d13; sub x9, x9, #124; orr x0, x0, x9",
        "fmov x9, d14; sub x9, x9, #125; orr x0, x0, x9; fmov x9, d15; sub x9, x9, #126; orr x0, x0, x9",
        "ldp x19, x20, [sp, #16]; ldp x21, x22, [sp, #32]; ldp x23, x24, [sp, #48]; ldp x25, x26, [sp, #64]",
        "ldp x27, x28, [sp, #80]; ldp d8, d9, [sp, #96]; ldp d10, d11, [sp, #112]; ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]; ldp x29, x30, [sp], #176; ret",
    )
}

thread_local! {
    static BODY: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

extern "C" fn run_body() {
    BODY.with_borrow(|body| body.as_ref().expect("a body")());
}

/// Whether the registers that a C function gives back are as before it.
fn keeps_registers(body: impl Fn() + 'static) -> bool {
    BODY.set(Some(Box::new(body)));
    // SAFETY: it is a C function, and `run_body` is one.
    unsafe { changed(run_body) == 0 }
}

#[test]
fn the_hosts_registers_are_as_they_were() {
    let module = engine(Execution::Jit).compile(TEXT).expect("a program");
    let two = |name| module.func::<fn(i64, i64) -> i64>(name).expect("a function");
    for func in ["int2", "looping", "hosted"].map(two) {
        for args in [(20, 10), (5, 10), (5, 0)] {
            let func = func.clone();
            assert!(keeps_registers(move || _ = std::hint::black_box(func.call(args))), "{args:?}");
        }
    }
    let float = module.func::<fn(f64, i64, f64, i64) -> f64>("float2").expect("a function");
    let nothing = module.func::<fn(&mut [i64], i64)>("nothing").expect("a function");
    let many = module.func::<fn(i64, f64) -> f64>("many").expect("a function");
    for n in [0, 2, 40, 50] {
        let (float, nothing, many) = (float.clone(), nothing.clone(), many.clone());
        assert!(keeps_registers(move || {
            let _ = std::hint::black_box((
                float.call((1.5, 7, 0.3, n)),
                nothing.call((&mut [1, 2, 3], n)),
                many.call((n, 0.5)),
            ));
        }));
    }
}
