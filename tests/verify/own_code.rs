//! All code of the corpus, for both machines.
//!
//! To look into rejections: `CRESSET_ALL=1` tells each of them, `CRESSET_EXPLAIN=1` what was known there; `CRESSET_CPU`, `CRESSET_TEXT` and `CRESSET_STRIDE` choose.

use crate::corpus;
use cresset::codegen::blob::CodeBlob;
use cresset::listing;
use cresset::opt::Passes;
use cresset::runtime::program::Signatures;
use cresset::sema::hir::FuncId;
use cresset::verify::{Addresses, Contract, Loops, Rejection, Verified, explain, verify};
use cresset::{Cpu, Engine, Type};
use std::collections::BTreeMap;

/// Where code and pool are taken to lie.
const AT: Addresses = Addresses { code: 0x7000_1230_0000, pool: 0x7000_2230_0000 };

pub const MACHINES: [Cpu; 3] = [Cpu::X86_64V3, Cpu::X86_64V4, Cpu::AArch64];

pub fn check(blob: &mut CodeBlob, signatures: &Signatures, cpu: Cpu, loops: Loops) -> Result<Verified, Rejection> {
    let (arch, _) = cpu.target().expect("a machine");
    blob.link(arch, AT.code, AT.pool).expect("within reach");
    verify(&contract(blob, signatures, cpu, loops), &blob.code, AT)
}

fn contract<'a>(blob: &'a CodeBlob, signatures: &'a Signatures, cpu: Cpu, loops: Loops) -> Contract<'a> {
    let (arch, features) = cpu.target().expect("a machine");
    Contract {
        arch,
        funcs: &blob.funcs,
        signatures: &signatures.funcs,
        sites: &blob.sites,
        pool: &blob.pool,
        vector_bytes: u32::from(features.lanes()) * 8,
        loops,
        recursive: signatures.recursive,
    }
}

fn explanation(blob: &CodeBlob, signatures: &Signatures, cpu: Cpu, loops: Loops) -> String {
    explain(&contract(blob, signatures, cpu, loops), &blob.code, AT)
}

/// A kernel's functions that go from row to row are its last ones.
fn rows(signatures: &Signatures) -> Loops {
    let is_last = signatures.funcs.last().is_some_and(|func| &*func.name == "lanes");
    Loops::Rows(FuncId(signatures.funcs.len() as u32 - 1 - u32::from(is_last)))
}

/// One in so many: none at all.
const NONE: usize = usize::MAX;

struct Tally {
    loops: Loops,
    accepted: usize,
    rejected: BTreeMap<String, (usize, String, usize, String)>,
}

impl Tally {
    fn new(loops: Loops) -> Tally {
        Tally { loops, accepted: 0, rejected: BTreeMap::new() }
    }

    fn take(&mut self, name: &str, code: Result<(CodeBlob, Signatures), cresset::Error>, cpu: Cpu) {
        if std::env::var("CRESSET_CPU").is_ok_and(|wanted| !format!("{cpu:?}").contains(&wanted)) {
            return;
        }
        let Ok((mut blob, signatures)) = code else { return };
        let loops = match self.loops {
            Loops::Rows(_) => rows(&signatures),
            loops => loops,
        };
        match check(&mut blob, &signatures, cpu, loops) {
            Ok(_) => self.accepted += 1,
            Err(rejection) => {
                if std::env::var_os("CRESSET_ALL").is_some() {
                    println!(
                        "== {cpu:?} {rejection} of {} bytes: {:?}",
                        blob.code.len(),
                        name.chars().take(3000).collect::<String>()
                    );
                    if std::env::var_os("CRESSET_EXPLAIN").is_some() {
                        println!("{}", explanation(&blob, &signatures, cpu, loops));
                    }
                }
                let key = format!("{cpu:?} {:?}", rejection.reason);
                let entry = self.rejected.entry(key).or_insert((0, String::new(), usize::MAX, String::new()));
                entry.0 += 1;
                if blob.code.len() < entry.2 {
                    entry.1 = format!("{rejection} of {:?}", name.chars().take(600).collect::<String>());
                    entry.2 = blob.code.len();
                    entry.3 = explanation(&blob, &signatures, cpu, loops);
                }
            }
        }
    }

    /// Everything was accepted but for one in so many for x86-64 and for AArch64; what was not is compiled in another way.
    fn finish(self, one_in: [usize; 2]) {
        for (key, (count, example, _, why)) in &self.rejected {
            if std::env::var_os("CRESSET_EXPLAIN").is_some() {
                println!("---- {key}\n{why}");
            }
            println!("{count:6} {key}: {example}");
        }
        println!("{} accepted", self.accepted);
        for (is_a64, one_in) in [false, true].into_iter().zip(one_in) {
            let of_machine = self.rejected.iter().filter(|(key, _)| key.starts_with("AArch64") == is_a64);
            let rejected: usize = of_machine.map(|(_, entry)| entry.0).sum();
            assert!(rejected.saturating_mul(one_in) <= self.accepted, "{rejected} rejected");
        }
    }
}

fn programs(engine: &Engine, tally: &mut Tally, texts: &[corpus::Typed]) {
    let wanted = std::env::var("CRESSET_TEXT").unwrap_or_default();
    let stride = std::env::var("CRESSET_STRIDE").ok().and_then(|stride| stride.parse().ok()).unwrap_or(1);
    for (text, inputs) in texts.iter().filter(|(text, _)| text.contains(&wanted)).step_by(stride) {
        let inputs: Vec<(&str, Type)> = inputs.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
        for cpu in [Cpu::X86_64V3, Cpu::AArch64] {
            tally.take(text, listing::code_with_signatures(engine, text, &inputs, cpu), cpu);
        }
    }
}

#[test]
fn programs_with_all_checks_are_accepted() {
    let mut tally = Tally::new(Loops::Metered);
    programs(&corpus::engine(Passes::ALL.with_all_checks(), true), &mut tally, &corpus::others());
    // What is rejected would be run by the interpreter, or not at all. One array of a large random program is not followed around a loop on AArch64.
    tally.finish([NONE, 10_000]);
}

#[test]
fn programs_are_accepted() {
    let mut tally = Tally::new(Loops::Metered);
    programs(&corpus::engine(Passes::ALL, true), &mut tally, &corpus::others());
    programs(&corpus::engine(Passes::ALL, true), &mut tally, &corpus::formulas());
    tally.loops = Loops::Free;
    programs(&corpus::engine(Passes::ALL, false), &mut tally, &corpus::others());
    tally.finish([2000, 1000]);
}

#[test]
fn kernels_are_accepted() {
    let mut tally = Tally::new(Loops::Rows(FuncId(0)));
    let engine = corpus::engine(Passes::ALL, true);
    let formulas = corpus::formulas();
    for text in formulas.iter().map(|(text, _)| text).chain(&corpus::kernels()).step_by(9) {
        let Ok(kernel) = engine.kernel(text) else { continue };
        for types in corpus::TYPES {
            for cpu in MACHINES {
                tally.take(text, kernel.code_with_signatures_for(types, cpu), cpu);
            }
        }
    }
    // Loops of lanes that `break` on some of them end by masks, which are not followed: such a kernel goes row by row.
    tally.finish([100, 100]);
}

/// Loops in a row and in each other, with frames larger than displacements reach: what holds at each head is found in a few walks, not one for each level.
#[test]
fn many_loops_are_accepted() {
    let nest = |count: usize, open: &dyn Fn(usize) -> String, body: &str| {
        let open: String = (0..count).map(open).collect();
        format!("var x = 0; {open} {body} {} x", "}".repeat(count))
    };
    let vars: String = (0..50).map(|n| format!("var v{n} = 0; ")).collect();
    let all: String = (0..60).map(|n| format!("v{n} += 1; ")).collect();
    let texts = [
        format!("var x = 0; {} x", "for i in 0..2 { x += i; }\n".repeat(1_500)),
        nest(200, &|_| "for i in 0..1 { ".to_owned(), "x += 1;"),
        nest(60, &|n| format!("var v{n} = 0; for i in 0..1 {{ "), &all),
        vars + &nest(200, &|n| format!("for i in 0..1 {{ v{} += v{}; ", n % 50, (n + 1) % 50), "v0 += 1;"),
    ];
    for passes in [Passes::ALL, Passes::ALL.with_all_checks()] {
        let mut tally = Tally::new(Loops::Metered);
        programs(&corpus::engine(passes, true), &mut tally, &texts.clone().map(|text| (text, Vec::new())));
        assert_eq!(tally.accepted, 2 * texts.len());
        tally.finish([NONE, NONE]);
    }
}
