//! The whole pipeline on one screen: text in, a [`Module`] of callable functions out.

use crate::batch::Batch;
use crate::codegen::blob::CodeBlob;
use crate::codegen::{self, Arch, CodegenError, CpuFeatures};
use crate::error::{Error, SourceError};
use crate::hardening::Hardening;
use crate::host::{HostFn, IntoHostFn};
use crate::ir;
use crate::ir::func::Funcs;
use crate::limits::Limits;
use crate::memory::{self, CodeArena, CodeArenaConfig, MemoryError, Publication, StackPool};
use crate::module::{Body, Function, Module, Text};
use crate::opt::{self, Passes};
use crate::reuse::Keep;
use crate::runtime::Hosts;
use crate::runtime::fpenv::FpEnv;
use crate::runtime::program::{Program, Signatures};
use crate::runtime::{signals, system};
use crate::sandbox::Sandbox;
use crate::sema::hir::{FuncId, Hir};
use crate::sema::{self, Env, HostSignature, Input};
use crate::span::Span;
use crate::syntax::{self, SourceLimits};
use crate::types::Type;
use crate::verify::Loops;
use std::sync::Arc;

/// How programs are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Execution {
    /// As machine code where the processor and the system allow it, else by the interpreter.
    #[default]
    Auto,
    /// As machine code, or not at all.
    Jit,
    /// By the interpreter.
    Interpreter,
}

/// The processor that code is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cpu {
    /// The best that this one can.
    #[default]
    Native,
    /// x86-64 with AVX2, FMA, BMI2.
    X86_64V3,
    /// x86-64 with AVX-512.
    X86_64V4,
    /// AArch64 with NEON.
    AArch64,
}

impl Cpu {
    /// The machine and its features, as the code generator wants them.
    ///
    /// # Errors
    /// [`Error::Machine`] for `Native` on a processor that code cannot be made for.
    pub fn target(self) -> Result<(Arch, CpuFeatures), Error> {
        match self {
            Cpu::Native => native(),
            Cpu::X86_64V3 => Ok((Arch::X64, CpuFeatures::V3)),
            Cpu::X86_64V4 => Ok((Arch::X64, CpuFeatures::V4)),
            Cpu::AArch64 => Ok((Arch::A64, CpuFeatures::Neon)),
        }
    }
}

/// What this processor can.
fn native() -> Result<(Arch, CpuFeatures), Error> {
    let found = crate::runtime::cpu::detect();
    found.ok_or_else(|| {
        Error::Machine(
            "this processor is no x86-64-v3 (AVX2, FMA, BMI1, BMI2, LZCNT, POPCNT) and no AArch64: use the interpreter"
                .to_owned(),
        )
    })
}

/// How an engine compiles and runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// How programs are run.
    pub execution: Execution,
    /// What code is made for.
    pub cpu: Cpu,
    /// What a call without a sandbox may use.
    pub limits: Limits,
    /// How large and how deep a source text may be.
    pub source: SourceLimits,
    /// Whether code counts fuel and can be interrupted. Off, loops run unmetered: only for texts that are trusted to end.
    pub metering: bool,
    /// Whether faults of memory in a running program are caught: a mapped file that became shorter is a trap then. It installs
    /// handlers of signals in the process, which pass on what is not theirs.
    pub catch_faults: bool,
    /// Whether finished machine code is read back and checked before it can run, as it is by default. What cannot be proved is compiled again with every check
    /// in place; what then still cannot is run by the interpreter, or is an error where machine code was asked for.
    pub verify: bool,
    /// Which optimizations run; all by default.
    pub passes: Passes,
    hosts: Vec<HostFn>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            execution: Execution::Auto,
            cpu: Cpu::Native,
            limits: Limits::default(),
            source: SourceLimits::default(),
            metering: true,
            catch_faults: false,
            verify: true,
            passes: Passes::default(),
            hosts: Vec::new(),
        }
    }
}

impl Config {
    /// The defaults: machine code, every limit on.
    pub fn new() -> Config {
        Config::default()
    }

    /// How programs are run.
    pub fn execution(self, execution: Execution) -> Config {
        Config { execution, ..self }
    }

    /// What code is made for.
    pub fn cpu(self, cpu: Cpu) -> Config {
        Config { cpu, ..self }
    }

    /// What a call without a sandbox may use.
    pub fn limits(self, limits: Limits) -> Config {
        Config { limits, ..self }
    }

    /// Whether code counts fuel and can be interrupted.
    pub fn metering(self, metering: bool) -> Config {
        Config { metering, ..self }
    }

    /// Whether faults of memory in a running program are caught, by handlers of signals for the whole process. Mapped files need it.
    pub fn catch_faults(self, catch_faults: bool) -> Config {
        Config { catch_faults, ..self }
    }

    /// Whether finished machine code is read back and checked by a verifier before it can run, as it is by default. Off, faults of the compiler itself have one
    /// wall less to pass, and compiling takes less time: a tenth to a fifth for formulas, more for deep nests of loops.
    pub fn verify(self, verify: bool) -> Config {
        Config { verify, ..self }
    }

    /// The verifier's rules for loops of programs, if it is wanted.
    pub(crate) fn verified_loops(&self) -> Option<Loops> {
        self.verify.then_some(if self.metering { Loops::Metered } else { Loops::Free })
    }

    /// Lets programs call a closure by this name: up to eight parameters of `f64`, `i64`, `bool`, and a result of one of them, `()`, or a
    /// `Result` whose error becomes a `HostError` trap.
    ///
    /// ```
    /// # use cresset::Config;
    /// let engine = Config::new().host_fn("twice", |x: f64| 2.0 * x).engine()?;
    /// assert_eq!(engine.eval::<f64>("twice(21)")?, 42.0);
    /// # Ok::<(), cresset::Error>(())
    /// ```
    pub fn host_fn<Args>(mut self, name: &str, closure: impl IntoHostFn<Args>) -> Config {
        self.add_host_fn(closure.into_host_fn(name));
        self
    }

    /// Lets programs call a host function; one of the same name is replaced.
    pub fn add_host_fn(&mut self, host: HostFn) -> &mut Config {
        self.hosts.retain(|other| other.name != host.name);
        self.hosts.push(host);
        self
    }

    /// An engine that works so.
    ///
    /// # Errors
    /// [`Error::Machine`] where machine code is asked for and this machine has none.
    pub fn engine(self) -> Result<Engine, Error> {
        Engine::with_config(self)
    }
}

/// Compiles programs and holds what they share. Clones are the same engine.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) inner: Arc<EngineInner>,
}

#[derive(Debug)]
pub(crate) struct EngineInner {
    pub config: Config,
    /// What code is made for; `None` for the interpreter.
    pub target: Option<(Arch, CpuFeatures)>,
    pub code: CodeArena,
    pub hosts: Arc<Hosts>,
}

/// What a text defines and needs, found without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Names that are neither defined nor built in: the program's inputs, in the order of their first use.
    pub free_names: Vec<(String, Span)>,
    /// Its functions in source order.
    pub functions: Vec<Function>,
}

impl Engine {
    /// An engine with every limit on, that makes machine code where this machine can run it.
    ///
    /// # Errors
    /// None today; kept for machines that refuse more.
    pub fn new() -> Result<Engine, Error> {
        Engine::with_config(Config::default())
    }

    /// An engine that works as configured.
    ///
    /// # Errors
    /// [`Error::Machine`] where machine code is asked for ([`Execution::Jit`]) and this processor cannot run it.
    pub fn with_config(config: Config) -> Result<Engine, Error> {
        let target = match config.execution {
            Execution::Interpreter => None,
            Execution::Auto => config.cpu.target().and_then(runs_here).ok(),
            Execution::Jit => Some(runs_here(config.cpu.target()?)?),
        };
        if config.catch_faults && target.is_some() {
            let refused = |errno| std::io::Error::from_raw_os_error(errno).to_string();
            signals::install().map_err(|errno| Error::Machine(refused(errno)))?;
        }
        let hosts = Arc::new(Hosts { functions: config.hosts.clone(), stacks: StackPool::new() });
        let inner = EngineInner { config, target, code: CodeArena::new(CodeArenaConfig::default()), hosts };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Compiles a program without inputs.
    ///
    /// # Errors
    /// [`Error::Source`] with every mistake found in the text; [`Error::Machine`] where memory for its code is refused.
    ///
    /// ```
    /// let engine = cresset::Engine::new()?;
    /// let module = engine.compile("fn area(r) = PI * r^2;")?;
    /// let area = module.func::<fn(f64) -> f64>("area")?;
    /// assert_eq!(area.call(2.0)?, 12.566370614359172);
    /// # Ok::<(), cresset::Error>(())
    /// ```
    pub fn compile(&self, text: &str) -> Result<Module, Error> {
        self.compile_with(text, &[])
    }

    /// Compiles a program whose free names are these inputs; names that it does not use are allowed.
    ///
    /// # Errors
    /// As [`Engine::compile`].
    ///
    /// ```
    /// # use cresset::{Engine, Type};
    /// let engine = Engine::new()?;
    /// let module = engine.compile_with("a * x + 1", &[("a", Type::I64), ("x", Type::F64)])?;
    /// let formula = module.program::<fn(i64, f64) -> f64>()?;
    /// assert_eq!(formula.call((2, 1.5))?, 4.0);
    /// # Ok::<(), cresset::Error>(())
    /// ```
    pub fn compile_with(&self, text: &str, inputs: &[(&str, Type)]) -> Result<Module, Error> {
        // Constants are folded with the same arithmetic as programs run with, whatever the host set.
        let _fp = FpEnv::canonical();
        let hir = self.analyze(text, inputs)?;
        let generated = self.generate(&hir).and_then(|blob| {
            let Some((arch, blob)) = blob else { return Ok(None) };
            self.publish(&hir, arch, blob, Arc::new(Signatures::of(&hir))).map(Some)
        });
        let body = match self.unless_soft(generated)? {
            Some(program) => {
                hir.keep();
                Body::Code(program)
            }
            None => Body::typed(hir),
        };
        Ok(Module::new(&self.inner, Text::alone(text), body))
    }

    /// Compiles many programs, each with inputs of its own, and packs their code into shared pages: much faster and smaller than one by one.
    ///
    /// A text that is wrong has its own error, and the others are compiled all the same. Memory comes back as modules are dropped, in any order:
    /// that of a page when all that lies in it was.
    ///
    /// ```
    /// # use cresset::{Engine, Type};
    /// let engine = Engine::new()?;
    /// let inputs = [("x", Type::F64), ("y", Type::F64)];
    /// let modules = engine.compile_batch(["x + y", "x +", "hypot(x, y)"].map(|text| (text, &inputs[..])));
    /// assert!(modules[1].is_err());
    /// let formula = modules[2].as_ref().expect("a right text").program::<fn(f64, f64) -> f64>()?;
    /// assert_eq!(formula.call((3.0, 4.0))?, 5.0);
    /// # Ok::<(), cresset::Error>(())
    /// ```
    pub fn compile_batch<'a>(
        &self,
        texts: impl IntoIterator<Item = (&'a str, &'a [(&'a str, Type)])>,
    ) -> Vec<Result<Module, Error>> {
        let _fp = FpEnv::canonical();
        let texts = texts.into_iter();
        let mut batch = Batch::new(self, texts.size_hint().0);
        for (text, inputs) in texts {
            batch.add(text, inputs);
        }
        batch.finish()
    }

    /// As [`Engine::compile_with`], from bytes that may not be UTF-8.
    ///
    /// # Errors
    /// As [`Engine::compile_with`]; bytes that are no UTF-8 are a mistake in the text.
    pub fn compile_bytes(&self, text: &[u8], inputs: &[(&str, Type)]) -> Result<Module, Error> {
        self.compile_with(utf8(text)?, inputs)
    }

    /// As [`Engine::inspect`], from bytes that may not be UTF-8.
    ///
    /// # Errors
    /// As [`Engine::inspect`].
    pub fn inspect_bytes(&self, text: &[u8]) -> Result<Inspection, Error> {
        self.inspect(utf8(text)?)
    }

    /// What all clones share.
    pub(crate) fn shared(&self) -> &EngineInner {
        &self.inner
    }

    /// The typed program.
    pub(crate) fn analyze(&self, text: &str, inputs: &[(&str, Type)]) -> Result<Box<Hir>, Error> {
        room_to_compile(text, &self.inner.config.source)?;
        let wrong = |diagnostics| Error::Source(SourceError { diagnostics, source: Arc::from(text) });
        let (ast, mut diagnostics) = syntax::parse(text, &self.inner.config.source);
        // A tree with holes is still checked: what is wrong elsewhere is told in the same go.
        match sema::analyze(text, &ast, &self.env(inputs)) {
            Ok(hir) if diagnostics.is_empty() => {
                ast.keep();
                Ok(hir)
            }
            Ok(_) => Err(wrong(diagnostics.into_vec())),
            Err(more) => {
                diagnostics.extend(more);
                Err(wrong(diagnostics.into_vec()))
            }
        }
    }

    /// The optimized IR of a program.
    #[cfg(feature = "disasm")]
    pub(crate) fn lower(&self, text: &str, inputs: &[(&str, Type)]) -> Result<Vec<ir::func::Func>, Error> {
        let _fp = FpEnv::canonical();
        {
            let hir = self.analyze(text, inputs)?;
            lower(&hir, hir.funcs.len(), &self.inner.config, &self.inner.config.passes).map(|funcs| funcs.list)
        }
        .map_err(Refusal::into_error)
    }

    #[cfg(feature = "disasm")]
    pub(crate) fn source_limits(&self) -> SourceLimits {
        self.inner.config.source
    }

    fn env<'a>(&'a self, inputs: &[(&'a str, Type)]) -> Env<'a> {
        let input = |&(name, ty): &(&'a str, Type)| Input { name, ty, mutable: false };
        let host = |host: &'a HostFn| HostSignature { name: &host.name, params: &host.params, result: host.result };
        Env { inputs: inputs.iter().map(input).collect(), hosts: self.inner.config.hosts.iter().map(host).collect() }
    }

    /// Machine code, or nothing where there is to be none.
    pub(crate) fn generate(&self, hir: &Hir) -> Result<Option<(Arch, CodeBlob)>, Refusal> {
        let Some((arch, features)) = self.inner.target else { return Ok(None) };
        let config = &self.inner.config;
        // A body that does nothing needs no code.
        let count = hir.funcs.len() - usize::from(hir.main_is_empty());
        let funcs = lower(hir, count, config, &config.passes)?;
        let options = codegen::CodegenOptions { arch, features, metering: config.metering };
        let blob = codegen::compile(&funcs.list, &options)?;
        funcs.keep();
        Ok(Some((arch, blob)))
    }

    /// Publishes a program's code. What the verifier cannot prove is compiled again with every check in place.
    pub(crate) fn publish(
        &self,
        hir: &Hir,
        arch: Arch,
        blob: CodeBlob,
        signatures: Arc<Signatures>,
    ) -> Result<Arc<Program>, Refusal> {
        let config = &self.inner.config;
        match (
            Program::publish(&self.inner.code, arch, blob, signatures.clone(), config.verified_loops()),
            self.inner.target,
        ) {
            (Err(MemoryError::Rejected { .. }), Some((arch, features))) if config.passes.bounds => {
                let count = hir.funcs.len() - usize::from(hir.main_is_empty());
                let funcs = lower(hir, count, config, &config.passes.with_all_checks())?;
                let options = codegen::CodegenOptions { arch, features, metering: config.metering };
                let blob = codegen::compile(&funcs.list, &options)?;
                Ok(Arc::new(Program::publish(&self.inner.code, arch, blob, signatures, config.verified_loops())?))
            }
            (published, _) => Ok(Arc::new(published?)),
        }
    }

    /// The interpreter gives the same results as machine code: where that cannot be had and need not be, better slow than not at all.
    pub(crate) fn unless_soft<T>(&self, result: Result<Option<T>, Refusal>) -> Result<Option<T>, Error> {
        match result {
            Ok(found) => Ok(found),
            Err(Refusal::Soft(_)) if self.inner.config.execution == Execution::Auto => Ok(None),
            Err(Refusal::Soft(error) | Refusal::Hard(error)) => Err(error),
        }
    }

    /// What a text defines and needs, without running it or knowing its inputs' types.
    ///
    /// # Errors
    /// [`Error::Source`] for mistakes of syntax, or in functions and constants.
    ///
    /// ```
    /// let engine = cresset::Engine::new()?;
    /// let found = engine.inspect("fn half(n: i64) = n / 2; half(count) * price")?;
    /// let names: Vec<&str> = found.free_names.iter().map(|(name, _)| name.as_str()).collect();
    /// assert_eq!(names, ["count", "price"]);
    /// assert_eq!(&*found.functions[0].name, "half");
    /// # Ok::<(), cresset::Error>(())
    /// ```
    pub fn inspect(&self, text: &str) -> Result<Inspection, Error> {
        let _fp = FpEnv::canonical();
        let wrong = |diagnostics| Error::Source(SourceError { diagnostics, source: Arc::from(text) });
        room_to_compile(text, &self.inner.config.source)?;
        let (mut ast, diagnostics) = syntax::parse(text, &self.inner.config.source);
        if !diagnostics.is_empty() {
            return Err(wrong(diagnostics.into_vec()));
        }
        let free_names = sema::free_names(&ast);
        // Functions see no inputs: they have their types without the program's own statements.
        ast.body = None;
        let hir = sema::analyze(text, &ast, &self.env(&[])).map_err(|diagnostics| wrong(diagnostics.into_vec()))?;
        let signatures = Signatures::of(&hir);
        let functions = signatures.funcs.iter().filter(|func| !func.name.is_empty()).map(Function::of).collect();
        Ok(Inspection { free_names, functions })
    }

    /// Compiles and runs a program without inputs.
    ///
    /// # Errors
    /// As [`Engine::compile`]; [`Error::Trap`] where it traps; [`Error::Signature`] where its value is of another type.
    ///
    /// ```
    /// let engine = cresset::Engine::new()?;
    /// assert_eq!(engine.eval::<i64>("var n = 1; for i in 1..=5 { n *= i; } n")?, 120);
    /// # Ok::<(), cresset::Error>(())
    /// ```
    pub fn eval<R: crate::signature::Output>(&self, text: &str) -> Result<R, Error> {
        self.compile(text)?.program::<fn() -> R>()?.call(())
    }

    /// A sandbox for calls with limits of their own.
    ///
    /// # Errors
    /// None today; kept for limits that a machine refuses beforehand.
    pub fn sandbox(&self, limits: Limits) -> Result<Sandbox, Error> {
        Ok(Sandbox::new(limits))
    }

    /// Which walls stand for this engine in this process, now.
    pub fn hardening(&self) -> Hardening {
        let publication = if self.is_jit() { self.inner.code.publication() } else { Publication::None };
        let machine_code = publication != Publication::None;
        Hardening {
            machine_code,
            publication,
            explicit_checks: true,
            metering: self.inner.config.metering,
            write_xor_execute: true,
            guard_bytes: memory::GUARD_SIZE,
            verifier: machine_code && self.inner.config.verify,
            landing_pads: machine_code && memory::has_landing_pads(),
            catch_faults: self.inner.config.catch_faults && signals::is_installed(),
            system_denies_new_code: system::denies_new_code(),
            system_can_seal: system::can_seal(),
            sealed_mappings: 0,
        }
    }

    /// Whether programs are run as machine code.
    pub fn is_jit(&self) -> bool {
        self.inner.target.is_some()
    }
}

/// Makes sure that there is room for all that compiling a large text takes at most: its many small allocations cannot fail one by one.
///
/// What a short text takes is no more than any program needs here and there.
fn room_to_compile(text: &str, limits: &SourceLimits) -> Result<(), Error> {
    const SHORT: usize = 8 << 10;
    /// Measured by `tests/allocations.rs`: 284 for a chain of comparisons of one digit.
    const FOR_EACH_BYTE: usize = 320;
    // A text past the limit is not read.
    if text.len() <= SHORT || text.len() > limits.text {
        return Ok(());
    }
    let size = text.len().saturating_mul(FOR_EACH_BYTE);
    let mut room: Vec<u8> = Vec::new();
    room.try_reserve_exact(size).map_err(|_| MemoryError::TooLarge { size })?;
    // Else the optimizer may find that nobody uses it.
    std::hint::black_box(&mut room);
    Ok(())
}

pub(crate) fn utf8(text: &[u8]) -> Result<&str, Error> {
    str::from_utf8(text).map_err(|_| {
        let (_, diagnostics) = syntax::parse_bytes(text, &SourceLimits::default());
        Error::Source(SourceError {
            diagnostics: diagnostics.into_vec(),
            source: Arc::from(String::from_utf8_lossy(text)),
        })
    })
}

/// Why there is no machine code.
pub(crate) enum Refusal {
    /// The interpreter may still do it.
    Soft(Error),
    /// It is an error in any case.
    Hard(Error),
}

#[cfg(feature = "disasm")]
impl Refusal {
    fn into_error(self) -> Error {
        match self {
            Refusal::Soft(error) | Refusal::Hard(error) => error,
        }
    }
}

impl From<CodegenError> for Refusal {
    fn from(error: CodegenError) -> Refusal {
        match error {
            CodegenError::TooLarge(_) => Refusal::Soft(Error::Machine(error.to_string())),
            error => Refusal::Hard(Error::Machine(error.to_string())),
        }
    }
}

impl From<MemoryError> for Refusal {
    fn from(error: MemoryError) -> Refusal {
        match error {
            error if error.is_execution_denied() || error.is_rejected() => Refusal::Soft(error.into()),
            error => Refusal::Hard(error.into()),
        }
    }
}

impl From<ir::build::BuildError> for Refusal {
    fn from(error: ir::build::BuildError) -> Refusal {
        match error {
            ir::build::BuildError::TooManyJoins => {
                Refusal::Soft(Error::Machine("the program is too large to compile".to_owned()))
            }
            ir::build::BuildError::Inconsistent => {
                Refusal::Hard(Error::Machine("internal error: an inconsistent tree".to_owned()))
            }
        }
    }
}

/// The optimized IR of the first so many functions.
fn lower(hir: &Hir, count: usize, config: &Config, passes: &Passes) -> Result<Box<Funcs>, Refusal> {
    let options = ir::build::BuildOptions { metering: config.metering };
    let mut funcs = Funcs::kept();
    for id in 0..count as u32 {
        ir::build::build_in(hir, FuncId(id), &options, funcs.add())?;
    }
    opt::optimize_program(&mut funcs.list, passes);
    funcs.list.iter_mut().for_each(|func| opt::finish(func, passes));
    Ok(funcs)
}

/// Makes the code of a program for any machine without publishing it: for listings and tests.
///
/// # Errors
/// As [`Engine::compile_with`].
#[cfg(feature = "disasm")]
pub(crate) fn compile_to_blob(
    engine: &Engine,
    text: &str,
    inputs: &[(&str, Type)],
    cpu: Cpu,
) -> Result<(Box<Hir>, Vec<ir::func::Func>, codegen::blob::CodeBlob), Error> {
    let _fp = FpEnv::canonical();
    let hir = engine.analyze(text, inputs)?;
    let (arch, features) = cpu.target()?;
    let funcs = lower(&hir, hir.funcs.len(), &engine.inner.config, &engine.inner.config.passes)
        .map_err(Refusal::into_error)?
        .list;
    let blob =
        codegen::compile(&funcs, &codegen::CodegenOptions { arch, features, metering: engine.inner.config.metering })
            .map_err(|error| Error::Machine(error.to_string()))?;
    Ok((hir, funcs, blob))
}

/// Refuses code that this processor does not run.
fn runs_here(target: (Arch, CpuFeatures)) -> Result<(Arch, CpuFeatures), Error> {
    let here = native()?;
    let fits = target.0 == here.0 && (target.1 == here.1 || target.1 == CpuFeatures::V3);
    if fits { Ok(target) } else { Err(Error::Machine(format!("this processor does not run {:?} code", target.1))) }
}
