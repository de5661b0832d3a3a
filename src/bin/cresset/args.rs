//! What the command line takes.

#[cfg(feature = "columns")]
use crate::columns::args::{FilterArgs, MapArgs, ReduceArgs};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use cresset::{Cpu, Execution, Limits};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// Runs formulas and small numeric programs as machine code inside walls.
#[derive(Parser)]
#[command(name = "cresset", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; the REPL if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run a program: write what it prints, then its value
    Run(RunArgs),
    /// Evaluate an expression or a small program and write its value
    Eval(EvalArgs),
    /// Look for mistakes without running anything; list functions and inputs
    Check(CheckArgs),
    /// Show what becomes of a program: its tree, its types, its IR, its machine code
    Emit(EmitArgs),
    /// Compute columns from columns, row by row: CSV, Parquet, Arrow or raw files in and out
    #[cfg(feature = "columns")]
    Map(MapArgs),
    /// Keep the rows for which a formula is true
    #[cfg(feature = "columns")]
    Filter(FilterArgs),
    /// Make one value of all rows, or of each group: sums, means, counts
    #[cfg(feature = "columns")]
    Reduce(ReduceArgs),
    /// Read, evaluate and print, line by line
    Repl(ReplArgs),
}

impl Command {
    /// Whether results, and errors with them, are wanted as JSON.
    pub fn wants_json(&self) -> bool {
        match self {
            Command::Run(args) => args.output.json,
            Command::Eval(args) => args.output.json,
            Command::Check(args) => args.output.json,
            Command::Emit(args) => args.output.json,
            Command::Repl(_) => false,
            #[cfg(feature = "columns")]
            Command::Map(args) => args.data.output.json,
            #[cfg(feature = "columns")]
            Command::Filter(args) => args.data.output.json,
            #[cfg(feature = "columns")]
            Command::Reduce(args) => args.data.output.json,
        }
    }
}

impl Default for Command {
    fn default() -> Command {
        Command::Repl(ReplArgs { engine: EngineArgs::default(), color: ColorArgs::default() })
    }
}

#[derive(Args)]
pub struct RunArgs {
    /// The program's file, or `-` for standard input
    pub file: PathBuf,
    /// Values of the program's free names: `x=1.5`, `n=3`, `on=true`, `xs=[1, 2]`, `ys:[f32]=[1, 2]`, or any expression
    #[arg(value_name = "NAME=VALUE")]
    pub values: Vec<String>,
    /// The same as NAME=VALUE
    #[arg(short = 'v', long = "value", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub more_values: Vec<String>,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args)]
pub struct EvalArgs {
    /// The expression, or `-` for standard input
    #[arg(
        value_name = "EXPR",
        required_unless_present = "lines",
        conflicts_with = "lines",
        allow_hyphen_values = true
    )]
    pub expr: Option<String>,
    /// The value of a free name: `-v x=1.5`
    #[arg(short = 'v', long = "value", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub values: Vec<String>,
    /// Read one program a line from standard input and answer each in turn; limits hold for each program
    #[arg(long)]
    pub lines: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args)]
pub struct CheckArgs {
    /// The program's file, or `-` for standard input
    pub file: PathBuf,
    /// Values of free names, to check with their types
    #[arg(short = 'v', long = "value", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub values: Vec<String>,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args)]
pub struct EmitArgs {
    /// The program's file, or `-` for standard input
    pub file: PathBuf,
    /// What to show
    #[arg(long, value_enum, default_value_t = Stage::Asm)]
    pub stage: Stage,
    /// The machine that code is made for; any, whatever this one is
    #[arg(long, value_enum)]
    pub target: Option<Target>,
    /// Values of free names: their types decide what is compiled
    #[arg(short = 'v', long = "value", value_name = "NAME=VALUE", action = ArgAction::Append)]
    pub values: Vec<String>,
    /// Leave fuel and interruption out of the code
    #[arg(long)]
    pub no_metering: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Args)]
pub struct ReplArgs {
    #[command(flatten)]
    pub engine: EngineArgs,
    #[command(flatten)]
    pub color: ColorArgs,
}

/// A stage of the pipeline.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// The syntax tree
    Ast,
    /// The typed, resolved tree
    Hir,
    /// The optimized SSA form
    Ir,
    /// Machine code as assembly, with the source beside it
    Asm,
    /// Machine code as bytes
    Bytes,
}

/// A machine that code can be shown for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// x86-64 with AVX2 (x86-64-v3)
    #[value(name = "x86-64", alias = "x86-64-v3")]
    X86_64,
    /// x86-64 with AVX-512
    #[value(name = "x86-64-v4")]
    X86_64V4,
    /// AArch64 with NEON
    #[value(name = "aarch64")]
    Aarch64,
}

impl Target {
    pub fn cpu(self) -> Cpu {
        match self {
            Target::X86_64 => Cpu::X86_64V3,
            Target::X86_64V4 => Cpu::X86_64V4,
            Target::Aarch64 => Cpu::AArch64,
        }
    }
}

/// How programs run, and what each may use.
#[derive(Args, Clone)]
pub struct EngineArgs {
    /// Machine code, or the interpreter [default: machine code where this machine can]
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Option<EngineChoice>,
    /// The processor level that code is made for
    #[arg(long, value_enum, value_name = "CPU", default_value_t = CpuChoice::Native)]
    pub cpu: CpuChoice,
    /// Units of work (loop iterations and calls), or `none`
    #[arg(long, value_name = "N|none", default_value = "none", value_parser = parse_fuel)]
    pub fuel: Limit<u64>,
    /// Time, as `50ms`, `2s` or `none`
    #[arg(long, value_name = "TIME|none", default_value = "none", value_parser = parse_time)]
    pub timeout: Limit<Duration>,
    /// Memory for arrays, as `64MiB` or a number of bytes
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_size)]
    pub memory: usize,
    /// Nested calls
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub depth: u32,
}

impl Default for EngineArgs {
    fn default() -> EngineArgs {
        EngineArgs {
            engine: None,
            cpu: CpuChoice::Native,
            fuel: Limit(None),
            timeout: Limit(None),
            memory: 256 << 20,
            depth: 10_000,
        }
    }
}

impl EngineArgs {
    pub fn limits(&self) -> Limits {
        Limits {
            fuel: self.fuel.0,
            deadline: self.timeout.0,
            memory: self.memory,
            depth: self.depth,
            ..Limits::default()
        }
    }

    pub fn execution(&self) -> Execution {
        match self.engine {
            None if self.cpu == CpuChoice::Native => Execution::Auto,
            None | Some(EngineChoice::Jit) => Execution::Jit,
            Some(EngineChoice::Interp) => Execution::Interpreter,
        }
    }

    pub fn cpu(&self) -> Cpu {
        match self.cpu {
            CpuChoice::Native => Cpu::Native,
            CpuChoice::V3 => Cpu::X86_64V3,
            CpuChoice::V4 => Cpu::X86_64V4,
        }
    }
}

/// A limit, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit<T>(pub Option<T>);

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// Machine code
    Jit,
    /// The reference interpreter
    Interp,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CpuChoice {
    /// The best that this machine can
    #[value(name = "native")]
    Native,
    /// AVX2, FMA, BMI2
    #[value(name = "x86-64-v3")]
    V3,
    /// AVX-512
    #[value(name = "x86-64-v4")]
    V4,
}

/// How results are written.
#[derive(Args, Clone, Default)]
pub struct OutputArgs {
    /// Write a JSON object to standard output, errors included
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub color: ColorArgs,
}

/// How errors are written.
#[derive(Args, Clone, Default)]
pub struct ColorArgs {
    /// Colours in error messages
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorArgs {
    /// Whether errors are coloured on standard error. <https://no-color.org>
    pub fn wanted(&self) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let wished_away = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                !wished_away && std::io::stderr().is_terminal()
            }
        }
    }
}

fn parse_fuel(text: &str) -> Result<Limit<u64>, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    digits.parse().map(|n| Limit(Some(n))).map_err(|_| "write a whole number, or `none`".to_owned())
}

fn parse_time(text: &str) -> Result<Limit<Duration>, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    let units =
        [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("min", 60.0), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let problem = || "write a time as `50ms`, `2s`, `1m`, or `none`".to_owned();
    let (number, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).ok_or_else(problem)?;
    let number: f64 = number.trim().parse().map_err(|_| problem())?;
    Duration::try_from_secs_f64(number * unit).map(|time| Limit(Some(time))).map_err(|_| problem())
}

fn parse_size(text: &str) -> Result<usize, String> {
    let problem = || "write a size as `64MiB`, `1GiB` or a number of bytes".to_owned();
    let units: [(&str, usize); 10] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("B", 1),
    ];
    let (number, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit))).unwrap_or((text, 1));
    let number: usize = number.trim().parse().map_err(|_| problem())?;
    number.checked_mul(unit).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn limits_are_read() {
        assert_eq!(parse_time("50ms"), Ok(Limit(Some(Duration::from_millis(50)))));
        assert_eq!(parse_time("1.5s"), Ok(Limit(Some(Duration::from_millis(1500)))));
        assert_eq!(parse_time("2m"), Ok(Limit(Some(Duration::from_secs(120)))));
        assert_eq!(parse_time("none"), Ok(Limit(None)));
        assert!(parse_time("50").is_err() && parse_time("-1s").is_err() && parse_time("nans").is_err());
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert!(parse_size("-1").is_err() && parse_size("99999999999GiB").is_err());
        assert_eq!(parse_fuel("1_000"), Ok(Limit(Some(1000))));
        assert!(parse_fuel("-1").is_err() && parse_fuel("x").is_err());
    }
}
