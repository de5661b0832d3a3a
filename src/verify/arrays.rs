//! Which array an address lies in, and whether that is within its bounds.

use super::Reason;
use super::state::Known;
use super::values::{ADDRESS_PARTS, Def, Extent, Id, Values, Writable, ZERO};

/// The element that an address is: of which array, behind the elements before it (one or two indices), and so many bytes.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// The array.
    pub extent: Extent,
    /// Indices, which are added.
    pub indices: [Option<Id>; 2],
    /// Bytes behind that.
    pub bytes: i128,
}

impl Values {
    /// Takes an address apart, down to the array that it is in.
    pub fn element(&self, address: Id, disp: i128, index: Option<(Id, u8)>) -> Result<Element, Reason> {
        let mut parts = [index, None];
        let (mut base, mut bytes) = (address, disp);
        for _ in 0..=ADDRESS_PARTS {
            let value = self.get(base);
            if let Some(extent) = value.extent {
                let shifted = |part: Option<(Id, u8)>| match part {
                    Some((id, shift)) if shift == extent.shift => Ok(Some(id)),
                    Some(_) => Err(Reason::Address),
                    None => Ok(None),
                };
                return Ok(Element { extent, indices: [shifted(parts[0])?, shifted(parts[1])?], bytes });
            }
            base = match value.def {
                Def::Sum(inner, number) => {
                    bytes += i128::from(number);
                    inner
                }
                Def::Element { base, index, shift } => {
                    let free = parts.iter_mut().find(|part| part.is_none()).ok_or(Reason::Address)?;
                    *free = Some((index, shift));
                    base
                }
                _ => break,
            };
        }
        Err(Reason::Address)
    }

    /// Whether a length is all of what begins at an address, as far as that can be told.
    pub fn is_whole(&self, address: Id, length: Id) -> bool {
        let Ok(element) = self.element(address, 0, None) else { return false };
        let (root, off) = self.root(length);
        let first = (element.bytes >> element.extent.shift) as i64;
        match element.indices {
            [None, None] => {
                let (all, all_off) = self.root(element.extent.length);
                all == root && all_off.wrapping_sub(first) == off
            }
            [Some(start), None] | [None, Some(start)] => match self.def(root) {
                Def::Difference(_, from) => self.root(from) == self.root(start) && off.wrapping_neg() == first,
                _ => false,
            },
            _ => matches!(self.def(root), Def::Difference(..)),
        }
    }

    /// The size of the elements that an address leads to.
    pub fn shift_of(&self, mut id: Id) -> Option<u8> {
        for _ in 0..=ADDRESS_PARTS {
            let value = self.get(id);
            if let Some(extent) = value.extent {
                return Some(extent.shift);
            }
            id = match value.def {
                Def::Sum(base, _) | Def::Element { base, .. } => base,
                _ => return None,
            };
        }
        None
    }
}

impl Known<'_> {
    /// Whether so many bytes lie inside their array.
    pub fn is_inside(&self, element: &Element, size: i128) -> bool {
        element.extent.lengths().any(|length| self.is_inside_of(element, size, length))
    }

    fn is_inside_of(&self, element: &Element, size: i128, length: Id) -> bool {
        let unit = 1_i128 << element.extent.shift;
        let first = element.bytes.div_euclid(unit);
        let end = (element.bytes + size + unit - 1).div_euclid(unit);
        let (Ok(first), Ok(end)) = (i64::try_from(first), i64::try_from(end)) else { return false };
        let Some(by) = end.checked_neg() else { return false };
        match element.indices {
            [None, None] => first >= 0 && self.le(ZERO, length, by),
            [Some(index), None] | [None, Some(index)] => self.le(ZERO, index, first) && self.le(index, length, by),
            [Some(index), Some(other)] => {
                let either = |a: Id, b: Id| {
                    self.le(ZERO, a, 0) && self.le(ZERO, b, first) && self.sum_is_below(a, b, length, end)
                };
                either(index, other) || either(other, index)
            }
        }
    }

    /// Whether `start + index + end <= length`.
    fn sum_is_below(&self, start: Id, index: Id, length: Id, end: i64) -> bool {
        let greatest = self.greatest(index);
        if let Some(by) = greatest.checked_add(end).and_then(i64::checked_neg)
            && self.le(start, length, by)
        {
            return true;
        }
        // A slice's index is less than its length, which is the difference of its bounds.
        let (root, off) = self.values.root(index);
        self.state.limits.iter().filter(|limit| limit.less == root).any(|limit| {
            let Def::Difference(bound, from) = self.values.def(limit.than) else { return false };
            let (Some(by), true) =
                (limit.by.checked_add(off).and_then(|by| by.checked_add(end)), self.values.get(limit.than).fits)
            else {
                return false;
            };
            // index <= bound - from + (limit.by + off), so start + index + end <= length follows from:
            self.le(start, from, 0) && by.checked_neg().is_some_and(|by| self.le(bound, length, by))
        })
    }

    /// Whether an array of so many elements begins at an address.
    pub fn array_at(&self, address: Id, length: Id, shift: u8) -> Result<Writable, Reason> {
        if !self.le(ZERO, length, 0) {
            return Err(Reason::Argument);
        }
        if self.values.number(length) == Some(0) {
            return Ok(Writable::YES);
        }
        let element = self.values.element(address, 0, None).map_err(|_| Reason::Argument)?;
        let unit = 1_i128 << element.extent.shift;
        let first = element.bytes.div_euclid(unit);
        let whole = element.bytes.rem_euclid(unit) == 0 && element.extent.shift == shift;
        let Ok(first) = i64::try_from(first) else { return Err(Reason::Argument) };
        let fits = element.extent.lengths().any(|all| match element.indices {
            [None, None] => first >= 0 && self.le(length, all, first.saturating_neg()),
            [Some(start), None] | [None, Some(start)] => {
                self.le(ZERO, start, first) && self.slice_fits(start, length, all, first)
            }
            [Some(outer), Some(inner)] => {
                // A slice of a slice: both starts, and the length below what is left of the outer one.
                self.le(ZERO, outer, 0)
                    && self.le(ZERO, inner, 0)
                    && first == 0
                    && self.slices_fit([outer, inner], length, all)
            }
        });
        if whole && fits { Ok(element.extent.writable) } else { Err(Reason::Argument) }
    }

    /// Whether `start + first + length <= all`.
    fn slice_fits(&self, start: Id, length: Id, all: Id, first: i64) -> bool {
        let (root, off) = self.values.root(length);
        if let Def::Difference(bound, from) = self.values.def(root)
            && self.values.get(root).fits
            && let Some(by) = off.checked_add(first).and_then(i64::checked_neg)
            && self.le(start, from, 0)
            && self.le(bound, all, by)
        {
            return true;
        }
        self.sum_is_below(start, length, all, first)
    }

    fn slices_fit(&self, starts: [Id; 2], length: Id, all: Id) -> bool {
        let Def::Difference(bound, from) = self.values.def(length) else { return false };
        if !self.values.get(length).fits {
            return false;
        }
        // length = bound - inner, bound <= (the outer slice's length) = end - outer, end <= all
        [(starts[0], starts[1]), (starts[1], starts[0])].into_iter().any(|(outer, inner)| {
            let outer_length = |id: Id| {
                let Def::Difference(end, start) = self.values.def(id) else { return false };
                self.values.get(id).fits && self.le(outer, start, 0) && self.le(bound, id, 0) && self.le(end, all, 0)
            };
            let (root, _) = self.values.root(bound);
            let above = self.state.limits.iter().filter(|limit| limit.less == root).map(|limit| limit.than);
            self.le(inner, from, 0) && above.chain([root]).any(outer_length)
        })
    }
}
