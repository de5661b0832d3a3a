//! Many programs, one after the other and at once, within few mappings.

use cresset::memory::{CodeArena, CodeArenaConfig};
use cresset::{Engine, Module, Type};

use crate::process::{footprint, in_child};
use crate::{MANY, call, publish};

/// How many programs a batch has here.
const BATCH: usize = MANY / 10;

#[test]
fn compiling_and_dropping_leaves_mappings_and_address_space_as_they_were() {
    in_child(|| {
        let arena = CodeArena::default();
        let kept: Vec<_> = (0..16).map(|_| publish(&arena, &[1]).unwrap()).collect();
        for round in 0..100 {
            drop(publish(&arena, &vec![0; round * 50]).unwrap());
        }
        arena.trim();
        let before = footprint();
        for round in 0..MANY {
            let code = publish(&arena, &[5; 5000][..round % 5000]).unwrap();
            assert_eq!(code.pool().len(), round % 5000);
        }
        arena.trim();
        // The pages that are open for what comes next may lie elsewhere, which splits other mappings.
        let after = footprint();
        assert!(after.1 == before.1 && after.0 <= before.0 + 4, "{after:?} {before:?}");
        assert!(kept.iter().all(|code| call(code) == 42));
    });
}

#[test]
fn many_programs_at_once_need_few_mappings() {
    in_child(|| {
        let arena = CodeArena::default();
        let before = footprint().0;
        let mut live = Vec::new();
        for round in 0..MANY / 2 {
            live.push(publish(&arena, &[5; 8][..round % 2 * 8]).unwrap());
        }
        // Two or three for each cluster of 128 programs, and the heap of the test.
        let mappings = footprint().0 - before;
        assert!(mappings < MANY / 2 / 128 * 4 + 16, "{mappings}");
        assert!(live.iter().all(|code| call(code) == 42));

        // Every second one goes: the worst case for the kernel, which allows 65530 mappings.
        let mut odd = false;
        live.retain(|_| {
            odd = !odd;
            odd
        });
        assert!(footprint().0 < 36_000, "{}", footprint().0);
        assert!(live.iter().all(|code| call(code) == 42));
        live.clear();
        assert_eq!(arena.stats().used_bytes, 0);
        arena.trim();
        assert_eq!(arena.stats().dead_bytes, 0);
        assert!(footprint().0 <= before + 8, "{} {before}", footprint().0);
        assert!(arena.stats().reserved_bytes <= 64 << 20);
        drop(arena);
        assert!(footprint().0 <= before + 6);
    });
}

/// Programs from one batch, by the thousand: few mappings, little memory, all of it back in any order of dropping.
#[test]
fn a_batch_is_small_and_goes_in_any_order() {
    in_child(|| {
        let engine = Engine::new().unwrap();
        let inputs = [("x", Type::F64), ("y", Type::F64)];
        let texts: Vec<String> = (0..BATCH).map(|i| format!("x*x + y*y + {i}")).collect();
        // The first batch also makes what stays: the heap, the reservation and what compiling itself takes.
        let compile = |count: usize| -> Vec<Module> {
            let texts = texts.iter().take(count).map(|text| (text.as_str(), &inputs[..]));
            engine.compile_batch(texts).into_iter().map(|module| module.unwrap()).collect()
        };
        let first = compile(BATCH);
        let (lines, bytes) = (footprint().0, resident());
        let modules = compile(BATCH);
        let (more_lines, more_bytes) = (footprint().0.saturating_sub(lines), resident().saturating_sub(bytes));
        drop(first);
        assert!(more_lines <= 100, "{more_lines}");
        // Unoptimized builds and their allocator included. What an emulated process has in memory is the emulator's, too: 1,474 bytes a formula
        // for the first batch, 450 for one more.
        assert!(cfg!(not(target_arch = "x86_64")) || more_bytes <= BATCH * 800, "{} bytes each", more_bytes / BATCH);
        for (i, module) in modules.iter().enumerate().step_by(97) {
            let formula = module.program::<fn(f64, f64) -> f64>().unwrap();
            assert_eq!(formula.call((1.0, 2.0)).unwrap(), 5.0 + i as f64);
        }
        let mut modules: Vec<_> = modules.into_iter().map(Some).collect();
        for i in 0..BATCH {
            let at = i * 7919 % BATCH;
            drop(modules[at].take());
        }
        // Up to 15 pages, anywhere, wait to be given back together.
        assert!(footprint().0 <= lines + 15 * 4, "{} {lines}", footprint().0);

        // Over and over: nothing grows.
        let rounds = |count| {
            for _ in 0..count {
                drop(compile(BATCH / 10));
            }
        };
        rounds(3);
        let before = footprint();
        rounds(10);
        let after = footprint();
        assert!(after.1 <= before.1 && after.0 <= before.0 + 4, "{after:?} {before:?}");
    });
}

/// Bytes of memory that the process really has.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * cresset::memory::page_size()
}

#[test]
fn little_address_space_is_enough() {
    // An emulator does not enforce the limit.
    if cfg!(not(target_arch = "x86_64")) {
        return;
    }
    in_child(|| {
        let space = footprint().1 as u64 + (12 << 20);
        let limit = libc::rlimit { rlim_cur: space, rlim_max: space };
        // SAFETY: limits this child alone.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
        let arena = CodeArena::new(CodeArenaConfig::default());
        assert_eq!(call(&publish(&arena, &[1]).unwrap()), 42);
        let mut live = Vec::new();
        let error = loop {
            match publish(&arena, &[1]) {
                Ok(code) => live.push(code),
                Err(error) => break error,
            }
        };
        assert!(live.len() > 127, "{} {error}", live.len());
        live.truncate(10);
        assert_eq!(call(&publish(&arena, &[1]).unwrap()), 42);
    });
}
