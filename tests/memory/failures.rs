//! Each call of the system fails once, and from each one on: an error, and nothing is lost.

use cresset::memory::{Arena, CodeArena, Mark, MemoryError, StackPool, failpoint, page_size};

use crate::process::{footprint, in_child};
use crate::{call, publish};

/// Makes each of the calls that `body` makes fail, alone and with all that follow.
///
/// `body` must fail where everything from the first call on fails, and must leave the process as it was.
pub fn fail_each(body: impl Fn() -> Result<(), MemoryError>) {
    failpoint::fail(0, 0);
    body().unwrap();
    let calls = failpoint::disarm();
    assert!(calls > 0);
    let before = footprint();
    for first in 1..=calls {
        for count in [1, u64::MAX] {
            failpoint::fail(first, count);
            let result = body();
            failpoint::disarm();
            if let Err(error) = &result {
                let enomem = matches!(error, MemoryError::System { errno: libc::ENOMEM, .. });
                assert!(enomem, "{error}");
            }
            assert!(first > 1 || count == 1 || result.is_err());
            assert_eq!(footprint(), before, "call {first} of {calls}, {count} failed");
        }
    }
    body().unwrap();
    assert_eq!(footprint(), before);
}

#[test]
fn publishing_code_survives_each_failure() {
    in_child(|| {
        fail_each(|| {
            let arena = CodeArena::default();
            let first = publish(&arena, &[1, 2])?;
            let large = publish_large(&arena)?;
            let second = publish(&arena, &[])?;
            drop(first);
            assert_eq!(call(&second), 42);
            drop((second, large));
            arena.trim();
            Ok(())
        });
    });
}

fn publish_large(arena: &CodeArena) -> Result<cresset::memory::ExecutableCode, MemoryError> {
    arena.writable(1 << 20, 4096)?.seal(crate::accept)
}

#[test]
fn a_failure_in_publishing_leaves_the_arena_as_it_was() {
    in_child(|| {
        let arena = CodeArena::default();
        let kept = publish(&arena, &[7]).unwrap();
        let used = arena.stats().used_bytes;
        failpoint::fail(0, 0);
        drop(publish(&arena, &[1]).unwrap());
        assert_eq!(failpoint::disarm(), 3);
        for first in 1..=3 {
            failpoint::fail(first, 1);
            assert!(publish(&arena, &[1]).is_err(), "{first}");
            failpoint::disarm();
            assert_eq!(arena.stats().used_bytes, used, "{first}");
        }
        assert_eq!((call(&kept), kept.pool()), (42, [7].as_slice()));
    });
}

#[test]
fn pages_that_could_not_be_freed_are_not_used_until_they_are() {
    in_child(|| {
        let arena = CodeArena::default();
        for (pool, failing) in [(1, 1), (1, 2), (0, 1)] {
            let pool_bytes = &[9; 1][..pool];
            let code = publish(&arena, pool_bytes).unwrap();
            let dead = code.base();
            drop(code);
            // Twice: once for what waits, once for what is dead.
            failpoint::fail(failing, u64::MAX);
            arena.trim();
            failpoint::disarm();
            let stats = arena.stats();
            assert_eq!((stats.used_bytes, stats.dead_bytes), (0, (1 + pool) * page_size()));
            let others: Vec<_> = (0..100).map(|_| publish(&arena, pool_bytes).unwrap()).collect();
            assert!(others.iter().all(|code| code.base() != dead));
            drop(others);
            arena.trim();
            assert_eq!(arena.stats().dead_bytes, 0);
            let again: Vec<_> = (0..300).map(|_| publish(&arena, pool_bytes).unwrap()).collect();
            assert!(again.iter().any(|code| code.base() == dead));
            drop(again);
            arena.trim();
        }
    });
}

/// Freed pages wait, a few of them, and are then freed together.
#[test]
fn dropped_code_goes_in_batches() {
    in_child(|| {
        let arena = CodeArena::default();
        let live: Vec<_> = (0..64).map(|_| publish(&arena, &[1]).unwrap()).collect();
        failpoint::fail(0, 0);
        drop(live);
        assert_eq!(failpoint::disarm(), 4 * 2);
        assert_eq!((arena.stats().used_bytes, arena.stats().dead_bytes), (0, 0));
        drop(publish(&arena, &[1]).unwrap());
        assert_eq!(arena.stats().dead_bytes, 2 * page_size());
        arena.trim();
        assert_eq!(arena.stats().dead_bytes, 0);
    });
}

#[test]
fn dead_pages_are_reclaimed_when_the_limit_needs_them() {
    in_child(|| {
        let page = page_size();
        let config = cresset::memory::CodeArenaConfig { max_bytes: 3 * page, ..Default::default() };
        let arena = CodeArena::new(config);
        let [first, second, third] = [(); 3].map(|()| publish(&arena, &[]).unwrap());
        failpoint::fail(1, u64::MAX);
        drop((first, third));
        failpoint::disarm();
        assert_eq!((arena.stats().used_bytes, arena.stats().dead_bytes), (page, 2 * page));
        let [_fourth, _fifth] = [(); 2].map(|()| publish(&arena, &[]).unwrap());
        assert_eq!((call(&second), arena.stats().used_bytes), (42, 3 * page));
    });
}

#[test]
fn stacks_survive_each_failure() {
    in_child(|| {
        fail_each(|| {
            let pool = StackPool::new();
            let small = pool.take(1000)?;
            let large = pool.take(1 << 20)?;
            drop((small, large));
            pool.take(1 << 20)?;
            // What a pool remembers is on the heap; what it holds goes now.
            pool.clear();
            Ok(())
        });
    });
}

#[test]
fn arrays_survive_each_failure() {
    in_child(|| {
        fail_each(|| {
            let mut arena = Arena::new(16 << 20);
            let start: Mark = arena.mark();
            arena.alloc(100)?;
            let used = arena.used();
            if let Err(error) = arena.alloc_zeroed(3 << 20) {
                assert_eq!(arena.used(), used, "a failed allocation takes nothing");
                return Err(error);
            }
            arena.alloc(5 << 20)?;
            arena.release(start);
            arena.reset();
            let zeroed = arena.alloc_zeroed(4 << 20)?;
            // SAFETY: the arena gave these bytes to this test.
            assert!(unsafe { std::slice::from_raw_parts(zeroed, 4 << 20) }.iter().all(|&byte| byte == 0));
            arena.reset();
            Ok(())
        });
    });
}

#[test]
fn nothing_is_mapped_before_it_is_needed() {
    failpoint::fail(1, u64::MAX);
    let _kept = (CodeArena::default(), StackPool::new(), Arena::new(1 << 30));
    assert_eq!(failpoint::disarm(), 0);
}
