//! Generated code with a few of its bytes changed, or any bytes at all, before the verifier's decoders: they answer, and stay inside.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use cresset::verify::a64::A64Decoder;
use cresset::verify::step::Decode;
use cresset::verify::x64::X64Decoder;
use cresset::{Config, Cpu, Engine, Execution, listing};

const CODE: u64 = 0x10_0000;
const POOL: u64 = 0x4000_0000;
const POOL_LEN: u64 = 4096;

const TEXTS: [&str; 5] = [
    "fn f(xs: [f64], i: i64) = xs[i] * 2 + sin(xs[0]); f([1.0, 2.0], 1)",
    "fn f(n: i64) -> i64 { if n < 2 { n } else { f(n - 1) + f(n - 2) } } f(9)",
    "var s = 0; var xs = [1, 2, 3]; for i in 0..len(xs) { xs[i] += div(s, i + 1); s += xs[i]; } s",
    "var x = 0.5; while x < 100 { x = x * x + 1.25 - floor(x); } i64(x) % 7",
    "fn f(ys: [f32], bs: [u8], ns: [i32]) = ys[0] + bs[1] + ns[2]; 1",
];

/// Code of each machine, its references to a pool completed.
fn all_code() -> Vec<(Cpu, Vec<u8>)> {
    let engine: Engine = Config::new().execution(Execution::Interpreter).engine().expect("an engine");
    let cpus = [Cpu::X86_64V3, Cpu::X86_64V4, Cpu::AArch64];
    let mut all = Vec::new();
    for (text, cpu) in TEXTS.iter().flat_map(|text| cpus.map(|cpu| (text, cpu))) {
        let mut blob = listing::code(&engine, text, &[], cpu).expect("a right program");
        let (arch, _) = cpu.target().expect("a machine by its name");
        blob.link(arch, CODE, POOL).expect("within reach");
        all.push((cpu, blob.code));
    }
    all
}

/// Decodes what the bytes stand for, at each place where an instruction may begin.
pub fn check(data: &[u8]) {
    thread_local!(static ALL: Vec<(Cpu, Vec<u8>)> = all_code());
    let Some((kind, rest)) = data.split_first() else { return };
    ALL.with(|all| match all.get(usize::from(*kind)) {
        Some((cpu, code)) => {
            let mut code = code.clone();
            for change in rest.chunks_exact(3) {
                let at = (usize::from(change[0]) | usize::from(change[1]) << 8) % code.len();
                code[at] ^= change[2];
            }
            let accepted = decode(*cpu, &code);
            if rest.len() < 3 {
                assert!(accepted, "code of {cpu:?} is not decoded");
            }
        }
        None => {
            for cpu in [Cpu::X86_64V3, Cpu::X86_64V4, Cpu::AArch64] {
                decode(cpu, rest);
            }
        }
    });
}

/// Whether all of the code is decoded, one instruction after the other from its start.
fn decode(cpu: Cpu, code: &[u8]) -> bool {
    let pool = POOL..POOL + POOL_LEN;
    match cpu {
        Cpu::AArch64 => decode_with(&A64Decoder::new(CODE, POOL, POOL_LEN), code, 4),
        _ => decode_with(&X64Decoder::new(CODE, pool, cpu == Cpu::X86_64V4), code, 1),
    }
}

fn decode_with(decoder: &impl Decode, code: &[u8], step: usize) -> bool {
    let mut next = 0;
    for offset in (0..code.len()).step_by(step) {
        let decoded = decoder.decode(code, offset as u32);
        if let Ok(decoded) = &decoded {
            let (len, left) = (decoded.len as usize, code.len() - offset);
            assert!(len >= step && len % step == 0 && len <= left, "{len} bytes at {offset} of {}", code.len());
            if offset == next {
                next += len;
            }
        }
    }
    next == code.len()
}
