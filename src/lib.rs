//! Formulas and small numeric programs that somebody else wrote, run as machine code inside walls.
//!
//! A text goes in, callable functions come out; whatever the text or the data, every failure is a value:
//!
//! ```
//! use cresset::{Engine, Limits, TrapKind};
//!
//! let engine = Engine::new()?;
//! let module = engine.compile("fn mean_of_squares(xs: [f64]) = sum(xs) / len(xs) + xs[0]^2;")?;
//! let f = module.func::<fn(&[f64]) -> f64>("mean_of_squares")?;
//! assert_eq!(f.call(&[3.0, 1.0])?, 11.0);
//!
//! // An empty array has no first element: a trap with its kind and place, and the next call works.
//! let error = f.call(&[]).unwrap_err();
//! assert_eq!(error.trap().map(|trap| trap.kind), Some(TrapKind::OutOfBounds));
//!
//! // Limits are on by default; a sandbox has its own.
//! let endless = engine.compile("while true { }")?.program::<fn()>()?;
//! let mut sandbox = engine.sandbox(Limits::default().fuel(10_000))?;
//! assert!(endless.call_in(&mut sandbox, ()).is_err());
//!
//! // Mistakes are told with their place and what to write instead.
//! let error = engine.compile("2 ** 3").unwrap_err();
//! assert_eq!(error.diagnostics()[0].help.as_deref(), Some("write `^`"));
//! # Ok::<(), cresset::Error>(())
//! ```
//!
//! | to | see |
//! | --- | --- |
//! | compile, inspect, configure | [`Engine`], [`Config`] |
//! | call with types known to Rust | [`Module::func`], [`Func`], [`signature::Signature`] |
//! | call with types known at run time | [`Module::call`], [`Module::run`], [`Arg`], [`Value`] |
//! | run a formula over columns | [`Engine::kernel`], [`Kernel`], [`Columns`] |
//! | limit and cancel | [`Limits`], [`Sandbox`], [`CancelHandle`] |
//! | let programs call the host | [`Config::host_fn`], [`HostError`] |
//! | put data into memory that a program reads and writes in place: files, shared memory | [`Data`], [`DataMut`], [`Buffer`] |
//! | know which walls stand | [`Engine::hardening`] |
//! | tell users what is wrong | [`Error`], [`SourceError::render`], [`Diagnostic`], [`Trap`] |
//!
//! The language is described in `docs/language.md` of the repository, the inside of the crate in `ARCHITECTURE.md`.
//! Modules that are hidden here are open for the crate's own tools and tests; they promise nothing.
#![deny(unsafe_code)]
#![allow(rustdoc::private_intra_doc_links, reason = "module pages also speak to those who read the source")]

#[cfg(feature = "arrow")]
pub mod arrow;
mod batch;
mod budget;
#[doc(hidden)]
pub mod codegen;
pub mod diagnostic;
pub mod engine;
pub mod error;
pub mod hardening;
mod hash;
pub mod host;
#[doc(hidden)]
pub mod interp;
#[doc(hidden)]
pub mod ir;
pub mod kernel;
mod lazy;
pub mod limits;
#[cfg(feature = "disasm")]
#[doc(hidden)]
pub mod listing;
#[doc(hidden)]
pub mod math;
#[allow(unsafe_code, reason = "owns the mappings of the process that this crate makes")]
#[doc(hidden)]
pub mod memory;
pub mod module;
#[doc(hidden)]
pub mod opt;
mod reuse;
#[allow(unsafe_code, reason = "enters machine code, and is called by it")]
#[doc(hidden)]
pub mod runtime;
pub mod sandbox;
#[doc(hidden)]
pub mod sema;
pub mod signature;
mod span;
#[doc(hidden)]
pub mod syntax;
pub mod trap;
pub mod types;
pub mod value;
#[doc(hidden)]
pub mod verify;
#[doc(hidden)]
pub mod walls;

pub use diagnostic::Diagnostic;
pub use engine::{Config, Cpu, Engine, Execution, Inspection};
pub use error::{Error, SourceError};
pub use hardening::Hardening;
pub use host::{HostError, HostFn};
pub use kernel::{Binding, Columns, CompiledKernel, InputType, Kernel, OutputColumn, Reduction, Selection, Validity};
pub use limits::{CancelHandle, Limits};
#[doc(inline)]
pub use memory::Publication;
#[doc(inline)]
pub use memory::data::{Advice, AnyBits, Buffer, Data, DataError, DataMut, Plain, ReadView, View};
pub use module::{Func, Function, Module};
pub use sandbox::Sandbox;
pub use span::Span;
pub use trap::{Trap, TrapKind};
pub use types::{Elem, Type};
pub use value::{Arg, Array, Mapped, MappedColumn, Slice, SliceMut, Value};
