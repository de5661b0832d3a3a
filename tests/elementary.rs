//! Elementary functions as machine code: in line or called, for usual and for rare arguments, the bits are those of the reference.

use cresset::opt::Passes;
use cresset::{Config, Engine, Error, Execution};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Usual arguments mostly; else any number.
    fn number(&mut self) -> f64 {
        const APART: [f64; 14] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            708.0,
            709.9,
            -745.2,
            1048576.0,
            1e300,
            5e-324,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
        ];
        match self.next() % 4 {
            0 => f64::from_bits(self.next()),
            1 => APART[self.next() as usize % APART.len()],
            _ => (self.next() >> 11) as f64 / (1_u64 << 50) as f64 - 4.0,
        }
    }
}

fn engines() -> Result<Vec<(&'static str, Engine)>, Error> {
    let engine = |execution, elementary| {
        let mut config = Config::new().execution(execution);
        config.passes = Passes { elementary, ..Passes::ALL };
        config.engine()
    };
    Ok(vec![
        ("interpreter", engine(Execution::Interpreter, true)?),
        ("called", engine(Execution::Jit, false)?),
        ("in line", engine(Execution::Jit, true)?),
    ])
}

/// Compares a program of two numbers on all engines.
fn compare(text: &str, rounds: usize) -> Result<(), Error> {
    let programs = engines()?
        .into_iter()
        .map(|(name, engine)| Ok((name, engine.compile(text)?.func::<fn(f64, f64) -> f64>("f")?)))
        .collect::<Result<Vec<_>, Error>>()?;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..rounds {
        let (x, y) = (random.number(), random.number());
        let mut expected = None;
        for (name, f) in &programs {
            let got = f.call((x, y))?.to_bits();
            let expected = *expected.get_or_insert(got);
            assert_eq!(got, expected, "{text} of {x:e}, {y:e}, {name}: {:e}", f64::from_bits(got));
        }
    }
    Ok(())
}

#[test]
fn every_function_gives_the_same_bits_in_line_and_called() -> Result<(), Error> {
    for one in [
        "exp", "exp2", "expm1", "ln", "log2", "log10", "log1p", "cbrt", "sin", "cos", "tan", "asin", "acos", "atan",
        "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc",
    ] {
        compare(&format!("fn f(x, y) = {one}(x);"), 2_000)?;
        // In line in loops only, and there where it cannot move out.
        compare(
            &format!(
                "fn f(x, y) {{ var r = 0.0; for i in 0..2 {{ r = {one}(if i == 0 {{ x }} else {{ y }}) + r; }} r }}"
            ),
            2_000,
        )?;
    }
    for two in ["x ^ y", "hypot(x, y)", "atan2(x, y)", "x % y"] {
        compare(&format!("fn f(x, y) = {two};"), 2_000)?;
    }
    Ok(())
}

#[test]
fn what_is_in_registers_stays_there() -> Result<(), Error> {
    // The fall-back is taken in the middle, with everything live around it.
    compare(
        "fn f(x, y) {
            var all = 0.0;
            for i in 0..2 {
                let a = (x + all) * 1.5; let b = y - 2.5 * i; let c = x + y * i; let d = x * y + i; let g = a - d; let h = b * c;
                let e = exp(a) + ln(b) * sin(c) - cos(d) + exp(g) * ln(h);
                all += e + a + b * 2.0 + c * 3.0 + d * 5.0 + g * 7.0 + h * 11.0;
            }
            all
        }",
        20_000,
    )?;
    compare(
        "fn f(x, y) {
            var total = 0.0;
            var n = 0;
            while n < 5 {
                let z = x * f64(n) + y;
                total = total * 0.5 + exp(z) + (if z < 1.0 { sin(z) } else { ln(z) }) + cos(y);
                n += 1;
            }
            total
        }",
        5_000,
    )?;
    // Called, outside a loop.
    compare(
        "fn f(x, y) = exp(x)+exp(y)+exp(x+1)+exp(y+1)+ln(x)+ln(y)+ln(x+1)+ln(y+1)+sin(x)+sin(y)+cos(x)+cos(y);",
        5_000,
    )
}
