//! What `map`, `filter` and `reduce` take.

use super::format::Format;
use crate::args::{EngineArgs, OutputArgs};
use clap::{ArgAction, Args, ValueEnum};

#[derive(Args)]
pub struct MapArgs {
    /// Formulas over columns: `'z = sqrt(x^2 + y^2)'`, one an output column
    #[arg(value_name = "FORMULA", allow_hyphen_values = true)]
    pub formula: String,
    /// More of them
    #[arg(value_name = "FORMULA")]
    pub more: Vec<String>,
    /// Input columns to write too, before the new ones: names, or `*` for all
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub keep: Vec<String>,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Args)]
pub struct FilterArgs {
    /// What must be true of a row: `'a > 0 and b/a < 2'`
    #[arg(value_name = "FORMULA", allow_hyphen_values = true)]
    pub formula: String,
    /// Columns to write [default: all]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub keep: Vec<String>,
    #[command(flatten)]
    pub data: DataArgs,
}

#[derive(Args)]
pub struct ReduceArgs {
    /// Reductions of row formulas: `'mean(price * qty)'`, `'n = count()'`, `'sum(x * w) / sum(w)'`;
    /// they are sum, min, max, mean, count, product, any, all
    #[arg(value_name = "FORMULA", allow_hyphen_values = true)]
    pub formula: String,
    /// More of them
    #[arg(value_name = "FORMULA")]
    pub more: Vec<String>,
    /// A result for each value of this column
    #[arg(long, value_name = "COLUMN", action = ArgAction::Append)]
    pub by: Vec<String>,
    #[command(flatten)]
    pub data: DataArgs,
}

impl MapArgs {
    pub fn formulas(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.formula).chain(&self.more)
    }
}

impl ReduceArgs {
    pub fn formulas(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.formula).chain(&self.more)
    }
}

/// Where columns come from and go to.
#[derive(Args)]
pub struct DataArgs {
    /// A table (.csv .tsv .parquet .arrow, `-` for standard input), or a raw file a column: `-i x=a.f64 -i n=b.i64`
    #[arg(short = 'i', long = "input", value_name = "[NAME=]FILE", required = true, action = ArgAction::Append)]
    pub inputs: Vec<String>,
    /// Where results go; raw files hold one column each: `-o out.f64`, `-o z=z.f64 -o w=w.f64`
    #[arg(short = 'o', long = "output", value_name = "[NAME=]FILE", action = ArgAction::Append)]
    pub outputs: Vec<String>,
    /// The input's format, where its name does not tell
    #[arg(long, value_name = "FORMAT")]
    pub from: Option<Format>,
    /// The output's format, where its name does not tell
    #[arg(long, value_name = "FORMAT")]
    pub to: Option<Format>,
    /// Call a column by another name: `--name price='unit price'`, `--name first=#1`
    #[arg(long, value_name = "NAME=COLUMN", action = ArgAction::Append)]
    pub name: Vec<String>,
    /// The type of a CSV column, instead of what its first rows look like: `--type n=f64` (f64, i64, bool, text)
    #[arg(long = "type", value_name = "COLUMN=TYPE", action = ArgAction::Append)]
    pub types: Vec<String>,
    /// A text that stands for a missing value in CSV, besides an empty cell: `--missing NA`
    #[arg(long, value_name = "TEXT", action = ArgAction::Append)]
    pub missing: Vec<String>,
    /// The CSV has no header line; its columns are c1, c2, …
    #[arg(long)]
    pub no_header: bool,
    /// What stands between the cells of a CSV [default: a comma]
    #[arg(long, value_name = "CHARACTER")]
    pub delimiter: Option<String>,
    /// What becomes of a row that cannot be read, or traps
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnError::Fail)]
    pub on_error: OnError,
    /// Threads that run formulas [default: one a processor]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// No progress, no summary
    #[arg(short, long)]
    pub quiet: bool,
    /// The value of a free name that is no column: `-v a=1.5`
    #[arg(short = 'v', long = "value", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub values: Vec<String>,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What becomes of a bad row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum OnError {
    /// It ends the command; nothing is written
    Fail,
    /// Its bad cells and results are missing
    Null,
    /// It is left out
    Skip,
}

impl DataArgs {
    pub fn threads(&self) -> usize {
        let machine = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(machine).clamp(1, 256)
    }
}
