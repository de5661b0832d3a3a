//! What is told to the verifier beside the code is not trusted either: tables that do not fit the code are rejected. And any bytes, any number of them, are answered for in time that grows with
//! their number.

use crate::step_machine::Random;
use crate::verifying::{AT, Subject, subjects};
use cresset::Cpu;
use cresset::codegen::blob::{PoolEntry, SiteKind};
use cresset::runtime::helper::Helper;
use cresset::trap::TrapKind;
use cresset::verify::{Addresses, Contract, Loops, Reason, Rejection, verify};
use std::time::{Duration, Instant};

fn accepted() -> impl Iterator<Item = Subject> {
    subjects().into_iter().filter(|subject| subject.verify(&subject.blob.code).is_ok())
}

fn verdict(subject: &Subject) -> Result<(), Rejection> {
    subject.verify(&subject.blob.code)
}

/// Changes tables in each way that `change` knows, until it knows no more; every one is rejected, but for a few that do no harm; and there are at least so many.
fn all_rejected(what: &str, at_least: usize, mut change: impl FnMut(&mut Subject, usize) -> bool) {
    let (mut tried, mut accepted) = (0, 0);
    for subject in self::accepted() {
        for number in 0.. {
            let mut changed = Subject {
                blob: subject.blob.clone(),
                name: subject.name.clone(),
                signatures: again(&subject),
                ..subject
            };
            if !change(&mut changed, number) {
                break;
            }
            tried += 1;
            if verdict(&changed).is_ok() {
                // Control never comes to what was changed, or it does the same.
                accepted += 1;
                let escape = changed.run(&changed.blob.code, 60, number as u64).err();
                assert!(escape.is_none(), "{what} {number} of {:?} {}: {escape:?}", changed.cpu, changed.name);
            }
        }
    }
    println!("{what}: {} rejected, {accepted} do no harm", tried - accepted);
    assert!(tried >= at_least && accepted * 20 <= tried, "{what}: {accepted} of {tried}");
}

fn again(subject: &Subject) -> cresset::runtime::program::Signatures {
    let signatures = &subject.signatures;
    cresset::runtime::program::Signatures {
        funcs: signatures.funcs.clone(),
        main: signatures.main,
        recursive: signatures.recursive,
    }
}

#[test]
fn entries_moved_are_rejected() {
    all_rejected("an entry moved", 60, |subject, number| {
        let Some(func) = subject.blob.funcs.get_mut(number / 4) else { return false };
        let step = if subject.cpu == Cpu::AArch64 { 4 } else { 1 };
        match number % 4 {
            0 => func.start += step,
            1 => func.start += 1,
            2 => func.end -= step,
            _ => func.end += step,
        }
        true
    });
}

#[test]
fn sites_moved_lost_or_of_another_kind_are_rejected() {
    all_rejected("a site", 100, |subject, number| {
        let at = number / 5;
        let Some(site) = subject.blob.sites.get_mut(at) else { return false };
        match number % 5 {
            0 => site.ret += 1,
            1 => site.ret -= 1,
            2 => _ = subject.blob.sites.remove(at),
            3 => {
                site.kind = match site.kind {
                    SiteKind::Trap(_) | SiteKind::HelperTrap => SiteKind::Helper,
                    SiteKind::Helper => SiteKind::Trap(TrapKind::OutOfBounds),
                    _ => SiteKind::HelperTrap,
                }
            }
            _ => {
                site.kind = match site.kind {
                    SiteKind::PollLoop | SiteKind::PollCall(_) => SiteKind::Trap(TrapKind::OutOfFuel),
                    _ => SiteKind::PollLoop,
                }
            }
        }
        true
    });
}

#[test]
fn frames_told_otherwise_are_rejected_where_somebody_relies_on_them() {
    // Where nothing walks over the stack, a frame told larger than it is does no harm.
    all_rejected("a frame told smaller", 40, |subject, number| {
        let large = subject.blob.funcs.iter_mut().filter(|func| func.frame_size > 0).nth(number / 2);
        let Some(func) = large else { return false };
        func.frame_size = if number % 2 == 0 { 0 } else { func.frame_size - 8 };
        true
    });
    all_rejected("a frame told larger, with a call", 4, |subject, number| {
        let calls: Vec<u32> = subject
            .blob
            .sites
            .iter()
            .filter(|site| matches!(site.kind, SiteKind::Call(_)))
            .map(|site| site.ret)
            .collect();
        let with_call = |func: &&mut cresset::codegen::blob::FuncCode| {
            calls.iter().any(|ret| (func.start + 1..=func.end).contains(ret))
        };
        let Some(func) = subject.blob.funcs.iter_mut().filter(with_call).nth(number) else { return false };
        func.frame_size += 16;
        true
    });
}

#[test]
fn runtime_functions_put_in_the_place_of_others_are_rejected() {
    all_rejected("a word of the pool", 60, |subject, number| {
        let others = [
            PoolEntry::Bits(0x4141_4141_4141),
            PoolEntry::Helper(Helper::Rare),
            PoolEntry::Helper(Helper::Poll),
            PoolEntry::Helper(Helper::Trap),
        ];
        let helpers = subject.blob.pool.iter_mut().filter(|entry| matches!(entry, PoolEntry::Helper(_)));
        let Some(entry) = { helpers }.nth(number / others.len()) else { return false };
        let other = others[number % others.len()];
        // The same again is no change.
        *entry = if *entry == other { PoolEntry::Bits(7) } else { other };
        true
    });
}

#[test]
fn what_functions_are_told_to_be_is_held_against_their_code() {
    // A function that uses the context is none that a host may call as a C function.
    all_rejected("told to be pure", 20, |subject, number| {
        let others = subject.blob.funcs.iter_mut().filter(|func| !func.is_pure);
        let with_sites = !subject.blob.sites.iter().all(|site| site.kind == SiteKind::Helper);
        let Some(func) = { others }.nth(number).filter(|_| with_sites) else { return false };
        func.is_pure = true;
        true
    });
    // One that has floats is none that any floating-point environment will do for.
    all_rejected("told to have no floats", 20, |subject, number| {
        let Some(func) = subject.blob.funcs.iter_mut().filter(|func| func.has_floats).nth(number) else { return false };
        func.has_floats = false;
        true
    });
    // One that takes arrays that it may write to is none that takes them to read, or longer elements.
    all_rejected("told to write nothing", 6, |subject, number| {
        if !subject.name.contains("mut ") {
            return false;
        }
        let funcs = &mut subject.signatures.funcs;
        let mut params = funcs.iter_mut().flat_map(|func| func.params.iter_mut()).filter(|param| param.mutable);
        let Some(param) = params.nth(number) else { return false };
        param.mutable = false;
        true
    });
    all_rejected("told not to be recursive", 4, |subject, number| {
        let is = number == 0 && subject.signatures.recursive;
        subject.signatures.recursive = false;
        is
    });
}

#[test]
fn loops_without_fuel_are_rejected_where_they_need_it() {
    let engine = cresset::Config::new().execution(cresset::Execution::Interpreter).metering(false).engine().unwrap();
    let text = "fn f(xs: [f64]) -> f64 { var s = 0.0; for i in 0..len(xs) { s += xs[i]; } s }";
    for cpu in [Cpu::X86_64V3, Cpu::AArch64] {
        let code = || cresset::listing::code_with_signatures(&engine, text, &[], cpu).unwrap();
        let free = Subject::new(text, cpu, code(), Loops::Free);
        assert_eq!(verdict(&free), Ok(()));
        let metered = Subject::new(text, cpu, code(), Loops::Metered);
        assert_eq!(verdict(&metered).map_err(|rejection| rejection.reason), Err(Reason::Endless));
    }
}

#[test]
fn code_that_ends_in_the_midst_is_rejected() {
    for subject in accepted() {
        for len in 0..subject.blob.code.len() {
            assert!(
                subject.verify(&subject.blob.code[..len]).is_err(),
                "{len} bytes of {:?} {}",
                subject.cpu,
                subject.name
            );
        }
        let longer = [&subject.blob.code[..], &[0xCC; 4]].concat();
        assert!(subject.verify(&longer).is_err(), "{:?} {}", subject.cpu, subject.name);
    }
}

fn some_contract(subject: &Subject, len: usize) -> (Vec<cresset::codegen::blob::FuncCode>, Vec<u8>) {
    let mut func = subject.blob.funcs[0].clone();
    (func.start, func.end) = (0, len as u32);
    (vec![func], vec![0; len])
}

#[test]
fn any_bytes_are_answered() {
    let mut random = Random(9);
    let subjects: Vec<Subject> = accepted().collect();
    let mut accepted = 0;
    for round in 0..6000 {
        let subject = &subjects[round % subjects.len()];
        let (funcs, mut code) = some_contract(subject, random.below(200));
        // Half of them are words of real code in any order, which get further than the first instruction.
        let own = &subject.blob.code;
        if round % 2 == 0 {
            code.iter_mut().for_each(|byte| *byte = random.next() as u8);
        } else {
            for word in code.chunks_exact_mut(4) {
                let from = random.below(own.len() / 4 - 1) * 4;
                word.copy_from_slice(&own[from..from + 4]);
            }
        }
        let contract = Contract { funcs: &funcs, ..subject.contract() };
        accepted += u64::from(verify(&contract, &code, AT).is_ok());
        // Nor do addresses at the end of all addresses trouble it.
        let far = Addresses { code: u64::MAX - 100, pool: u64::MAX - 7 };
        _ = verify(&contract, &code, far);
    }
    println!("{accepted} of 6000 accepted");
}

/// As long as four megabytes for each sort of code: instructions, branches, and loops within loops.
#[test]
fn time_grows_with_the_bytes_and_no_faster() {
    for subject in accepted().filter(|subject| subject.name.starts_with("fn f(x) = x + 1")) {
        let is_a64 = subject.cpu == Cpu::AArch64;
        let stop: &[u8] = if is_a64 { &[0, 0, 0x20, 0xD4] } else { &[] };
        let nothing: &[u8] = if is_a64 { &[0x5F, 0x24, 0x03, 0xD5] } else { &[0x90] };
        // A compare with itself, then a branch over nothing.
        let branch: &[u8] = if is_a64 {
            &[0xFF, 0x03, 0x00, 0xF1, 0x20, 0x00, 0x00, 0x54]
        } else {
            &[0x48, 0x3B, 0xC0, 0x0F, 0x84, 0, 0, 0, 0]
        };
        for piece in [nothing, branch] {
            let time = |len: usize| {
                let mut code = piece.repeat(len / piece.len());
                code.extend(stop);
                let (funcs, _) = some_contract(&subject, code.len());
                let contract = Contract { funcs: &funcs, ..subject.contract() };
                let once = || {
                    let start = Instant::now();
                    _ = verify(&contract, &code, AT);
                    start.elapsed()
                };
                (0..5).map(|_| once()).min().unwrap_or_default()
            };
            let (small, large) = (time(1 << 17), time(1 << 19));
            // Four times as much; other work on the machine may take its share.
            assert!(
                large < small * 12 + Duration::from_millis(20),
                "{:?}: {small:?} for a quarter of what takes {large:?}",
                subject.cpu
            );
        }
    }
}
