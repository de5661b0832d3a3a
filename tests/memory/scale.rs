//! Many programs, one after the other and at once, within few mappings.

use cresset::memory::{CodeArena, CodeArenaConfig};

use crate::process::{footprint, in_child};
use crate::{MANY, call, publish};

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
        assert_eq!(footprint(), before);
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
