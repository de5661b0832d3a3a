//! What a kernel gives: columns of which some rows may be missing, and selections of rows.

use crate::error::Error;
use crate::types::{Elem, Type};
use crate::value::Array;

/// A column that a kernel computed.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputColumn {
    /// The values; 0 or `false` in missing rows.
    pub data: Array,
    /// Which rows have a value, one bit a row, the lowest bit of the first byte first; `None` where all have.
    pub validity: Option<Vec<u8>>,
}

/// Rows that a filter let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    bits: Vec<u8>,
    len: usize,
    selected: usize,
}

impl Selection {
    /// Makes one for so many rows, none of them selected.
    pub(super) fn new(len: usize) -> Option<Selection> {
        Some(Selection { bits: zero_bits(len)?, len, selected: 0 })
    }

    pub(super) fn select(&mut self, row: usize) {
        if let Some(byte) = self.bits.get_mut(row / 8)
            && *byte >> (row % 8) & 1 == 0
        {
            *byte |= 1 << (row % 8);
            self.selected += 1;
        }
    }

    /// How many rows it is about.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it is about no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many rows were let through.
    pub fn count(&self) -> usize {
        self.selected
    }

    /// Whether the row was let through.
    pub fn contains(&self, row: usize) -> bool {
        self.bits.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 != 0)
    }

    /// One bit a row, the lowest bit of the first byte first; bits behind the last row are 0.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// The rows that were let through, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.bits
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte != 0)
            .flat_map(|(at, &byte)| (0..8).filter(move |bit| byte >> bit & 1 != 0).map(move |bit| at * 8 + bit))
    }
}

/// A bit for each row, all 0, if there is memory.
pub(super) fn zero_bits(rows: usize) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    bits.try_reserve_exact(rows.div_ceil(8)).ok()?;
    bits.resize(rows.div_ceil(8), 0);
    Some(bits)
}

/// An output of this type goes to such elements: by promotion only.
pub(super) fn fits(ty: Type, elem: Elem) -> Result<(), Error> {
    match (ty, elem) {
        (Type::F64 | Type::I64, Elem::F64) | (Type::I64, Elem::I64) | (Type::Bool, Elem::Bool) => Ok(()),
        _ => Err(Error::Signature(format!("the kernel gives {ty}, which does not go to elements of {elem}"))),
    }
}

pub(super) fn no_memory(rows: usize) -> Error {
    Error::Machine(format!("there is no memory for a column of {rows} rows"))
}
