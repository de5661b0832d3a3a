//! What a host holds and calls: a compiled program and its functions.

use crate::engine::EngineInner;
use crate::error::Error;
use crate::interp;
use crate::runtime::Host;
use crate::runtime::entry::{Entry, run_values};
use crate::runtime::fpenv::FpEnv;
use crate::runtime::program::{FuncSignature, Program, Signatures};
use crate::sandbox::{Sandbox, SandboxParts};
use crate::sema::hir::{FuncId, Hir, Param};
use crate::signature::{Output, Signature};
use crate::types::Type;
use crate::value::{Arg, Value};
use std::fmt::Write;
use std::sync::Arc;

/// A compiled program. Clones are the same program; it lives until the last clone and handle is dropped.
#[derive(Clone, Debug)]
pub struct Module {
    engine: Arc<EngineInner>,
    source: Text,
    body: Body,
}

/// What runs.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Machine code.
    Code(Arc<Program>),
    /// The typed program, by the interpreter.
    Typed(Arc<(Box<Hir>, Signatures)>),
}

/// A program's text, perhaps in one piece of memory with others: small pieces that live as long as a formula does would be most of what a million take.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    shared: Arc<str>,
    start: u32,
    len: u32,
}

impl Text {
    /// By itself.
    pub fn alone(text: &str) -> Text {
        Text { shared: text.into(), start: 0, len: text.len() as u32 }
    }

    /// So many bytes from a place on.
    pub fn part(shared: Arc<str>, start: usize, len: usize) -> Text {
        Text { shared, start: start as u32, len: len as u32 }
    }

    fn get(&self) -> &str {
        let start = self.start as usize;
        self.shared.get(start..start + self.len as usize).unwrap_or_default()
    }
}

impl Body {
    /// For the interpreter.
    pub fn typed(hir: Box<Hir>) -> Body {
        let signatures = Signatures::of(&hir);
        Body::Typed(Arc::new((hir, signatures)))
    }
}

/// A function, as its signature shows it. `Display` writes it as the language does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name; empty for the program's own statements.
    pub name: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// What it gives.
    pub result: Type,
}

impl Function {
    pub(crate) fn of(func: &FuncSignature) -> Function {
        Function { name: func.name.to_string(), params: func.params.to_vec(), result: func.result }
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "fn {}(", self.name)?;
        for (i, param) in self.params.iter().enumerate() {
            let (comma, mutable) = (if i > 0 { ", " } else { "" }, if param.mutable { "mut " } else { "" });
            write!(f, "{comma}{mutable}{}: {}", param.name, param.ty)?;
        }
        f.write_char(')')?;
        if self.result != Type::Unit {
            write!(f, " -> {}", self.result)?;
        }
        Ok(())
    }
}

impl Module {
    pub(crate) fn new(engine: &Arc<EngineInner>, source: Text, body: Body) -> Module {
        Module { engine: engine.clone(), source, body }
    }

    fn signatures(&self) -> &Signatures {
        match &self.body {
            Body::Code(program) => program.signatures(),
            Body::Typed(typed) => &typed.1,
        }
    }

    fn code(&self) -> Option<&Arc<Program>> {
        match &self.body {
            Body::Code(program) => Some(program),
            Body::Typed(_) => None,
        }
    }

    fn funcs(&self) -> &[FuncSignature] {
        &self.signatures().funcs
    }

    fn main(&self) -> Option<(FuncId, &FuncSignature)> {
        let id = self.signatures().main?;
        Some((id, self.funcs().get(id.0 as usize)?))
    }

    /// The functions that the text defines, in its order.
    pub fn functions(&self) -> impl Iterator<Item = Function> {
        let main = self.signatures().main;
        let named = move |(i, _): &(usize, &FuncSignature)| main != Some(FuncId(*i as u32));
        self.funcs().iter().enumerate().filter(named).map(|(_, func)| Function::of(func))
    }

    /// The inputs that it was compiled with, in their order: the parameters of [`Module::program`].
    pub fn inputs(&self) -> &[Param] {
        self.main().map_or(&[], |(_, func)| &func.params)
    }

    /// The type of the program's own value.
    pub fn result(&self) -> Type {
        self.main().map_or(Type::Unit, |(_, func)| func.result)
    }

    /// The text.
    pub fn source(&self) -> &str {
        self.source.get()
    }

    /// Whether it runs as machine code.
    pub fn is_jit(&self) -> bool {
        self.code().is_some()
    }

    fn find(&self, name: &str) -> Result<FuncId, Error> {
        let position = self.funcs().iter().position(|func| *func.name == *name && !name.is_empty());
        position.map(|i| FuncId(i as u32)).ok_or_else(|| {
            let names = self.funcs().iter().map(|func| &*func.name).filter(|name| !name.is_empty());
            let near = crate::diagnostic::nearest(name, names);
            let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            Error::Signature(format!("there is no function `{}`{hint}", crate::diagnostic::cut(name)))
        })
    }

    /// A typed handle of a function.
    ///
    /// # Errors
    /// [`Error::Signature`] where there is no such function or its types are others.
    pub fn func<S: Signature>(&self, name: &str) -> Result<Func<S>, Error> {
        self.handle(self.find(name)?)
    }

    /// A typed handle of the program itself: its inputs as parameters, its value as result.
    ///
    /// # Errors
    /// [`Error::Signature`] where the types are others.
    pub fn program<S: Signature>(&self) -> Result<Func<S>, Error> {
        let (id, _) = self.main().ok_or_else(|| Error::Signature("the program has no statements".to_owned()))?;
        self.handle(id)
    }

    fn handle<S: Signature>(&self, id: FuncId) -> Result<Func<S>, Error> {
        let func = &self.funcs()[id.0 as usize];
        let wanted = S::params();
        if func.is(&wanted, S::Output::TYPE) {
            let shared = &self.engine;
            let entry = self.code().and_then(|code| Entry::new(code, &shared.hosts, &shared.config.limits, id));
            return Ok(Func { module: self.clone(), id, entry });
        }
        let has: Vec<(Type, bool)> = func.params.iter().map(|param| (param.ty, param.mutable)).collect();
        let what = if func.name.is_empty() { "the program".to_owned() } else { format!("`{}`", func.name) };
        Err(Error::Signature(format!(
            "{what} is {}, not {}",
            rust_signature(&has, func.result),
            rust_signature(&wanted, S::Output::TYPE)
        )))
    }

    /// Calls a function whose types are known only at run time, within the engine's limits.
    ///
    /// # Errors
    /// [`Error::Signature`] for no such function or other arguments, [`Error::Trap`], [`Error::Machine`].
    pub fn call(&self, name: &str, args: &mut [Arg<'_>]) -> Result<Value, Error> {
        self.call_in(&mut self.default_sandbox(), name, args)
    }

    /// Calls a function whose types are known only at run time.
    ///
    /// # Errors
    /// As [`Module::call`].
    pub fn call_in(&self, sandbox: &mut Sandbox, name: &str, args: &mut [Arg<'_>]) -> Result<Value, Error> {
        self.run_values(sandbox, self.find(name)?, args)
    }

    /// Runs the program itself with these inputs, in the order of [`Module::inputs`].
    ///
    /// # Errors
    /// As [`Module::call`].
    pub fn run(&self, inputs: &mut [Arg<'_>]) -> Result<Value, Error> {
        self.run_in(&mut self.default_sandbox(), inputs)
    }

    /// Runs the program itself in a sandbox.
    ///
    /// # Errors
    /// As [`Module::call`].
    pub fn run_in(&self, sandbox: &mut Sandbox, inputs: &mut [Arg<'_>]) -> Result<Value, Error> {
        match self.main() {
            Some((id, _)) => self.run_values(sandbox, id, inputs),
            None => Ok(Value::Unit),
        }
    }

    fn default_sandbox(&self) -> Sandbox {
        Sandbox::new(self.engine.config.limits.clone())
    }

    fn run_values(&self, sandbox: &mut Sandbox, id: FuncId, args: &mut [Arg<'_>]) -> Result<Value, Error> {
        let func = &self.funcs()[id.0 as usize];
        check_args(func, args)?;
        let fleeting = |arg: &Arg<'_>| matches!(arg, Arg::Mapped(mapped) if mapped.view().can_lose_pages());
        if self.is_jit() && !self.engine.config.catch_faults && args.iter().any(fleeting) {
            return Err(Error::Machine(
                "a mapped file may become shorter while a program reads it: turn `Config::catch_faults` on, or copy it"
                    .to_owned(),
            ));
        }
        let outcome = match &self.body {
            Body::Code(code) if code.is_empty(id) => self.interpret(sandbox.parts(), id, args),
            Body::Code(code) => run_values(code, id, self.host(sandbox.parts()), args).map_err(Error::from),
            Body::Typed(_) => self.interpret_mapped(sandbox.parts(), id, args),
        };
        sandbox.arena.reset();
        outcome
    }

    /// As `interpret`, with mapped arrays: it works on copies, and writes those back that may be written.
    fn interpret_mapped(&self, sandbox: SandboxParts<'_>, id: FuncId, args: &mut [Arg<'_>]) -> Result<Value, Error> {
        let copy = |arg: &Arg<'_>| match arg {
            Arg::Mapped(mapped) => mapped.copied().map(Some),
            _ => Ok(None),
        };
        let mut copies = args.iter().map(copy).collect::<Result<Vec<_>, _>>()?;
        if copies.iter().all(Option::is_none) {
            return self.interpret(sandbox, id, args);
        }
        let of_copies = args.iter_mut().zip(&mut copies).map(|(arg, copy)| match (arg, copy) {
            (Arg::F64(x), _) => Arg::F64(*x),
            (Arg::I64(n), _) => Arg::I64(*n),
            (Arg::Bool(b), _) => Arg::Bool(*b),
            (Arg::Slice(slice), _) => Arg::Slice(*slice),
            (Arg::SliceMut(slice), _) => Arg::SliceMut(interp::reborrow(slice)),
            (Arg::Mapped(mapped), Some(copy)) => match mapped.view().is_writable() {
                true => Arg::SliceMut(copy.as_slice_mut()),
                false => Arg::Slice(copy.as_slice()),
            },
            // Every mapped one was copied.
            (Arg::Mapped(_), None) => Arg::Bool(false),
        });
        let outcome = self.interpret(sandbox, id, &mut of_copies.collect::<Vec<_>>());
        for (arg, copy) in args.iter_mut().zip(&copies) {
            if let (Arg::Mapped(mapped), Some(copy)) = (arg, copy)
                && mapped.view().is_writable()
            {
                mapped.replace(copy)?;
            }
        }
        outcome
    }

    fn host<'a>(&'a self, sandbox: SandboxParts<'a>) -> Host<'a> {
        let SandboxParts { limits, cancel, arena, fuel_left } = sandbox;
        let engine = &self.engine;
        let catch_faults = engine.config.catch_faults;
        Host { limits, cancel: Some(cancel), arena, fuel_left, hosts: &engine.hosts, catch_faults }
    }

    #[cold]
    fn interpret(&self, sandbox: SandboxParts<'_>, id: FuncId, args: &mut [Arg<'_>]) -> Result<Value, Error> {
        let typed = match &self.body {
            Body::Typed(typed) => typed,
            Body::Code(_) => {
                // What has no code does nothing.
                *sandbox.fuel_left = sandbox.limits.fuel;
                return Ok(Value::Unit);
            }
        };
        let fp = FpEnv::canonical();
        let run = interp::Run {
            hir: &typed.0,
            hosts: &self.engine.hosts.functions,
            limits: sandbox.limits,
            cancel: Some(sandbox.cancel),
            fp: &fp,
        };
        match run.run(id, args) {
            Ok((value, fuel_left)) => {
                *sandbox.fuel_left = fuel_left;
                Ok(value)
            }
            Err(interp::InterpError::Trap(trap)) => {
                *sandbox.fuel_left = trap.fuel_left;
                Err(Error::Trap(trap))
            }
            Err(error @ interp::InterpError::BadCall(_)) => Err(Error::Signature(error.to_string())),
            Err(error) => Err(Error::Machine(error.to_string())),
        }
    }
}

/// Tells which argument is wrong.
fn check_args(func: &FuncSignature, args: &[Arg<'_>]) -> Result<(), Error> {
    let what = if func.name.is_empty() { "the program".to_owned() } else { format!("`{}`", func.name) };
    if func.params.len() != args.len() {
        return Err(Error::Signature(format!("{what} takes {} arguments, not {}", func.params.len(), args.len())));
    }
    for (param, arg) in func.params.iter().zip(args) {
        let promoted = param.ty == Type::F64 && arg.ty() == Type::I64;
        if arg.ty() != param.ty && !promoted {
            return Err(Error::Signature(format!("`{}` of {what} is {}, not {}", param.name, param.ty, arg.ty())));
        }
        if param.mutable && !arg.is_writable() {
            return Err(Error::Signature(format!("`{}` of {what} is `mut`: it needs a mutable slice", param.name)));
        }
    }
    Ok(())
}

fn rust_signature(params: &[(Type, bool)], result: Type) -> String {
    let mut text = "fn(".to_owned();
    for (i, (ty, mutable)) in params.iter().enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        let reference = match ty {
            Type::Array(_) if *mutable => "&mut ",
            Type::Array(_) => "&",
            _ => "",
        };
        let _ = write!(text, "{comma}{reference}{ty}");
    }
    text.push(')');
    match result {
        Type::Unit => {}
        Type::Array(elem) => {
            let _ = write!(text, " -> Vec<{elem}>");
        }
        scalar => {
            let _ = write!(text, " -> {scalar}");
        }
    }
    text
}

/// A typed handle of a function: `Func<fn(f64, i64, &[f64], &mut [f64]) -> f64>`. Cheap to clone, and shared between threads.
///
/// ```
/// # use cresset::{Engine, Func};
/// let engine = Engine::new()?;
/// let module = engine.compile("fn scale(mut xs: [f64], k) { for i in 0..len(xs) { xs[i] *= k; } }")?;
/// let scale: Func<fn(&mut [f64], f64)> = module.func("scale")?;
/// let mut xs = [1.0, 2.0, 3.0];
/// scale.call((&mut xs, 10.0))?;
/// assert_eq!(xs, [10.0, 20.0, 30.0]);
/// # Ok::<(), cresset::Error>(())
/// ```
pub struct Func<S> {
    module: Module,
    id: FuncId,
    /// The machine code, where there is some.
    entry: Option<Entry<S>>,
}

impl<S> Clone for Func<S> {
    fn clone(&self) -> Func<S> {
        Func { module: self.module.clone(), id: self.id, entry: self.entry.clone() }
    }
}

impl<S> std::fmt::Debug for Func<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let func = &self.module.funcs()[self.id.0 as usize];
        write!(f, "Func({})", Function::of(func))
    }
}

impl<S: Signature> Func<S> {
    /// Calls it within the engine's limits. One argument is passed as it is, several as a tuple, none as `()`.
    ///
    /// # Errors
    /// [`Error::Trap`] where the program traps, [`Error::Machine`] where memory for its stack or its result is refused.
    #[inline]
    pub fn call(&self, args: S::Args<'_>) -> Result<S::Output, Error> {
        match &self.entry {
            Some(entry) => Ok(entry.call(args)?),
            None => self.interpret_alone(args),
        }
    }

    #[cold]
    fn interpret_alone(&self, args: S::Args<'_>) -> Result<S::Output, Error> {
        self.interpret(self.module.default_sandbox().parts(), args)
    }

    /// Calls it in a sandbox.
    ///
    /// # Errors
    /// As [`Func::call`].
    #[inline]
    pub fn call_in(&self, sandbox: &mut Sandbox, args: S::Args<'_>) -> Result<S::Output, Error> {
        let Some(entry) = &self.entry else { return self.interpret(sandbox.parts(), args) };
        let SandboxParts { limits, cancel, arena, fuel_left } = sandbox.parts();
        let outcome = entry.call_in(limits, cancel, arena, fuel_left, args);
        arena.reset();
        Ok(outcome?)
    }

    fn interpret(&self, sandbox: SandboxParts<'_>, args: S::Args<'_>) -> Result<S::Output, Error> {
        let value = self.module.interpret(sandbox, self.id, &mut S::args(args))?;
        S::Output::from_value(value).ok_or_else(|| Error::Signature("a value of another type".to_owned()))
    }
}
