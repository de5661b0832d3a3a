//! Tells what a command did: results as a table or as JSON.

use super::cells_text::write_cell;
use super::progress::Totals;
use super::reduce::Reduced;
use crate::format::Shown;
use crate::json;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::DataType;
use cresset::arrow::{data_type_of, to_arrow};
use cresset::{Array, Type, Value};
use std::fmt::Write as _;

/// Groups and their results.
#[derive(Default)]
pub struct Table {
    /// The names of all columns.
    pub titles: Vec<String>,
    /// The columns that name the groups.
    pub keys: Vec<ArrayRef>,
    /// The results of each group, and their types.
    pub rows: Vec<Vec<Option<Value>>>,
    pub types: Vec<Type>,
}

impl Table {
    /// All columns as arrays.
    pub fn arrays(&self) -> Vec<ArrayRef> {
        let mut arrays: Vec<ArrayRef> = self.keys.clone();
        let keys = self.titles.len().saturating_sub(self.types.len());
        if arrays.len() < keys {
            arrays.resize(keys, arrow_array::new_empty_array(&DataType::Utf8));
        }
        for (at, ty) in self.types.iter().enumerate() {
            let values = || self.rows.iter().map(move |row| row.get(at).and_then(Option::as_ref));
            let data = match ty {
                Type::I64 => Array::I64(values().map(|v| if let Some(Value::I64(n)) = v { *n } else { 0 }).collect()),
                Type::Bool => Array::Bool(values().map(|v| matches!(v, Some(Value::Bool(true)))).collect()),
                _ => Array::F64(values().map(|v| if let Some(Value::F64(x)) = v { *x } else { 0.0 }).collect()),
            };
            let mut bits = vec![0_u8; self.rows.len().div_ceil(8)];
            for (row, _) in values().enumerate().filter(|(_, value)| value.is_some()) {
                bits[row / 8] |= 1 << (row % 8);
            }
            let all = values().all(|value| value.is_some());
            arrays.push(to_arrow(data, (!all).then_some(bits)));
            debug_assert!(
                arrays.last().is_some_and(|array| *array.data_type() == data_type_of(super::compute::stored(*ty)))
            );
        }
        arrays
    }

    /// As text: a value alone, or aligned columns under their titles.
    pub fn text(&self) -> String {
        if let ([row], true) = (&self.rows[..], self.titles.len() == 1) {
            return match row.first() {
                Some(Some(value)) => format!("{}\n", Shown::whole(value)),
                _ => "\n".to_owned(),
            };
        }
        let cell = |column: &ArrayRef, row: usize| {
            let mut text = Vec::new();
            write_cell(&mut text, column, row);
            // Nothing that a file holds moves the terminal's cursor.
            String::from_utf8_lossy(&text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()
        };
        let arrays = self.arrays();
        let mut columns: Vec<Vec<String>> = Vec::new();
        for (title, array) in self.titles.iter().zip(&arrays) {
            let title = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            columns.push(std::iter::once(title).chain((0..array.len()).map(|row| cell(array, row))).collect());
        }
        let widths: Vec<usize> =
            columns.iter().map(|cells| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
        let mut text = String::new();
        for line in 0..=self.rows.len() {
            let mut written = String::new();
            for ((cells, width), array) in columns.iter().zip(&widths).zip(&arrays) {
                let cell = cells.get(line).map_or("", String::as_str);
                let number = array.data_type().is_numeric();
                // Writing to a text does not fail.
                let _ = if number { write!(written, "{cell:>width$}  ") } else { write!(written, "{cell:<width$}  ") };
            }
            text.push_str(written.trim_end());
            text.push('\n');
        }
        text
    }
}

/// `{"ok":{"rows":…}}` of `map` and `filter`.
pub fn json(totals: &Totals) -> String {
    format!("{{\"ok\":{{{}}}}}\n", counts(totals))
}

fn counts(totals: &Totals) -> String {
    let mut text = format!("\"rows\":{}", totals.rows);
    let Totals { skipped, nulled, kept, .. } = *totals;
    for (name, count) in [("kept", kept), ("skipped", Some(skipped)), ("nulled", Some(nulled))] {
        if let Some(count) = count.filter(|count| *count > 0 || name == "kept") {
            let _ = write!(text, ",\"{name}\":{count}");
        }
    }
    text
}

/// The same with results: one value's fields beside the rows, or a list of groups.
pub fn reduced_json(reduced: &Reduced) -> String {
    let counts = counts(&reduced.totals);
    let table = &reduced.table;
    if reduced.written {
        return format!("{{\"ok\":{{{counts}}}}}\n");
    }
    if let ([row], true) = (&table.rows[..], table.titles.len() == 1) {
        let value = value_json(row.first().and_then(Option::as_ref));
        let fields = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).unwrap_or("\"value\":null");
        return format!("{{\"ok\":{{{counts},{fields}}}}}\n");
    }
    let keys = table.titles.len() - table.types.len();
    let mut groups = Vec::with_capacity(table.rows.len());
    for (at, row) in table.rows.iter().enumerate() {
        let mut fields = Vec::new();
        for (title, key) in table.titles.iter().zip(&table.keys) {
            let mut text = Vec::new();
            write_cell(&mut text, key, at);
            let text = String::from_utf8_lossy(&text);
            let value = if key.is_null(at) { "null".to_owned() } else { json::Text(&text).to_string() };
            fields.push(format!("{}:{value}", json::Text(title)));
        }
        for (title, value) in table.titles.iter().skip(keys).zip(row) {
            fields.push(format!("{}:{}", json::Text(title), value_json(value.as_ref())));
        }
        groups.push(format!("{{{}}}", fields.join(",")));
    }
    format!("{{\"ok\":{{{counts},\"groups\":[{}]}}}}\n", groups.join(","))
}

fn value_json(value: Option<&Value>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| json::One(value).to_string())
}
