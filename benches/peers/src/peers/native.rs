//! C by gcc, compiled before: a call goes through a pointer.

use crate::peer::{CHAINS, Formula, HOST_CALLS, Loop, Map, Peer, Run, SIEVED, Sum, half_in_c, sum_by_code, summed};
use crate::workloads::native::{Native, NativeColumns};
use std::hint::black_box;

pub struct Gcc {
    native: Native,
    columns: NativeColumns,
    fast: bool,
}

impl Gcc {
    pub fn all() -> impl Iterator<Item = Box<dyn Peer>> {
        let variants: [(&[&str], bool); 2] = [(&[], false), (&["-ffast-math"], true)];
        variants.into_iter().filter_map(|(options, fast)| {
            // Loading what `-ffast-math` made turns subnormal numbers off in the thread that loads it.
            let columns = std::thread::spawn(move || NativeColumns::load(options)).join().ok()??;
            Some(Box::new(Gcc { native: Native::load()?, columns, fast }) as Box<dyn Peer>)
        })
    }
}

extern "C" fn next(x: f64) -> f64 {
    x + 1.0
}

impl Peer for Gcc {
    fn name(&self) -> &'static str {
        if self.fast { "gcc -ffast-math" } else { "gcc -O3" }
    }

    fn compiles(&self) -> bool {
        false
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let code = match formula.title {
            _ if self.fast => return None,
            "S1" => self.native.s1 as *const u8,
            "S2" => self.native.s2 as *const u8,
            "S3" => self.native.s3 as *const u8,
            "S4" => self.native.s4 as *const u8,
            title if title.starts_with("entry") => next as *const u8,
            _ => return None,
        };
        // SAFETY: `native.c` defines them with as many parameters as the formula has inputs; it is never unloaded.
        unsafe { sum_by_code(black_box(code), formula.names.len(), ()) }
    }

    // SAFETY (here and below): `native.c` defines the function with these parameters; pointers come with their lengths.
    fn program(&mut self, which: Loop) -> Option<Run> {
        if self.fast {
            return None;
        }
        macro_rules! integer {
            ($name:ident, $n:expr) => {{
                let f = self.native.$name;
                // SAFETY: as above.
                Box::new(move || unsafe { f(black_box($n)) as f64 })
            }};
        }
        Some(match which {
            Loop::L1 => integer!(l1, 256),
            Loop::L3 => integer!(l3, 32),
            Loop::L5 => integer!(l5, CHAINS),
            Loop::L2 => {
                let (f, xs) = (self.native.l2, summed());
                // SAFETY: as above.
                Box::new(move || unsafe { f(xs.as_ptr(), xs.len() as i64) })
            }
            Loop::L4 => {
                let (f, mut composite) = (self.native.l4, vec![0u8; SIEVED]);
                Box::new(move || {
                    composite.fill(0);
                    // SAFETY: as above.
                    unsafe { f(composite.as_mut_ptr(), composite.len() as i64) as f64 }
                })
            }
            Loop::Host => return None,
            // By rustc, as gcc would.
            Loop::HostPointer => Box::new(|| {
                let f = black_box(half_in_c as extern "C" fn(f64) -> f64);
                (0..black_box(HOST_CALLS)).fold(0.0, |sum, _| f(sum) + 1.0)
            }),
            Loop::NoHost => Box::new(|| (0..black_box(HOST_CALLS)).fold(0.0, |sum, _| black_box(0.5) * sum + 1.0)),
        })
    }

    fn map<'a>(&mut self, formula: &Formula, columns: &'a [Vec<f64>]) -> Option<Map<'a>> {
        macro_rules! map {
            ($name:ident, $($x:ident),+) => {{
                let f = self.columns.$name;
                let [$($x),+] = columns else { return None };
                // SAFETY: `columns.c` defines the function with these parameters; the columns and the output have so many rows.
                Box::new(move |out: &mut [f64]| unsafe { f(out.len() as i64, $($x.as_ptr(),)+ out.as_mut_ptr()) })
            }};
        }
        Some(match formula.title {
            "C1" => map!(c1, a, b, c),
            "C2" => map!(c2, x, y, z),
            "C3" => map!(c3, x, y, z),
            "C4" => map!(c4, x, y, z),
            "C5" => map!(c5, x),
            "C7" => map!(c7, s, k, r, sigma, t),
            _ => return None,
        })
    }
}
