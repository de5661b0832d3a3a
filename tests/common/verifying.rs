//! Generated code with something changed, before the verifier: what it accepts does no harm, whatever is chosen for what it does not follow.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use crate::step_machine::{Code, End, Escape, Random, StepMachine};
use cresset::codegen::blob::{CodeBlob, FuncCode};
use cresset::kernel::InputType;
use cresset::opt::Passes;
use cresset::runtime::program::Signatures;
use cresset::sema::hir::FuncId;
use cresset::verify::a64::A64Decoder;
use cresset::verify::x64::X64Decoder;
use cresset::verify::{Addresses, Contract, Loops, Rejection, verify};
use cresset::{Config, Cpu, Elem, Engine, Execution, Type, listing};

/// Where code and pool are taken to lie.
pub const AT: Addresses = Addresses { code: 0x7000_1230_0000, pool: 0x7000_1240_0000 };

/// Small programs with each sort of access, loop, call, frame and trap.
pub const PROGRAMS: &[&str] = &[
    "fn f(xs: [f64], i: i64) = xs[i];",
    "fn f(mut ns: [i32], bs: [u8], i: i64) { ns[i] = bs[i + 1]; }",
    "fn f(xs: [f64]) -> f64 { var s = 0.0; for i in 0..len(xs) { s += xs[i]; } s }",
    "fn f(mut xs: [f64], n: i64) { var i = 0; while i < n { if i % 3 == 1 { xs[i] = f64(i); } i += 2; } }",
    "fn f(n: i64) -> i64 { if n < 2 { n } else { f(n - 1) + f(n - 2) } }",
    "fn g(xs: [f64], a: i64) -> [f64] { xs[a..] } fn f(xs: [f64], a: i64) -> f64 { let part = g(xs, a); part[0] + part[1] }",
    "fn f(n: i64) -> i64 { var t = 0; for i in 0..n { let ys = [i; 3]; t += ys[i % 3] + len(ys); } t }",
    "fn f(x, y) = sin(x) * y + atan2(x, y);",
    "fn f(a: i64, b: i64) -> i64 { div(a, b) + gcd(a, b) + rotl(a, b) % 7 }",
    "fn f(xs: [f64], mut ys: [f64], a: i64, b: i64) -> f64 { let part = xs[a..b]; fill(ys, sum(part)); dot(xs, ys) + part[1] }",
    "fn f(ys: [f32], bs: [bool], ns: [i64], i: i64) -> f64 { if bs[i] { ys[i] } else { f64(ns[len(ns) - 1]) } }",
    "fn f(x) = x + 1;",
];

/// Formulas over columns: their functions of one row at a time and of several.
pub const FORMULAS: &[&str] = &[
    "x * y + 1",
    "fs[n] + x",
    "if x > 0 { sqrt(x) } else { ks[bit_and(n, 3)] * y }",
    "{ var s = 0.0; for i in 0..5 { s += fs[i] * x; } s }",
    "div(n, m) + (if b { 1 } else { 2 })",
    "{ var s = 0; for i in 0..min(n, 3) { for j in 0..2 { if x > y { break; } s += j; } } s }",
];

/// Code with all that a verifier must know of it.
pub struct Subject {
    pub name: String,
    pub cpu: Cpu,
    pub blob: CodeBlob,
    pub signatures: Signatures,
    /// Which loops take fuel.
    pub loops: Loops,
}

impl Subject {
    pub fn new(name: &str, cpu: Cpu, code: (CodeBlob, Signatures), loops: Loops) -> Subject {
        let (mut blob, signatures) = code;
        let (arch, _) = cpu.target().expect("a machine");
        blob.link(arch, AT.code, AT.pool).expect("within reach");
        Subject { name: name.to_owned(), cpu, blob, signatures, loops }
    }

    pub fn contract(&self) -> Contract<'_> {
        let (arch, features) = self.cpu.target().expect("a machine");
        Contract {
            arch,
            funcs: &self.blob.funcs,
            signatures: &self.signatures.funcs,
            sites: &self.blob.sites,
            pool: &self.blob.pool,
            vector_bytes: u32::from(features.lanes()) * 8,
            loops: self.loops,
            recursive: self.signatures.recursive,
        }
    }

    /// What the verifier says of such bytes in its place.
    pub fn verify(&self, code: &[u8]) -> Result<(), Rejection> {
        verify(&self.contract(), code, AT).map(drop)
    }

    /// The bytes, decoded.
    pub fn decoded(&self, code: &[u8]) -> Option<Code> {
        let pool_len = self.blob.pool.len() as u64 * 8;
        match self.cpu {
            Cpu::AArch64 => Code::of(&A64Decoder::new(AT.code, AT.pool, pool_len), code),
            cpu => Code::of(&X64Decoder::new(AT.code, AT.pool..AT.pool + pool_len, cpu == Cpu::X86_64V4), code),
        }
    }

    /// Any bytes in the place of the first function, which is all there is.
    fn replaced(&self, code: &[u8]) {
        let Some(first) = self.blob.funcs.first() else { return };
        let funcs = [FuncCode { start: 0, end: code.len() as u32, ..first.clone() }];
        let contract = Contract { funcs: &funcs, ..self.contract() };
        if verify(&contract, code, AT).is_err() {
            return;
        }
        let decoded = self.decoded(code).expect("accepted, so that it decodes");
        for time in 0..12 {
            if let Err(escape) = StepMachine::run(&contract, &decoded, 0, Random(time)) {
                panic!("{:?} {}: {} at {:#x}", self.cpu, self.name, escape.what, escape.offset);
            }
        }
    }

    /// Runs accepted code from each of its functions so many times.
    pub fn run(&self, code: &[u8], times: u64, seed: u64) -> Result<[u32; 3], Escape> {
        let contract = self.contract();
        let Some(decoded) = self.decoded(code) else {
            return Err(Escape { offset: 0, what: "accepted, and not decoded".to_owned() });
        };
        let mut ends = [0; 3];
        for func in 0..contract.funcs.len() {
            for time in 0..times {
                let random = Random(seed ^ time.wrapping_mul(0x1234_5678_9ABC_DEF1) ^ (func as u64) << 56);
                let end = StepMachine::run(&contract, &decoded, func, random)?;
                ends[match end {
                    End::Returned => 0,
                    End::Stopped => 1,
                    End::Cut => 2,
                }] += 1;
            }
        }
        Ok(ends)
    }
}

fn engine(passes: Passes) -> Engine {
    let mut config = Config::new().execution(Execution::Interpreter);
    config.passes = passes;
    config.engine().expect("an engine")
}

/// Code of all programs and formulas for all machines.
pub fn subjects() -> Vec<Subject> {
    let mut all = Vec::new();
    for (passes, how) in [(Passes::ALL, ""), (Passes::NONE, " as it stands")] {
        let engine = engine(passes);
        for text in PROGRAMS {
            for cpu in [Cpu::X86_64V3, Cpu::AArch64] {
                let code = listing::code_with_signatures(&engine, text, &[], cpu).expect(text);
                all.push(Subject::new(&format!("{text}{how}"), cpu, code, Loops::Metered));
            }
        }
    }
    let engine = engine(Passes::ALL);
    let types = [
        ("x", InputType::Column(Elem::F64)),
        ("y", InputType::Column(Elem::F32)),
        ("n", InputType::Column(Elem::I64)),
        ("m", InputType::Scalar(Type::I64)),
        ("b", InputType::Column(Elem::Bool)),
        ("fs", InputType::Scalar(Type::Array(Elem::F64))),
        ("ks", InputType::Scalar(Type::Array(Elem::I32))),
    ];
    for text in FORMULAS {
        let kernel = engine.kernel(text).expect(text);
        for cpu in [Cpu::X86_64V3, Cpu::X86_64V4, Cpu::AArch64] {
            let code = kernel.code_with_signatures_for(&types, cpu).expect(text);
            // A kernel's functions that go from row to row are its last ones.
            let funcs = &code.1.funcs;
            let is_last = funcs.last().is_some_and(|func| &*func.name == "lanes");
            let rows = Loops::Rows(FuncId(funcs.len() as u32 - 1 - u32::from(is_last)));
            all.push(Subject::new(text, cpu, code, rows));
        }
    }
    all
}

/// What the fuzzer's bytes stand for: which code, then changes of it, which also choose what is done where no rule follows. From 128 on: the bytes themselves are a
/// function's code, in the place of that one's.
pub fn check(data: &[u8]) {
    thread_local!(static ALL: Vec<Subject> = subjects());
    let Some((which, rest)) = data.split_first() else { return };
    ALL.with(|all| {
        let subject = &all[usize::from(*which & 127) % all.len()];
        if *which >= 128 {
            return subject.replaced(rest);
        }
        let mut code = subject.blob.code.clone();
        let mut seed = 0;
        for change in rest.chunks_exact(4) {
            let at = (usize::from(change[1]) | usize::from(change[2]) << 8) % code.len().max(1);
            change_code(subject, &mut code, change[0], at, change[3]);
            seed = seed << 8 ^ u64::from(change[3]) ^ seed >> 48;
        }
        if subject.verify(&code).is_ok()
            && let Err(escape) = subject.run(&code, 12, seed)
        {
            panic!("{:?} {}: {} at {:#x}", subject.cpu, subject.name, escape.what, escape.offset);
        }
    });
}

fn change_code(subject: &Subject, code: &mut [u8], how: u8, at: usize, by: u8) {
    match how % 5 {
        0 => code[at] ^= by,
        1 => code[at] = by,
        2 => {
            // A word from elsewhere.
            let from = usize::from(by) * 4 % code.len();
            let word: Vec<u8> = code[from..].iter().take(4).copied().collect();
            let at = if subject.cpu == Cpu::AArch64 { at & !3 } else { at };
            code[at..].iter_mut().zip(word).for_each(|(byte, new)| *byte = new);
        }
        3 => {
            let number = NUMBERS[usize::from(by) % NUMBERS.len()].to_le_bytes();
            code[at..].iter_mut().zip(number).for_each(|(byte, new)| *byte = new);
        }
        _ => {
            let at = at & !3;
            if let Some(word) = code.get_mut(at..at + 4) {
                let register = u32::from(by & 31);
                let field = [0, 5, 16, 10][usize::from(by >> 5) % 4];
                let new = u32::from_le_bytes([word[0], word[1], word[2], word[3]]) & !(31 << field) | register << field;
                word.copy_from_slice(&new.to_le_bytes());
            }
        }
    }
}

/// Immediates and displacements that are tried everywhere.
pub const NUMBERS: [i32; 12] = [0, 1, -1, 4, 8, 16, 24, -8, 4096, 0x100, i32::MAX, i32::MIN];
