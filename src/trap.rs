//! What ends a run early, as plain data.

use crate::span::Span;
use std::fmt;

/// The kinds of traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum TrapKind {
    /// A whole-number result that does not fit 64 bits.
    IntegerOverflow,
    /// A whole-number division or remainder by zero.
    DivideByZero,
    /// A conversion or a store whose value does not fit.
    BadCast,
    /// An argument that the operation does not take.
    BadArgument,
    /// An index or a slice's bound outside the array.
    OutOfBounds,
    /// More nested calls than the limit.
    StackOverflow,
    /// No fuel left.
    OutOfFuel,
    /// The deadline passed, or the host cancelled.
    Interrupted,
    /// The arrays would take more than the limit.
    OutOfMemory,
    /// A mapped file lost the page that was read or written.
    BusError,
    /// A host function failed or panicked.
    HostError,
}

impl TrapKind {
    /// All of them, in the order of their discriminants.
    pub const ALL: [TrapKind; 11] = [
        TrapKind::IntegerOverflow,
        TrapKind::DivideByZero,
        TrapKind::BadCast,
        TrapKind::BadArgument,
        TrapKind::OutOfBounds,
        TrapKind::StackOverflow,
        TrapKind::OutOfFuel,
        TrapKind::Interrupted,
        TrapKind::OutOfMemory,
        TrapKind::BusError,
        TrapKind::HostError,
    ];

    /// Its name, as in the language's reference.
    pub const fn name(self) -> &'static str {
        match self {
            TrapKind::IntegerOverflow => "IntegerOverflow",
            TrapKind::DivideByZero => "DivideByZero",
            TrapKind::BadCast => "BadCast",
            TrapKind::BadArgument => "BadArgument",
            TrapKind::OutOfBounds => "OutOfBounds",
            TrapKind::StackOverflow => "StackOverflow",
            TrapKind::OutOfFuel => "OutOfFuel",
            TrapKind::Interrupted => "Interrupted",
            TrapKind::OutOfMemory => "OutOfMemory",
            TrapKind::BusError => "BusError",
            TrapKind::HostError => "HostError",
        }
    }
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One call that was under way when a program trapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The function that was called.
    pub function: std::sync::Arc<str>,
    /// The call expression, in the caller.
    pub call: Span,
}

/// How many frames of either end of a call stack a [`Trap`] keeps.
pub const KEPT_FRAMES: usize = 16;

/// Why a run ended early, and where.
#[derive(Clone, Debug)]
pub struct Trap {
    /// What happened.
    pub kind: TrapKind,
    /// The expression that trapped.
    pub span: Span,
    /// The index or bound and the length, for [`TrapKind::OutOfBounds`].
    pub bounds: Option<(i64, i64)>,
    /// The calls under way, innermost first: at most the 16 innermost and the 16 outermost.
    pub stack: Vec<Frame>,
    /// How many frames between the innermost and the outermost were left out of `stack`.
    pub frames_left_out: u64,
    /// What is left of the fuel, where it is limited.
    pub fuel_left: Option<u64>,
    /// What a host function said, for [`TrapKind::HostError`].
    pub host: Option<HostFailure>,
    /// The row that trapped, where a kernel ran over columns.
    pub row: Option<u64>,
    /// The kernel's output whose text it is that trapped, where it has several.
    pub output: Option<std::sync::Arc<str>>,
}

/// What a failed host function left.
#[derive(Clone)]
pub struct HostFailure {
    /// The message of the error or the panic.
    pub message: String,
    /// The payload of the panic, if it was one.
    pub panic: Option<std::sync::Arc<std::sync::Mutex<Box<dyn std::any::Any + Send>>>>,
}

impl fmt::Debug for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostFailure").field("message", &self.message).field("panicked", &self.panic.is_some()).finish()
    }
}

impl Trap {
    /// A trap of this kind at this place, with nothing else known yet.
    pub fn new(kind: TrapKind, span: Span) -> Trap {
        Trap {
            kind,
            span,
            bounds: None,
            stack: Vec::new(),
            frames_left_out: 0,
            fuel_left: None,
            host: None,
            row: None,
            output: None,
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at bytes {}..{}", self.kind, self.span.start, self.span.end)?;
        if let Some((index, len)) = self.bounds {
            write!(f, ": {index} is outside an array of {len}")?;
        }
        if let Some(host) = &self.host {
            write!(f, ": {}", host.message)?;
        }
        if let Some(output) = &self.output {
            write!(f, " in `{}`", crate::diagnostic::cut(output))?;
        }
        if let Some(row) = self.row {
            write!(f, " in row {row}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Trap {}
