//! Stacks for code that recurses: a guard below, so that overflow faults, and one above.
//!
//! A stack is reserved and opened whole; the kernel gives memory for the pages that are touched. Stacks are pooled by
//! size, so that a call takes one without asking the system.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fork_gate::Gated;
use super::{MemoryError, Reservation, page_size, round_up};

/// The least size of a stack in bytes; classes are powers of two from here.
const LEAST_CLASS: usize = 64 << 10;
/// What of a pooled stack may stay in memory: its upper end, which is what a call uses first.
const RESIDENT: usize = 256 << 10;
/// How many stacks of one class wait in a pool at most.
const IDLE_PER_CLASS: usize = 8;
const CLASSES: usize = usize::BITS as usize;

/// A stack of its own mapping, with guards.
#[derive(Debug)]
pub struct Stack {
    reservation: Reservation,
}

impl Stack {
    /// Maps a stack of at least `size` bytes.
    pub fn new(size: usize) -> Result<Self, MemoryError> {
        let mut reservation = Reservation::new(size.max(1))?;
        let all = reservation.range(0, reservation.len())?;
        reservation.commit(all)?;
        reservation.prefer_small_pages();
        Ok(Self { reservation })
    }

    /// The address behind the highest byte, aligned to a page: where the stack pointer starts.
    pub fn top(&self) -> usize {
        self.limit() + self.len()
    }

    /// The address of the lowest byte: where the guard ends.
    pub fn limit(&self) -> usize {
        self.reservation.base().addr()
    }

    /// The bytes between the guards.
    pub fn len(&self) -> usize {
        self.reservation.len()
    }

    /// Whether there are no bytes; there always are.
    pub fn is_empty(&self) -> bool {
        self.reservation.is_empty()
    }

    /// The addresses of the guards below and above.
    pub fn guards(&self) -> [std::ops::Range<usize>; 2] {
        self.reservation.guards()
    }

    /// Gives back the memory of all but the upper end.
    fn trim(&mut self) -> Result<(), MemoryError> {
        let keep = round_up(RESIDENT, page_size())?;
        let Some(below) = self.len().checked_sub(keep) else { return Ok(()) };
        let range = self.reservation.range(0, below)?;
        self.reservation.discard(range)
    }
}

/// Stacks that wait for the next call.
#[derive(Debug, Clone, Default)]
pub struct StackPool {
    idle: Arc<Mutex<Vec<Class>>>,
}

type Class = Vec<Stack>;

impl StackPool {
    /// Makes an empty pool. Nothing is mapped before a stack is taken.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a stack of at least `size` bytes; it returns to the pool when it is dropped.
    ///
    /// What earlier calls left on it is not wiped, as on any other stack.
    pub fn take(&self, size: usize) -> Result<PooledStack, MemoryError> {
        let size =
            size.max(LEAST_CLASS).max(page_size()).checked_next_power_of_two().ok_or(MemoryError::TooLarge { size })?;
        let waiting = self.lock().get_mut(class_of(size)).and_then(Vec::pop);
        let stack = match waiting {
            Some(stack) => stack,
            None => Stack::new(size)?,
        };
        Ok(PooledStack { stack: Some(stack), pool: self.clone() })
    }

    /// Unmaps the stacks that wait.
    pub fn clear(&self) {
        let classes = std::mem::take(&mut *self.lock());
        drop(classes);
    }

    /// How many stacks wait.
    pub fn idle(&self) -> usize {
        self.lock().iter().map(Vec::len).sum()
    }

    fn lock(&self) -> Gated<MutexGuard<'_, Vec<Class>>> {
        Gated::new(|| self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, mut stack: Stack) {
        // Where anything fails the stack is simply unmapped.
        if stack.trim().is_err() {
            return;
        }
        let mut classes = self.lock();
        if classes.is_empty() {
            if classes.try_reserve_exact(CLASSES).is_err() {
                return;
            }
            classes.resize_with(CLASSES, Vec::new);
        }
        if let Some(class) = classes.get_mut(class_of(stack.len()))
            && class.len() < IDLE_PER_CLASS
            && class.try_reserve(1).is_ok()
        {
            class.push(stack);
        }
    }
}

fn class_of(size: usize) -> usize {
    size.trailing_zeros() as usize
}

/// A stack on loan from a pool.
#[derive(Debug)]
pub struct PooledStack {
    /// Empty only while it is being dropped.
    stack: Option<Stack>,
    pool: StackPool,
}

impl PooledStack {
    /// Where the stack pointer starts, aligned to a page.
    pub fn top(&self) -> usize {
        self.stack.as_ref().map_or(0, Stack::top)
    }

    /// The address of the lowest byte.
    pub fn limit(&self) -> usize {
        self.stack.as_ref().map_or(0, Stack::limit)
    }

    /// The addresses of the guards below and above.
    pub fn guards(&self) -> [std::ops::Range<usize>; 2] {
        self.stack.as_ref().map_or([0..0, 0..0], Stack::guards)
    }
}

impl Drop for PooledStack {
    fn drop(&mut self) {
        if let Some(stack) = self.stack.take() {
            self.pool.put_back(stack);
        }
    }
}
