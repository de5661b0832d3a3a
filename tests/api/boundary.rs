//! What crosses between host and program: NaNs, and the host's floating-point state.

use crate::engines;

const NAN: u64 = 0x7FF8_0000_0000_0000;

/// NaNs of every sort.
fn nans() -> [f64; 4] {
    [0x7FF0_0000_0000_0001, 0xFFF8_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0xFFF4_5678_9ABC_DEF0].map(f64::from_bits)
}

#[test]
fn a_nan_is_one_value() {
    for engine in engines() {
        let text = "fn same(x) = x; fn seen(x) = bits(x); fn sign_of(x) = copysign(1, x); fn negated(x) = -x;";
        let module = engine.compile(text).unwrap();
        for nan in nans() {
            assert_eq!(module.func::<fn(f64) -> f64>("same").unwrap().call(nan).unwrap().to_bits(), NAN);
            assert_eq!(module.func::<fn(f64) -> f64>("negated").unwrap().call(nan).unwrap().to_bits(), NAN);
            assert_eq!(module.func::<fn(f64) -> i64>("seen").unwrap().call(nan).unwrap() as u64, NAN);
            assert_eq!(module.func::<fn(f64) -> f64>("sign_of").unwrap().call(nan).unwrap(), 1.0);
        }
    }
}

#[test]
fn stored_nans_are_canonical_and_others_stay() {
    for engine in engines() {
        let text = "fn f(mut xs: [f64]) { xs[0] = xs[1]; } fn g(mut xs: [f32]) { xs[0] = xs[1]; }";
        let module = engine.compile(text).unwrap();
        for nan in nans() {
            let mut xs = [1.0, nan, nan];
            module.func::<fn(&mut [f64])>("f").unwrap().call(&mut xs).unwrap();
            assert_eq!(xs.map(f64::to_bits), [NAN, nan.to_bits(), nan.to_bits()]);
        }
        let nan = f32::from_bits(0xFFC1_2345);
        let mut xs = [1.0, nan];
        module.func::<fn(&mut [f32])>("g").unwrap().call(&mut xs).unwrap();
        assert_eq!(xs.map(f32::to_bits), [0x7FC0_0000, 0xFFC1_2345]);
    }
}

#[cfg(target_arch = "x86_64")]
fn mxcsr() -> u32 {
    let mut word = 0_u32;
    // SAFETY: writes the control word to a local variable.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack)) };
    word
}

#[cfg(target_arch = "x86_64")]
fn set_mxcsr(word: u32) {
    // SAFETY: all exceptions stay masked; the test sets it back.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, readonly)) };
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_hosts_rounding_changes_nothing_and_stays() {
    const STICKY: u32 = 0x3F;
    for engine in engines() {
        let text = "fn f(x, y) = x / y + sin(x) * 1e-310; fn g(n: i64) = f64(n); fn trap(n: i64) = div(1, n);";
        let module = engine.compile(text).unwrap();
        let f = module.func::<fn(f64, f64) -> f64>("f").unwrap();
        let g = module.func::<fn(i64) -> f64>("g").unwrap();
        let trap = module.func::<fn(i64) -> i64>("trap").unwrap();
        let usual = mxcsr();
        let expected = (f.call((1.0, 3.0)).unwrap(), g.call((1 << 53) + 1).unwrap());
        // Toward minus infinity, toward plus infinity, toward zero; then flushing subnormals.
        for bits in [0x2000, 0x4000, 0x6000, 0x8040] {
            set_mxcsr(usual | bits);
            let found = (f.call((1.0, 3.0)), g.call((1 << 53) + 1), trap.call(0));
            let late =
                engine.compile("0.1 + 0.2 + 1e-310").and_then(|module| module.program::<fn() -> f64>()?.call(()));
            let after = mxcsr();
            set_mxcsr(usual);
            assert_eq!((found.0.unwrap(), found.1.unwrap()), expected);
            assert!(found.2.is_err());
            assert_eq!(late.unwrap(), 0.1 + 0.2 + 1e-310);
            assert_eq!(after & !STICKY, (usual | bits) & !STICKY);
        }
    }
}
