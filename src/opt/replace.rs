//! Values that turned out to be other values.

use crate::ir::func::{Func, Value};
use crate::reuse::Buf;

/// For each value the one to use in its place.
pub(super) struct Replace {
    /// Empty until the first is replaced.
    by: Buf<Value>,
    values: u32,
}

impl Replace {
    pub(super) fn new(func: &Func) -> Replace {
        Replace { by: Buf::empty(), values: func.values.len() as u32 }
    }

    /// From now on `new` is used where `old` was. `new` is not itself replaced by `old`.
    pub(super) fn set(&mut self, old: Value, new: Value) {
        let new = self.resolve(new);
        if self.by.is_empty() {
            self.by = (0..self.values).map(Value).collect();
        }
        if let Some(by) = self.by.get_mut(old.index())
            && old != new
        {
            *by = new;
        }
    }

    /// The value to use; a value made since is itself.
    pub(super) fn resolve(&mut self, value: Value) -> Value {
        let mut value = value;
        while let Some(&by) = self.by.get(value.index())
            && by != value
        {
            // Halving the path keeps long chains from being walked again and again.
            let next = self.by.get(by.index()).copied().unwrap_or(by);
            self.by[value.index()] = next;
            value = next;
        }
        value
    }

    /// Puts the values in place everywhere.
    pub(super) fn apply(mut self, func: &mut Func) {
        if self.by.is_empty() {
            return;
        }
        for i in 0..func.value_lists.len() {
            func.value_lists[i] = self.resolve(func.value_lists[i]);
        }
    }
}
