//! The way of code: written, read-only, verified, executable, gone.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cresset::memory::failpoint::{self, Event};
use cresset::memory::{
    Arena, CodeArena, CodeArenaConfig, CodePart, ExecutableCode, MemoryError, StackPool, WritableCode, page_size,
    pool_distance,
};

use crate::process::{
    assert_dies, assert_never_writable_and_executable, assert_no_access, in_child, perms_at, read_byte, write_byte,
};
use crate::{RETURN_42, TRAP, accept, call, call_address, publish};

const NONE: i32 = libc::PROT_NONE;
const READ: i32 = libc::PROT_READ;
const WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;
const EXECUTE: i32 = libc::PROT_READ | libc::PROT_EXEC;
const BTI: i32 = 0x10;

/// Records the calls of this thread while `body` runs, and looks at all mappings after each.
fn trace(body: impl FnOnce()) -> Vec<Event> {
    let events = Rc::new(RefCell::new(Vec::new()));
    let seen = events.clone();
    failpoint::observe(Some(Box::new(move |event| {
        assert_never_writable_and_executable();
        seen.borrow_mut().push(event);
    })));
    body();
    failpoint::observe(None);
    events.take()
}

#[test]
fn publishing_takes_exactly_these_steps() {
    let arena = CodeArena::default();
    // Address space is there already, and no neighbour hides what happens to the pages.
    drop(arena.writable(1 << 19, 0).unwrap());
    arena.trim();
    let page = page_size();
    let (mut base, mut second) = (0, 0);
    let events = trace(|| {
        let mut writer = arena.writable(RETURN_42.len(), 8).unwrap();
        base = writer.base();
        writer.write_code(RETURN_42).unwrap();
        writer.write_pool(&[1; 8]).unwrap();
        assert_eq!((perms_at(base), perms_at(writer.pool_base())), ("rw-p".into(), "rw-p".into()));
        let pool_base = writer.pool_base();
        let code = writer
            .seal(|bytes, address| {
                assert_eq!((bytes, address), (RETURN_42, base));
                assert_eq!((perms_at(base), perms_at(pool_base)), ("r--p".into(), "r--p".into()));
                Ok(())
            })
            .unwrap();
        assert_eq!((perms_at(base), perms_at(pool_base)), ("r-xp".into(), "r--p".into()));
        assert_eq!(call(&code), 42);
        assert_eq!(code.pool(), [1; 8]);
        // The next finds its pages open.
        let next = publish(&arena, &[2]).unwrap();
        second = next.base();
        drop((code, next));
        arena.trim();
        assert_eq!((perms_at(base), perms_at(pool_base)), ("---p".into(), "---p".into()));
    });
    let distance = pool_distance(RETURN_42.len(), 8).unwrap();
    let steps: Vec<_> = events.iter().map(|event| (event.call, event.addr, event.len, event.bits & !BTI)).collect();
    assert_eq!(
        steps,
        [
            ("mprotect", base, 16 * page, WRITE),
            ("mprotect", base + distance, 16 * page, WRITE),
            ("mprotect", base, page, READ),
            ("mprotect", base + distance, page, READ),
            ("mprotect", base, page, EXECUTE),
            ("mprotect", second, page, READ),
            ("mprotect", second + distance, page, READ),
            ("mprotect", second, page, EXECUTE),
            ("mmap", base, 2 * page, NONE),
            ("mmap", base + distance, 2 * page, NONE),
        ]
    );
}

/// Where there are no constants, the pages for them stay without access.
#[test]
fn code_without_constants_takes_fewer_steps() {
    let arena = CodeArena::default();
    drop(arena.writable(1 << 19, 0).unwrap());
    arena.trim();
    let page = page_size();
    let mut base = 0;
    let events = trace(|| {
        let code = publish(&arena, &[]).unwrap();
        base = code.base();
        assert_eq!(perms_at(code.pool_base()), "---p");
        drop(code);
        arena.trim();
    });
    let steps: Vec<_> = events.iter().map(|event| (event.call, event.addr, event.len, event.bits & !BTI)).collect();
    assert_eq!(
        steps,
        [
            ("mprotect", base, 16 * page, WRITE),
            ("mprotect", base, page, READ),
            ("mprotect", base, page, EXECUTE),
            ("mmap", base, page, NONE),
        ]
    );
}

/// Pages that were opened for one kind and given back may be opened for the other, which must not be mistaken for the first.
#[test]
fn pages_change_between_code_with_and_without_constants() {
    let arena = CodeArena::default();
    for pools in [[1, 0], [0, 1]] {
        for pool in pools {
            let full: Vec<_> = (0..16).map(|_| publish(&arena, &[7; 1][..pool]).unwrap()).collect();
            assert!(full.iter().all(|code| call(code) == 42));
            drop(full);
            arena.trim();
            let other = publish(&arena, &[8; 1][..1 - pool]).unwrap();
            let again = publish(&arena, &[9; 1][..pool]).unwrap();
            assert_eq!((other.pool(), again.pool()), (&[8; 1][..1 - pool], &[9; 1][..pool]));
            drop((other, again));
            arena.trim();
        }
    }
    assert_eq!(arena.stats().used_bytes, 0);
}

/// `RETURN_42` so many times, each with a constant of its own, in shared pages.
fn publish_parts(arena: &CodeArena, count: usize) -> Vec<ExecutableCode> {
    let (step, words) = (64, count * 8);
    let mut writer = arena.writable(count * step, words).unwrap();
    let part = |i: usize| CodePart { code: i * step..i * step + RETURN_42.len(), pool: i * 8..i * 8 + 8 };
    for i in 0..count {
        writer.write_code_at(i * step, RETURN_42).unwrap();
        writer.write_pool_at(i * 8, &i.to_le_bytes()).unwrap();
    }
    let parts: Vec<CodePart> = (0..count).map(part).collect();
    writer.seal_parts(&parts, accept).unwrap()
}

#[test]
fn parts_share_pages_and_one_run_of_steps() {
    let arena = CodeArena::default();
    let mut parts = Vec::new();
    let events = trace(|| parts = publish_parts(&arena, 3000));
    let steps: Vec<_> = events.iter().skip(1).map(|event| (event.call, event.bits & !BTI)).collect();
    let [write, read, execute] = [WRITE, READ, EXECUTE].map(|bits| ("mprotect", bits));
    assert_eq!(steps, [write, write, read, read, execute]);
    for (i, code) in parts.iter().enumerate() {
        assert_eq!((call(code), code.pool()), (42, i.to_le_bytes().as_slice()));
        assert_eq!((perms_at(code.base()), perms_at(code.pool_base())), ("r-xp".into(), "r--p".into()));
    }
}

#[test]
fn a_shared_page_goes_with_the_last_part_in_it() {
    in_child(|| {
        let arena = CodeArena::default();
        let page = page_size();
        let per_page = page / 64;
        let mut parts: Vec<_> = publish_parts(&arena, 20 * per_page).into_iter().map(Some).collect();
        let used = arena.stats().used_bytes;
        // All of the sixth page but one part: nothing goes, even of what shares its constants' page.
        let sixth = 5 * per_page..6 * per_page;
        let kept = parts[sixth.start + 3].take().unwrap();
        parts[sixth.clone()].fill_with(|| None);
        arena.trim();
        assert_eq!((arena.stats().used_bytes, call(&kept)), (used, 42));
        let base = kept.base();
        drop(kept);
        arena.trim();
        assert_eq!((arena.stats().used_bytes, perms_at(base)), (used - page, "---p".into()));
        assert!(parts.iter().flatten().all(|code| call(code) == 42));
        // In any order, all comes back.
        for i in 0..parts.len() {
            let at = i * 7919 % parts.len();
            drop(parts[at].take());
        }
        drop(parts);
        assert_eq!(arena.stats().used_bytes, 0);
        arena.trim();
        assert_eq!(arena.stats().dead_bytes, 0);
    });
}

#[test]
fn parts_that_overlap_are_empty_or_leave_other_bytes_between_them_are_refused() {
    let arena = CodeArena::default();
    let part = |code| CodePart { code, pool: 0..0 };
    for parts in
        [vec![part(0..40), part(32..64)], vec![part(64..80), part(0..16)], vec![part(0..0)], vec![part(60..65)]]
    {
        let refused = arena.writable(64, 0).unwrap().seal_parts(&parts, accept);
        assert!(matches!(refused, Err(MemoryError::OutOfRange { .. })), "{parts:?}");
    }
    let pool = CodePart { code: 0..64, pool: 0..9 };
    assert!(matches!(arena.writable(64, 8).unwrap().seal_parts(&[pool], accept), Err(MemoryError::OutOfRange { .. })));
    let mut writer = arena.writable(128, 0).unwrap();
    writer.write_code_at(70, &[0x90]).unwrap();
    assert!(matches!(writer.seal_parts(&[part(0..64), part(96..128)], accept), Err(MemoryError::Rejected { .. })));
    let mut seen = Vec::new();
    let refused = arena.writable(128, 0).unwrap().seal_parts(&[part(0..64), part(96..128)], |bytes, _| {
        seen.push(bytes.len());
        if bytes.len() < 64 { Err("no".into()) } else { Ok(()) }
    });
    assert_eq!((refused.unwrap_err(), seen), (MemoryError::Rejected { reason: "no".into() }, vec![64, 32]));
    assert_eq!(arena.stats().used_bytes, 0);
}

/// Slots too large for a window are opened one by one.
#[test]
fn large_code_takes_the_same_way_in_its_own_steps() {
    let arena = CodeArena::default();
    let len = 20 * page_size();
    let mut base = 0;
    let events = trace(|| {
        let code = arena.writable(len, 1).unwrap().seal(accept).unwrap();
        base = code.base();
        drop(code);
    });
    let distance = pool_distance(len, 1).unwrap();
    let steps: Vec<_> =
        events[1..].iter().map(|event| (event.call, event.addr, event.len, event.bits & !BTI)).collect();
    assert_eq!(
        steps,
        [
            ("mprotect", base, len, WRITE),
            ("mprotect", base + distance, page_size(), WRITE),
            ("mprotect", base, len, READ),
            ("mprotect", base + distance, len, READ),
            ("mprotect", base, len, EXECUTE),
            ("mmap", base, len, NONE),
            ("mmap", base + distance, len, NONE),
        ]
    );
}

#[test]
fn a_page_that_ran_is_written_again_only_after_a_fresh_mapping() {
    let arena = CodeArena::default();
    let mut used_again = 0;
    let mut addresses = std::collections::HashSet::new();
    let events = trace(|| {
        let mut live = Vec::new();
        for round in 0..200 {
            let code = publish(&arena, &vec![3; round * 50]).unwrap();
            used_again += usize::from(!addresses.insert(code.base()));
            live.push(code);
            if round % 3 == 2 {
                live.swap_remove(round * 7 % live.len());
            }
        }
        drop(live);
        arena.trim();
    });
    assert!(used_again > 0);
    let page = page_size();
    let mut executable = std::collections::HashSet::new();
    for event in events {
        for address in (event.addr..event.addr + event.len).step_by(page) {
            match (event.call, event.bits & !BTI) {
                ("mmap", NONE) => _ = executable.remove(&address),
                (_, EXECUTE) => _ = executable.insert(address),
                _ => assert!(!executable.contains(&address), "{event:x?}"),
            }
        }
    }
    assert!(executable.is_empty());
}

#[test]
fn eight_threads_publish_and_nothing_is_ever_writable_and_executable() {
    let arena = CodeArena::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..8_u8)
            .map(|worker| {
                let arena = arena.clone();
                scope.spawn(move || {
                    let mut live = Vec::new();
                    for round in 0..60_usize {
                        let pool = vec![worker; round * 97 % 9000];
                        let code = if round % 10 == 0 {
                            let mut code = None;
                            trace(|| code = Some(publish(&arena, &pool).unwrap()));
                            code.unwrap()
                        } else {
                            publish(&arena, &pool).unwrap()
                        };
                        live.push((code, pool));
                        if round % 2 == 1 {
                            live.swap_remove(round * 31 % live.len());
                        }
                    }
                    for (code, pool) in &live {
                        assert_eq!((call(code), code.pool()), (42, pool.as_slice()));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                assert_never_writable_and_executable();
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!(arena.stats().used_bytes, 0);
}

#[test]
fn each_page_allows_what_its_state_allows() {
    let arena = CodeArena::default();
    let mut writer = arena.writable(RETURN_42.len(), 16).unwrap();
    writer.write_code(RETURN_42).unwrap();
    let base = writer.base();
    assert_dies(libc::SIGSEGV, || _ = call_address(base));

    let code = writer.seal(accept).unwrap();
    assert_dies(libc::SIGSEGV, || write_byte(base, 0xC3));
    assert_dies(libc::SIGSEGV, || write_byte(base + page_size() - 1, 0xC3));
    assert_dies(libc::SIGSEGV, || write_byte(code.pool_base(), 1));
    assert_dies(libc::SIGSEGV, || _ = call_address(code.pool_base()));
    in_child(|| assert_eq!(call_address(base), 42));
    drop(code);
    arena.trim();
    assert_no_access(base);
    assert_dies(libc::SIGSEGV, || _ = call_address(base));
}

#[test]
fn the_last_page_ends_in_traps() {
    let arena = CodeArena::default();
    let code = publish(&arena, &[]).unwrap();
    for offset in RETURN_42.len()..page_size() {
        assert_eq!(read_byte(code.base() + offset), TRAP[offset % TRAP.len()], "{offset}");
    }
    // What was not written is traps as well.
    let empty = arena.writable(0, 0).unwrap().seal(accept).unwrap();
    assert_eq!((empty.code(), empty.pool()), ([].as_slice(), [].as_slice()));
    assert_eq!(read_byte(empty.base()), TRAP[0]);
    assert_dies(libc::SIGTRAP, || _ = call_address(empty.base()));
}

#[cfg(target_arch = "aarch64")]
#[test]
fn an_indirect_branch_must_meet_a_landing_pad_where_the_machine_checks_that() {
    // SAFETY: reads a word that the kernel gave the process at its start.
    let checks = unsafe { libc::getauxval(libc::AT_HWCAP2) } & (1 << 17) != 0;
    for landing_pads in [false, true] {
        let arena = CodeArena::new(CodeArenaConfig { landing_pads, ..CodeArenaConfig::default() });
        let code = publish(&arena, &[]).unwrap();
        assert_eq!(call(&code), 42);
        let behind_the_pad = code.base() + 4;
        if landing_pads && checks {
            assert_dies(libc::SIGILL, || _ = call_address(behind_the_pad));
        } else {
            in_child(|| assert_eq!(call_address(behind_the_pad), 42));
        }
    }
}

#[test]
fn refused_code_never_runs_and_is_freed() {
    let arena = CodeArena::default();
    let mut address = 0;
    let events = trace(|| {
        let mut writer = arena.writable(RETURN_42.len(), 8).unwrap();
        writer.write_code(RETURN_42).unwrap();
        address = writer.base();
        let refused = writer.seal(|_, _| Err("offset 0: no".into()));
        assert_eq!(refused.unwrap_err(), MemoryError::Rejected { reason: "offset 0: no".into() });
    });
    assert!(events.iter().all(|event| event.bits & libc::PROT_EXEC == 0));
    arena.trim();
    assert_eq!((perms_at(address), arena.stats().used_bytes), ("---p".into(), 0));

    let writer = arena.writable(100, 8).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.seal(|_, _| panic!("verifier"))));
    assert!(panicked.is_err());
    assert_eq!(arena.stats().used_bytes, 0);
    assert_eq!(call(&publish(&arena, &[]).unwrap()), 42);
}

#[test]
fn writing_past_the_end_is_an_error() {
    let arena = CodeArena::default();
    let mut writer = arena.writable(10, 4).unwrap();
    let past = |offset, len, available| Err(MemoryError::OutOfRange { offset, len, available });
    assert_eq!(writer.write_code(&[0; 11]), past(0, 11, 10));
    assert_eq!(writer.write_code_at(8, &[0; 3]), past(8, 3, 10));
    assert_eq!(writer.write_code_at(usize::MAX, &[0; 3]), past(usize::MAX, 3, 10));
    assert_eq!(writer.write_pool(&[0; 5]), past(0, 5, 4));
    assert_eq!(writer.write_code_at(7, &[1; 3]), Ok(()));
    assert_eq!(writer.write_pool_at(2, &[2; 2]), Ok(()));
    let code = writer.seal(accept).unwrap();
    assert_eq!((&code.code()[7..], code.pool()), ([1; 3].as_slice(), [0, 0, 2, 2].as_slice()));
    assert!(code.contains(code.base() + 9) && !code.contains(code.base() + 10) && !code.contains(code.base() - 1));
}

#[test]
fn constants_lie_where_the_lengths_alone_say() {
    const HALF: usize = 512 << 10;
    let arena = CodeArena::default();
    let sizes = [0, 1, 5000, HALF, HALF + 1, (2 << 20) + 3];
    for (code_len, pool_len) in sizes.into_iter().flat_map(|code| sizes.map(|pool| (code, pool))) {
        let mut writer = arena.writable(code_len, pool_len).unwrap();
        if code_len >= RETURN_42.len() {
            writer.write_code(RETURN_42).unwrap();
        }
        writer.write_pool(&vec![9; pool_len]).unwrap();
        let code = writer.seal(accept).unwrap();
        let distance = pool_distance(code_len, pool_len).unwrap();
        assert_eq!(code.pool_base() - code.base(), distance);
        assert!(distance >= code_len && (distance == HALF || distance < code_len + (64 << 10) || code_len == 0));
        assert!(code.pool().iter().all(|&byte| byte == 9) && code.pool().len() == pool_len);
        if code_len >= RETURN_42.len() {
            assert_eq!(call(&code), 42);
        }
    }
    assert_eq!(arena.stats().used_bytes, 0);
    for (code_len, pool_len) in [(usize::MAX, 0), (0, usize::MAX), (isize::MAX as usize, isize::MAX as usize)] {
        assert!(arena.writable(code_len, pool_len).is_err());
    }
}

#[test]
fn one_program_runs_on_many_threads_and_outlives_its_arena() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<CodeArena>();
    is_shared::<ExecutableCode>();
    is_shared::<StackPool>();
    is_send::<WritableCode>();
    is_send::<Arena>();

    let arena = CodeArena::default();
    let code = publish(&arena, &[]).unwrap();
    drop(arena);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..1000).for_each(|_| assert_eq!(call(&code), 42)));
        }
    });
}

#[test]
fn the_limit_on_code_is_exact_and_comes_back() {
    let page = page_size();
    let arena = CodeArena::new(CodeArenaConfig { max_bytes: 5 * page, ..CodeArenaConfig::default() });
    let first = publish(&arena, &[0]).unwrap();
    let second = publish(&arena, &[0]).unwrap();
    let error = MemoryError::Limit { requested: 2 * page, used: 4 * page, limit: 5 * page };
    assert_eq!(publish(&arena, &[0]).unwrap_err(), error);
    let third = publish(&arena, &[]).unwrap();
    assert!(publish(&arena, &[]).is_err());
    drop(first);
    let fourth = publish(&arena, &[0]).unwrap();
    assert_eq!(arena.stats().used_bytes, 5 * page);
    assert!([second, third, fourth].iter().all(|code| call(code) == 42));
    assert!(arena.writable(3 << 20, 0).is_err());
}
