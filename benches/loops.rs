//! Loops inside the language, one call each, beside the same by gcc and rustc.

mod workloads;

use cresset::signature::Signature;
use cresset::{Func, Limits, Sandbox};
use std::hint::black_box;
use workloads::clock::{Comparison, heading};
use workloads::native::Native;
use workloads::{L1, L2, L3, L4, L5, engine, numbers, reference};

/// The function of a text, by an engine that meters and one that does not.
fn both<S: Signature>(text: &str, name: &str) -> [Func<S>; 2] {
    [false, true].map(|metering| engine(metering).compile(text).and_then(|module| module.func(name)).expect(name))
}

fn sandbox() -> Sandbox {
    let limits = Limits { fuel: Some(u64::MAX / 2), ..Limits::default() };
    engine(true).sandbox(limits).expect("a sandbox")
}

fn main() {
    let native = Native::load();
    heading("ms");
    let scale = 1e6;
    let mut boxes = [sandbox(), sandbox()];

    // SAFETY (here and below): `native.c` defines the function with these parameters; pointers come with their lengths.
    macro_rules! workload {
        ($title:literal, $handle:expr, $c:expr, $rust:expr, |$f:ident, $sandbox:ident| $call:expr) => {{
            let [off, on] = $handle;
            let [sandbox_off, sandbox_on] = &mut boxes;
            let mut comparison = Comparison::new($title, 1);
            if let Some(native) = &native {
                comparison = comparison.add("gcc -O3", move || _ = black_box($c(native)));
            }
            comparison
                .add("rustc", || _ = black_box($rust))
                .add("cresset, metering off", || {
                    let ($f, $sandbox) = (&off, &mut *sandbox_off);
                    _ = black_box($call);
                })
                .add("cresset", || {
                    let ($f, $sandbox) = (&on, &mut *sandbox_on);
                    _ = black_box($call);
                })
                .report(scale);
        }};
    }

    workload!(
        "L1 Mandelbrot",
        both::<fn(i64) -> i64>(L1, "total"),
        // SAFETY: see above.
        |native: &Native| unsafe { (native.l1)(black_box(256)) },
        reference::l1(black_box(256)),
        |f, sandbox| f.call_in(sandbox, 256)
    );

    let xs = &*numbers(1_000_000, -1.0, 1.0, 1);
    workload!(
        "L2 sum of squares",
        both::<fn(&[f64]) -> f64>(L2, "total"),
        // SAFETY: see above.
        |native: &Native| unsafe { (native.l2)(xs.as_ptr(), xs.len() as i64) },
        reference::l2(xs),
        |f, sandbox| f.call_in(sandbox, xs)
    );

    workload!(
        "L3 fib(32)",
        both::<fn(i64) -> i64>(L3, "fib"),
        // SAFETY: see above.
        |native: &Native| unsafe { (native.l3)(black_box(32)) },
        reference::l3(black_box(32)),
        |f, sandbox| f.call_in(sandbox, 32)
    );

    let mut sieves = [(); 4].map(|()| vec![false; 2_000_000]);
    let [for_c, for_rust, for_off, for_on] = &mut sieves;
    let [off, on] = both::<fn(&mut [bool]) -> i64>(L4, "primes");
    let mut comparison = Comparison::new("L4 sieve", 1);
    if let Some(native) = &native {
        comparison = comparison.add("gcc -O3", || {
            for_c.fill(false);
            // SAFETY: see above; a `bool` is a byte, and only 1 is stored.
            _ = black_box(unsafe { (native.l4)(for_c.as_mut_ptr().cast(), for_c.len() as i64) });
        });
    }
    let [sandbox_off, sandbox_on] = &mut boxes;
    comparison
        .add("rustc", || {
            for_rust.fill(false);
            _ = black_box(reference::l4(for_rust));
        })
        .add("cresset, metering off", || {
            for_off.fill(false);
            _ = black_box(off.call_in(sandbox_off, for_off));
        })
        .add("cresset", || {
            for_on.fill(false);
            _ = black_box(on.call_in(sandbox_on, for_on));
        })
        .report(scale);

    workload!(
        "L5 Collatz",
        both::<fn(i64) -> i64>(L5, "longest"),
        // SAFETY: see above.
        |native: &Native| unsafe { (native.l5)(black_box(300_000)) },
        reference::l5(black_box(300_000)),
        |f, sandbox| f.call_in(sandbox, 300_000)
    );
}
