//! Guards are where they must be, whatever the size between them.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use cresset::memory::{Arena, CodeArena, GUARD_SIZE, Reservation, Stack, StackPool, failpoint, page_size};

use crate::process::{assert_no_access, assert_read_write};
use crate::publish;

fn assert_guarded([before, after]: [Range<usize>; 2], inner: Range<usize>) {
    assert_eq!((before.end, after.start), (inner.start, inner.end));
    for guard in [before, after] {
        assert!(guard.len() >= GUARD_SIZE && guard.len() % page_size() == 0);
        for address in [guard.start, guard.start + guard.len() / 2, guard.end - 1] {
            assert_no_access(address);
        }
    }
}

#[test]
fn a_reservation_of_any_size_is_guarded_and_opens_only_what_is_committed() {
    let page = page_size();
    for size in [0, 1, page - 1, page, page + 1, GUARD_SIZE - 1, GUARD_SIZE + 1] {
        let mut reservation = Reservation::new(size).unwrap();
        let base = reservation.base().expose_provenance();
        let inner = base..base + reservation.len();
        assert!(reservation.len() >= size);
        let all = reservation.range(0, reservation.len()).unwrap();
        reservation.commit(all).unwrap();
        assert_guarded(reservation.guards(), inner.clone());
        if !inner.is_empty() {
            assert_read_write(inner.start);
            assert_read_write(inner.end - 1);
        }
    }

    let mut reservation = Reservation::new(3 * page).unwrap();
    let base = reservation.base().expose_provenance();
    let middle = reservation.range(page, page).unwrap();
    reservation.commit(middle).unwrap();
    assert_read_write(base + page);
    assert_read_write(base + 2 * page - 1);
    assert_no_access(base + page - 1);
    assert_no_access(base + 2 * page);
}

#[test]
fn a_stack_is_guarded() {
    for size in [0, 1, 64 << 10, (1 << 20) + 1] {
        let stack = Stack::new(size).unwrap();
        assert!(stack.len() >= size.max(1));
        assert_eq!(stack.top() % page_size(), 0);
        assert_guarded(stack.guards(), stack.limit()..stack.top());
        assert_read_write(stack.limit());
        assert_read_write(stack.top() - 1);
    }
    let pooled = StackPool::new().take(100_000).unwrap();
    assert_eq!(pooled.top() - pooled.limit(), 128 << 10);
    assert_guarded(pooled.guards(), pooled.limit()..pooled.top());
}

#[test]
fn the_bytes_of_arrays_are_guarded_at_the_limit() {
    let limit = 1 << 20;
    let mut arena = Arena::new(limit);
    let base = arena.alloc(limit).unwrap().expose_provenance();
    assert_guarded(arena.guards().unwrap(), base..base + limit);
    assert_read_write(base);
    assert_read_write(base + limit - 1);
}

#[test]
fn the_code_arena_is_guarded() {
    let mapped = Arc::new(Mutex::new(Vec::new()));
    let seen = mapped.clone();
    failpoint::observe(Some(Box::new(move |event| {
        if event.call == "mmap" {
            seen.lock().unwrap().push(event);
        }
    })));
    let arena = CodeArena::default();
    let code = publish(&arena, &[7; 8]).unwrap();
    failpoint::observe(None);
    let mapped = mapped.lock().unwrap();
    let [reserved] = mapped.as_slice() else { panic!("one reservation, not {mapped:?}") };
    let end = reserved.addr + reserved.len;
    assert!(reserved.len > 64 << 20);
    assert_eq!(code.base(), reserved.addr + GUARD_SIZE.next_multiple_of(page_size()));
    assert_no_access(code.base() - 1);
    for address in [reserved.addr, reserved.addr + GUARD_SIZE - 1, end - GUARD_SIZE, end - 1] {
        assert_no_access(address);
    }
    // What is neither code nor about to be has no access either.
    assert_no_access(code.base() + (64 << 10).max(page_size()));
}

#[test]
fn a_pool_gives_the_same_stack_again_without_asking_the_system() {
    let pool = StackPool::new();
    let first = pool.take(200_000).unwrap();
    let top = first.top();
    drop(first);
    assert_eq!(pool.idle(), 1);
    failpoint::fail(0, 0);
    let again = pool.take(140_000).unwrap();
    assert_eq!((failpoint::disarm(), again.top()), (0, top));
    let other = pool.take(140_000).unwrap();
    assert_ne!(other.top(), top);
    drop((again, other));
    assert_eq!(pool.idle(), 2);

    let many: Vec<_> = (0..20).map(|_| pool.take(1).unwrap()).collect();
    drop(many);
    assert_eq!(pool.idle(), 2 + 8);
    pool.clear();
    assert_eq!(pool.idle(), 0);
    assert!(pool.take(usize::MAX).is_err());
}
