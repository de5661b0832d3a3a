//! The arrays of a run: buffers of the host or of the program's own, and views of them.
//!
//! What the program makes is counted and released as in an arena: a [`Mark`] is taken where a loop's iteration or a function begins, and
//! everything made since goes when it ends.

use super::machine::Val;
use super::reborrow;
use crate::budget::Budget;
use crate::ir::arrays::{self, Meter, PIECE, canonical, canonical_f32};
use crate::ir::op::ArrayOp;
use crate::trap::TrapKind;
use crate::types::Elem;
use crate::value::{Array, Slice, SliceMut};

/// Where elements lie.
pub enum Buffer<'a> {
    /// The host's, only to read.
    Read(Slice<'a>),
    /// The host's.
    Write(SliceMut<'a>),
    /// The program's.
    Own(Array),
}

impl Buffer<'_> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    #[inline]
    fn as_slice(&self) -> Slice<'_> {
        match self {
            Buffer::Read(slice) => *slice,
            Buffer::Write(slice) => slice.as_slice(),
            Buffer::Own(array) => array.as_slice(),
        }
    }

    #[inline]
    fn as_slice_mut(&mut self) -> Option<SliceMut<'_>> {
        match self {
            Buffer::Read(_) => None,
            Buffer::Write(slice) => Some(reborrow(slice)),
            Buffer::Own(array) => Some(array.as_slice_mut()),
        }
    }
}

/// Why an operation on arrays did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The program traps.
    Trap(TrapKind),
    /// There is no such array, or it may not be written to: the tree contradicts itself.
    NoSuchArray,
}

impl From<TrapKind> for Fault {
    fn from(kind: TrapKind) -> Fault {
        Fault::Trap(kind)
    }
}

/// What the program had made at some moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    buffers: u32,
    used: usize,
}

/// The fuel of a run.
pub struct Fuel<'a> {
    pub budget: Budget<'a>,
    pub slice: i64,
}

impl Meter for Fuel<'_> {
    fn grant(&mut self, pieces: u64) -> Result<u64, TrapKind> {
        self.budget.grant(&mut self.slice, pieces)
    }
}

/// Bytes that every array's own are rounded up to.
const GRAIN: usize = 64;

/// All arrays of a run.
pub struct Heap<'a> {
    buffers: Vec<Buffer<'a>>,
    used: usize,
    limit: usize,
}

/// The buffer of empty arrays, which take nothing.
const NO_BUFFER: u32 = u32::MAX;

fn room<T>(len: usize) -> Result<Vec<T>, TrapKind> {
    let mut items = Vec::new();
    items.try_reserve_exact(len).map_err(|_| TrapKind::OutOfMemory)?;
    Ok(items)
}

/// Appends `to - len` times the same element.
fn extend(array: &mut Array, to: usize, word: u64) {
    match array {
        Array::F64(items) => items.resize(to, canonical(f64::from_bits(word))),
        Array::F32(items) => items.resize(to, canonical_f32(f64::from_bits(word) as f32)),
        Array::I64(items) => items.resize(to, word as i64),
        Array::I32(items) => items.resize(to, word as i32),
        Array::U8(items) => items.resize(to, word as u8),
        Array::Bool(items) => items.resize(to, word != 0),
    }
}

fn part<T>(items: &[T], start: usize, len: usize) -> Option<&[T]> {
    items.get(start..)?.get(..len)
}

fn part_mut<T>(items: &mut [T], start: usize, len: usize) -> Option<&mut [T]> {
    items.get_mut(start..)?.get_mut(..len)
}

fn empty(elem: Elem) -> Slice<'static> {
    match elem {
        Elem::F64 => Slice::F64(&[]),
        Elem::F32 => Slice::F32(&[]),
        Elem::I64 => Slice::I64(&[]),
        Elem::I32 => Slice::I32(&[]),
        Elem::U8 => Slice::U8(&[]),
        Elem::Bool => Slice::Bool(&[]),
    }
}

fn move_within<T: Copy>(items: &mut [T], target: usize, source: usize, len: usize) -> Option<()> {
    part(items, target, len)?;
    part(items, source, len)?;
    items.copy_within(source..source + len, target);
    Some(())
}

fn move_between<T: Copy>(to: (&mut [T], usize), from: (&[T], usize), len: usize) -> Option<()> {
    part_mut(to.0, to.1, len)?.copy_from_slice(part(from.0, from.1, len)?);
    Some(())
}

fn copied<T: Copy>(items: &[T]) -> Option<Vec<T>> {
    let mut copy = room(items.len()).ok()?;
    copy.extend_from_slice(items);
    Some(copy)
}

impl<'a> Heap<'a> {
    pub fn new(limit: usize) -> Heap<'a> {
        Heap { buffers: Vec::new(), used: 0, limit }
    }

    /// The whole of a host's array. `None` where there is no memory for another entry.
    pub fn adopt(&mut self, buffer: Buffer<'a>) -> Option<Val> {
        let len = buffer.len() as u64;
        self.enter(buffer).ok().map(|id| Val::array(id, 0, len))
    }

    fn enter(&mut self, buffer: Buffer<'a>) -> Result<u32, TrapKind> {
        let id = u32::try_from(self.buffers.len()).ok().filter(|id| *id != NO_BUFFER).ok_or(TrapKind::OutOfMemory)?;
        self.buffers.try_reserve(1).map_err(|_| TrapKind::OutOfMemory)?;
        self.buffers.push(buffer);
        Ok(id)
    }

    /// Counts a new array against the limit and makes room for it, without elements yet. Empty ones cost nothing.
    fn make(&mut self, elem: Elem, len: u64) -> Result<Val, TrapKind> {
        if len == 0 {
            return Ok(Val::array(NO_BUFFER, 0, 0));
        }
        let bytes = usize::try_from(len).ok().and_then(|len| len.checked_mul(elem.size()));
        let used = bytes
            .and_then(|bytes| bytes.checked_next_multiple_of(GRAIN))
            .and_then(|bytes| bytes.checked_add(self.used))
            .filter(|used| *used <= self.limit)
            .ok_or(TrapKind::OutOfMemory)?;
        let count = len as usize;
        let id = self.enter(Buffer::Own(match elem {
            Elem::F64 => Array::F64(room(count)?),
            Elem::F32 => Array::F32(room(count)?),
            Elem::I64 => Array::I64(room(count)?),
            Elem::I32 => Array::I32(room(count)?),
            Elem::U8 => Array::U8(room(count)?),
            Elem::Bool => Array::Bool(room(count)?),
        }))?;
        self.used = used;
        Ok(Val::array(id, 0, len))
    }

    /// A new array of zeros, for a literal.
    pub fn zeroed(&mut self, elem: Elem, len: u64) -> Result<Val, TrapKind> {
        let val = self.make(elem, len)?;
        if let Some(Buffer::Own(array)) = self.buffers.get_mut(val.buffer as usize) {
            extend(array, len as usize, 0);
        }
        Ok(val)
    }

    /// A new array of this narrowed scalar; each piece is paid for before it is touched.
    pub fn filled(&mut self, elem: Elem, len: u64, word: u64, meter: &mut dyn Meter) -> Result<Val, TrapKind> {
        let val = self.make(elem, len)?;
        let Some(Buffer::Own(array)) = self.buffers.get_mut(val.buffer as usize) else { return Ok(val) };
        let (count, mut done) = (len as usize, 0);
        while done < count {
            let pieces = meter.grant((count - done).div_ceil(PIECE) as u64)?;
            done = count.min(done + pieces as usize * PIECE);
            extend(array, done, word);
        }
        Ok(val)
    }

    /// What there is now.
    pub fn mark(&self) -> Mark {
        // No more than `NO_BUFFER` of them are ever entered.
        Mark { buffers: self.buffers.len() as u32, used: self.used }
    }

    /// Lets go of everything made since.
    pub fn release(&mut self, mark: Mark) {
        self.buffers.truncate(mark.buffers as usize);
        self.used = mark.used;
    }

    /// The element at an index that is in bounds, widened; any NaN is the canonical one.
    #[inline]
    pub fn load(&self, array: Val, index: u64) -> Option<u64> {
        let i = (array.word + index) as usize;
        Some(match self.buffers.get(array.buffer as usize)?.as_slice() {
            Slice::F64(items) => canonical(*items.get(i)?).to_bits(),
            Slice::F32(items) => canonical(f64::from(*items.get(i)?)).to_bits(),
            Slice::I64(items) => *items.get(i)? as u64,
            Slice::I32(items) => i64::from(*items.get(i)?) as u64,
            Slice::U8(items) => u64::from(*items.get(i)?),
            Slice::Bool(items) => u64::from(*items.get(i)?),
        })
    }

    /// Stores a narrowed scalar at an index that is in bounds.
    #[inline]
    pub fn store(&mut self, array: Val, index: u64, word: u64) -> Option<()> {
        let i = (array.word + index) as usize;
        match self.buffers.get_mut(array.buffer as usize)?.as_slice_mut()? {
            SliceMut::F64(items) => *items.get_mut(i)? = canonical(f64::from_bits(word)),
            SliceMut::F32(items) => *items.get_mut(i)? = canonical_f32(f64::from_bits(word) as f32),
            SliceMut::I64(items) => *items.get_mut(i)? = word as i64,
            SliceMut::I32(items) => *items.get_mut(i)? = word as i32,
            SliceMut::U8(items) => *items.get_mut(i)? = word as u8,
            SliceMut::Bool(items) => *items.get_mut(i)? = word != 0,
        }
        Some(())
    }

    /// The elements of an array.
    fn view(&self, array: Val, elem: Elem) -> Option<Slice<'_>> {
        if array.len == 0 {
            return Some(empty(elem));
        }
        let (start, len) = (array.word as usize, array.len as usize);
        Some(match self.buffers.get(array.buffer as usize)?.as_slice() {
            Slice::F64(items) => Slice::F64(part(items, start, len)?),
            Slice::F32(items) => Slice::F32(part(items, start, len)?),
            Slice::I64(items) => Slice::I64(part(items, start, len)?),
            Slice::I32(items) => Slice::I32(part(items, start, len)?),
            Slice::U8(items) => Slice::U8(part(items, start, len)?),
            Slice::Bool(items) => Slice::Bool(part(items, start, len)?),
        })
    }

    /// The first `len` elements of an array that is not empty.
    fn view_mut(&mut self, array: Val, len: usize) -> Option<SliceMut<'_>> {
        let start = array.word as usize;
        Some(match self.buffers.get_mut(array.buffer as usize)?.as_slice_mut()? {
            SliceMut::F64(items) => SliceMut::F64(part_mut(items, start, len)?),
            SliceMut::F32(items) => SliceMut::F32(part_mut(items, start, len)?),
            SliceMut::I64(items) => SliceMut::I64(part_mut(items, start, len)?),
            SliceMut::I32(items) => SliceMut::I32(part_mut(items, start, len)?),
            SliceMut::U8(items) => SliceMut::U8(part_mut(items, start, len)?),
            SliceMut::Bool(items) => SliceMut::Bool(part_mut(items, start, len)?),
        })
    }

    /// A reduction of one array, or of two.
    pub fn reduce(
        &self,
        op: ArrayOp,
        elem: Elem,
        array: Val,
        second: Option<Val>,
        meter: &mut dyn Meter,
    ) -> Result<u64, Fault> {
        let xs = self.view(array, elem).ok_or(Fault::NoSuchArray)?;
        let ys = match second {
            Some(second) => Some(self.view(second, elem).ok_or(Fault::NoSuchArray)?),
            None => None,
        };
        Ok(arrays::reduce(op, xs, ys, meter)?)
    }

    /// Stores a narrowed scalar into every element.
    pub fn fill(&mut self, array: Val, word: u64, meter: &mut dyn Meter) -> Result<(), Fault> {
        if array.len == 0 {
            return Ok(());
        }
        let items = self.view_mut(array, array.len as usize).ok_or(Fault::NoSuchArray)?;
        Ok(arrays::fill(items, word, meter)?)
    }

    /// Copies as if through a temporary; what is paid for before a trap is copied.
    pub fn copy(&mut self, to: Val, from: Val, meter: &mut dyn Meter) -> Result<(), Fault> {
        if to.len != from.len {
            return Err(Fault::Trap(TrapKind::BadArgument));
        }
        let (len, outcome) = arrays::affordable(to.len as usize, meter);
        if len > 0 {
            self.copy_elements(to, from, len).ok_or(Fault::NoSuchArray)?;
            arrays::canonicalise(self.view_mut(to, len).ok_or(Fault::NoSuchArray)?);
        }
        Ok(outcome?)
    }

    fn copy_elements(&mut self, to: Val, from: Val, len: usize) -> Option<()> {
        let (target, source) = (to.word as usize, from.word as usize);
        if to.buffer == from.buffer {
            return match self.buffers.get_mut(to.buffer as usize)?.as_slice_mut()? {
                SliceMut::F64(items) => move_within(items, target, source, len),
                SliceMut::F32(items) => move_within(items, target, source, len),
                SliceMut::I64(items) => move_within(items, target, source, len),
                SliceMut::I32(items) => move_within(items, target, source, len),
                SliceMut::U8(items) => move_within(items, target, source, len),
                SliceMut::Bool(items) => move_within(items, target, source, len),
            };
        }
        let [to, from] = self.buffers.get_disjoint_mut([to.buffer as usize, from.buffer as usize]).ok()?;
        match (to.as_slice_mut()?, from.as_slice()) {
            (SliceMut::F64(to), Slice::F64(from)) => move_between((to, target), (from, source), len),
            (SliceMut::F32(to), Slice::F32(from)) => move_between((to, target), (from, source), len),
            (SliceMut::I64(to), Slice::I64(from)) => move_between((to, target), (from, source), len),
            (SliceMut::I32(to), Slice::I32(from)) => move_between((to, target), (from, source), len),
            (SliceMut::U8(to), Slice::U8(from)) => move_between((to, target), (from, source), len),
            (SliceMut::Bool(to), Slice::Bool(from)) => move_between((to, target), (from, source), len),
            _ => None,
        }
    }

    /// Takes an array out, once nothing runs any more; whole ones of the program's own without copying. `None` where there is no memory.
    pub fn take(&mut self, val: Val, elem: Elem) -> Option<Array> {
        if let Some(Buffer::Own(array)) = self.buffers.get_mut(val.buffer as usize)
            && val.word == 0
            && val.len == array.as_slice().len() as u64
        {
            return Some(std::mem::replace(array, Array::Bool(Vec::new())));
        }
        Some(match self.view(val, elem)? {
            Slice::F64(items) => Array::F64(copied(items)?),
            Slice::F32(items) => Array::F32(copied(items)?),
            Slice::I64(items) => Array::I64(copied(items)?),
            Slice::I32(items) => Array::I32(copied(items)?),
            Slice::U8(items) => Array::U8(copied(items)?),
            Slice::Bool(items) => Array::Bool(copied(items)?),
        })
    }
}
