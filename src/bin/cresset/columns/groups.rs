//! Numbers the groups of `--by`.

use super::cells_text::{is_writable, write_cell};
use super::table::{ColumnInfo, Fault};
use arrow_array::{Array, ArrayRef, UInt32Array};
use cresset::diagnostic::cut;
use std::collections::HashMap;

/// What a group takes besides its key, about.
const EACH: usize = 512;

/// The groups so far, in the order of their first rows.
pub struct Groups {
    names: Vec<String>,
    numbers: HashMap<Vec<u8>, u32>,
    /// The first rows of the groups, by pieces.
    keys: Vec<Vec<ArrayRef>>,
    memory: usize,
    limit: usize,
}

impl Groups {
    /// By these columns; the keys take no more memory than the limit.
    pub fn new(by: &[ColumnInfo], limit: usize) -> Result<Groups, Fault> {
        for column in by {
            if !is_writable(&column.kind.data_type()) {
                let kind = column.kind.shown();
                return Err(format!("rows cannot be grouped by `{}`, which is {kind}", cut(&column.name)).into());
            }
        }
        let names = by.iter().map(|column| column.name.clone()).collect();
        Ok(Groups { names, numbers: HashMap::new(), keys: Vec::new(), memory: 0, limit })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.numbers.len()
    }

    /// The group of each row; none where there is only one.
    pub fn of_rows(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>, Fault> {
        if self.names.is_empty() {
            return Ok(Vec::new());
        }
        let mut groups = Vec::with_capacity(rows);
        let mut new = Vec::new();
        let mut key = Vec::new();
        for row in 0..rows {
            key.clear();
            for column in columns {
                // The length keeps keys of several columns apart; a missing value is a group of its own.
                let start = key.len();
                key.extend_from_slice(&[0; 4]);
                write_cell(&mut key, column, row);
                let len = if column.is_null(row) { u32::MAX } else { (key.len() - start - 4) as u32 };
                key[start..start + 4].copy_from_slice(&len.to_le_bytes());
            }
            match self.numbers.get(key.as_slice()) {
                Some(number) => groups.push(*number),
                None => {
                    let number = self.numbers.len() as u32;
                    self.memory += 2 * key.len() + EACH;
                    if self.memory > self.limit || number == u32::MAX {
                        return Err(format!(
                            "more than {number} groups take more memory than the limit of {} MiB (--memory)",
                            self.limit >> 20
                        )
                        .into());
                    }
                    self.numbers.insert(key.clone(), number);
                    new.push(row as u32);
                    groups.push(number);
                }
            }
        }
        if !new.is_empty() {
            let rows = UInt32Array::from(new);
            let taken: Result<Vec<ArrayRef>, _> =
                columns.iter().map(|column| arrow_select::take::take(column, &rows, None)).collect();
            self.keys.push(taken?);
        }
        Ok(groups)
    }

    /// The keys: a column for each name, a row for each group.
    pub fn finish(self) -> Result<Vec<ArrayRef>, Fault> {
        let mut columns = Vec::with_capacity(self.names.len());
        for at in 0..self.names.len() {
            let pieces: Vec<&dyn Array> = self.keys.iter().filter_map(|piece| Some(piece.get(at)?.as_ref())).collect();
            if !pieces.is_empty() {
                columns.push(arrow_select::concat::concat(&pieces)?);
            }
        }
        Ok(columns)
    }
}
