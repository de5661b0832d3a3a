//! Vectors that a compilation fills and drops: their memory is kept for the next one of the same thread, as most formulas need some two hundred small
//! ones and are compiled in a few microseconds.

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

/// The most elements that a vector has room for that is kept.
const fn most<T>() -> usize {
    if size_of::<T>() == 0 { 0 } else { MAX_BYTES / size_of::<T>() }
}

/// What can be emptied, its memory being kept unless it is large.
pub trait Empty {
    /// Empties it.
    fn empty(&mut self);
}

impl<T> Empty for Vec<T> {
    #[inline]
    fn empty(&mut self) {
        if self.capacity() > most::<T>() {
            *self = Vec::new();
        }
        self.clear();
    }
}

impl<T: Reusable> Empty for Buf<T> {
    #[inline]
    fn empty(&mut self) {
        self.0.empty();
    }
}

impl Empty for String {
    fn empty(&mut self) {
        if self.capacity() > MAX_BYTES {
            *self = String::new();
        }
        self.clear();
    }
}

/// A structure of several vectors that a thread keeps whole: to take each by itself and give it back takes longer than most formulas take to fill them.
pub trait Keep: Default + Empty + 'static {
    /// Where the thread keeps one.
    fn place() -> &'static LocalKey<Cell<Option<Box<Self>>>>;

    /// The one that is kept, or a new one.
    fn kept() -> Box<Self> {
        Self::place().try_with(Cell::take).ok().flatten().unwrap_or_default()
    }

    /// Keeps it, empty, for the next one who wants such a thing. What is dropped instead is lost, no more.
    fn keep(mut self: Box<Self>) {
        self.empty();
        // A thread that is ending keeps nothing.
        let _ = Self::place().try_with(|place| place.set(Some(self)));
    }
}

/// Makes a structure [`Keep`]: these fields are emptied (or what its own [`Empty`] says). What else it has is as it was left.
macro_rules! kept {
    ($ty:ty: $($field:ident),* $(,)?) => {
        impl crate::reuse::Empty for $ty {
            fn empty(&mut self) {
                $(crate::reuse::Empty::empty(&mut self.$field);)*
            }
        }
        crate::reuse::kept!($ty);
    };
    ($ty:ty) => {
        impl crate::reuse::Keep for $ty {
            fn place() -> &'static std::thread::LocalKey<std::cell::Cell<Option<Box<$ty>>>> {
                thread_local! {
                    static KEPT: std::cell::Cell<Option<Box<$ty>>> = const { std::cell::Cell::new(None) };
                }
                &KEPT
            }
        }
    };
}
pub(crate) use kept;

/// How many vectors of one kind of element a thread keeps.
const MAX_KEPT: usize = 8;

/// The largest that is kept, in bytes: for what is larger the allocator's time does not matter.
const MAX_BYTES: usize = 16 << 10;

/// What a thread keeps for one kind of element.
pub struct Pool<T> {
    kept: [Vec<T>; MAX_KEPT],
    len: usize,
}

impl<T> Pool<T> {
    /// Nothing yet.
    pub const fn new() -> Pool<T> {
        Pool { kept: [const { Vec::new() }; MAX_KEPT], len: 0 }
    }
}

/// An element whose vectors are kept; [`reusable!`](crate::reuse::reusable) makes a type one.
pub trait Reusable: Sized + 'static {
    /// Those of this thread.
    fn pool() -> &'static LocalKey<RefCell<Pool<Self>>>;
}

/// Makes types [`Reusable`].
macro_rules! reusable {
    ($($ty:ty),* $(,)?) => {$(
        impl crate::reuse::Reusable for $ty {
            fn pool() -> &'static std::thread::LocalKey<std::cell::RefCell<crate::reuse::Pool<$ty>>> {
                thread_local! {
                    static POOL: std::cell::RefCell<crate::reuse::Pool<$ty>> =
                        const { std::cell::RefCell::new(crate::reuse::Pool::new()) };
                }
                &POOL
            }
        }
    )*};
}
pub(crate) use reusable;

reusable!(bool, u8, u32, u64, f64, usize);

/// A vector whose memory comes from the thread's earlier ones and goes back to them.
pub struct Buf<T: Reusable>(Vec<T>);

impl<T: Reusable> Buf<T> {
    /// An empty one, that perhaps has room.
    pub fn new() -> Buf<T> {
        let mut vec = Vec::new();
        let _ = T::pool().try_with(|pool| {
            let Ok(mut pool) = pool.try_borrow_mut() else { return };
            let pool = &mut *pool;
            if let Some(last) = pool.len.checked_sub(1)
                && let Some(kept) = pool.kept.get_mut(last)
            {
                std::mem::swap(kept, &mut vec);
                pool.len = last;
            }
        });
        Buf(vec)
    }

    /// An empty one without room, for what is seldom filled.
    pub const fn empty() -> Buf<T> {
        Buf(Vec::new())
    }

    /// So many times the same.
    pub fn filled(value: T, len: usize) -> Buf<T>
    where
        T: Clone,
    {
        if len == 0 {
            return Buf::empty();
        }
        let mut buf = Buf::new();
        buf.0.resize(len, value);
        buf
    }

    /// Copies.
    pub fn of(values: &[T]) -> Buf<T>
    where
        T: Clone,
    {
        let mut buf = Buf::new();
        buf.0.extend_from_slice(values);
        buf
    }

    /// The vector itself; [`Buf::from`] gives it back later.
    pub fn into_vec(mut self) -> Vec<T> {
        std::mem::take(&mut self.0)
    }
}

impl<T: Reusable> Drop for Buf<T> {
    fn drop(&mut self) {
        if self.0.capacity() == 0 || self.0.capacity() > most::<T>() {
            return;
        }
        self.0.clear();
        // A thread that is ending keeps nothing.
        let _ = T::pool().try_with(|pool| {
            let Ok(mut pool) = pool.try_borrow_mut() else { return };
            let pool = &mut *pool;
            if let Some(place) = pool.kept.get_mut(pool.len) {
                std::mem::swap(place, &mut self.0);
                pool.len += 1;
            }
        });
    }
}

impl<T: Reusable> Default for Buf<T> {
    /// Without room: most of these stand where something was taken.
    fn default() -> Buf<T> {
        Buf::empty()
    }
}

impl<T: Reusable> From<Vec<T>> for Buf<T> {
    fn from(vec: Vec<T>) -> Buf<T> {
        Buf(vec)
    }
}

impl<T: Reusable> Deref for Buf<T> {
    type Target = Vec<T>;
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Reusable> DerefMut for Buf<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T: Reusable + Clone> Clone for Buf<T> {
    fn clone(&self) -> Buf<T> {
        Buf::of(&self.0)
    }
}

impl<T: Reusable + std::fmt::Debug> std::fmt::Debug for Buf<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Reusable + PartialEq> PartialEq for Buf<T> {
    fn eq(&self, other: &Buf<T>) -> bool {
        self.0 == other.0
    }
}

impl<T: Reusable + PartialEq> PartialEq<Buf<T>> for Vec<T> {
    fn eq(&self, other: &Buf<T>) -> bool {
        *self == other.0
    }
}

impl<T: Reusable + Eq> Eq for Buf<T> {}

impl<T: Reusable> FromIterator<T> for Buf<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Buf<T> {
        let mut buf = Buf::new();
        buf.0.extend(values);
        buf
    }
}

impl<T: Reusable> IntoIterator for Buf<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a, T: Reusable> IntoIterator for &'a Buf<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a, T: Reusable> IntoIterator for &'a mut Buf<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Mine(u32);
    reusable!(Mine);

    #[test]
    fn memory_comes_back_empty_and_only_where_it_is_small() {
        let first: Buf<Mine> = (0..100).map(Mine).collect();
        let (address, capacity) = (first.as_ptr(), first.capacity());
        drop(first);
        let second = Buf::<Mine>::new();
        assert_eq!((second.as_ptr(), second.capacity(), second.len()), (address, capacity, 0));
        assert_eq!(Buf::<Mine>::new().capacity(), 0);
        drop(Buf::filled(Mine(1), MAX_BYTES));
        drop(second);
        let all: Vec<Buf<Mine>> = (0..2).map(|_| Buf::new()).collect();
        assert_eq!(all.iter().map(|buf| buf.capacity()).collect::<Vec<_>>(), [capacity, 0]);
    }

    #[test]
    fn few_are_kept() {
        let all: Vec<Buf<Mine>> = (0..2 * MAX_KEPT).map(|i| Buf::filled(Mine(1), 1 + i)).collect();
        drop(all);
        let again: Vec<Buf<Mine>> = (0..2 * MAX_KEPT).map(|_| Buf::new()).collect();
        assert_eq!(again.iter().filter(|buf| buf.capacity() > 0).count(), MAX_KEPT);
        assert!(again.iter().all(|buf| buf.is_empty()));
    }
}
