//! File formats, told by the ends of names.

use cresset::Elem;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// How a file holds columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// The same with tabs.
    Tsv,
    Parquet,
    /// Arrow's file format, on a pipe its streaming format.
    Arrow,
    /// One column, its elements one after the other, the least significant byte first.
    Raw(Elem),
}

impl Format {
    /// What the end of a file's name says.
    pub fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "tab" => Format::Tsv,
            "pq" => Format::Parquet,
            "arrows" | "ipc" | "feather" => Format::Arrow,
            other => other.parse().ok()?,
        })
    }

    /// Whether it holds text.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Csv | Format::Tsv)
    }
}

/// Says what to do about a name that tells no format.
pub fn unknown(path: &Path, option: &str) -> String {
    format!(
        "cannot tell the format of {} by the end of its name: say --{option} csv, tsv, parquet, arrow, f64, f32, i64, i32, u8 or bool",
        path.display()
    )
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        Ok(match text {
            "csv" => Format::Csv,
            "tsv" => Format::Tsv,
            "parquet" => Format::Parquet,
            "arrow" => Format::Arrow,
            name => match Elem::ALL.into_iter().find(|elem| elem.name() == name) {
                Some(elem) => Format::Raw(elem),
                None => {
                    return Err("the formats are csv, tsv, parquet, arrow, f64, f32, i64, i32, u8, bool".to_owned());
                }
            },
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Format::Csv => f.write_str("csv"),
            Format::Tsv => f.write_str("tsv"),
            Format::Parquet => f.write_str("parquet"),
            Format::Arrow => f.write_str("arrow"),
            Format::Raw(elem) => elem.fmt(f),
        }
    }
}
