//! From a kernel's texts and the types of its inputs to code: one *row function* of all outputs, so that they share loads and work, and around it
//! the *chunk function* that runs it over rows `start..end`.
//!
//! A chunk function takes the inputs (a column or an array as address and length), the outputs likewise, a one-element array that receives the number of the
//! row under way, then `start` and `end`; it gives the first row that it did not do, which is `end`.

use crate::codegen::blob::CodeBlob;
use crate::codegen::{self, Arch, CodegenError, CodegenOptions, CpuFeatures};
use crate::engine::{Engine, Execution};
use crate::error::Error;
use crate::ir::build::{BuildError, BuildOptions, build_in};
use crate::ir::emit::{Emitter, shift_spans};
use crate::ir::func::{Func, InstKind, Ty, Value};
use crate::ir::op::{Op, Scalar, elem_scalar, scalar_of};
use crate::kernel::columns::InputType;
use crate::opt;
use crate::opt::vectorize::{Source, vectorize};
use crate::runtime::program::{FuncSignature, Program, Signatures};
use crate::sema::hir::{FuncId, Hir};
use crate::span::Span;
use crate::types::{Elem, Type};
use crate::verify::Loops;
use std::sync::Arc;

/// One output's text.
#[derive(Debug)]
pub(super) struct Formula {
    /// The output's name; empty for the only one.
    pub name: Arc<str>,
    pub text: Arc<str>,
    /// Which of the kernel's inputs it uses, in the order of its program's parameters.
    pub uses: Vec<usize>,
}

/// A formula with types.
#[derive(Debug)]
pub(super) struct Typed {
    pub hir: Box<Hir>,
    pub main: FuncId,
    pub result: Type,
    /// Where its text begins if all are written one behind the other: what spans of machine code count from.
    pub at: u32,
}

/// A kernel's machine code.
#[derive(Debug)]
pub(super) struct Code {
    pub program: Arc<Program>,
    pub scalar: FuncId,
    /// The function for several rows at once, or why there is none.
    pub vector: Result<Vector, String>,
    /// Host functions may do anything: no row is run twice, nor two in one call.
    pub calls_host: bool,
}

/// The chunk function for several rows at once. It takes, behind the outputs, fuel, `start` and `end`; what it gives is the first row that it did not do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector {
    pub func: FuncId,
    /// Rows that are done at once.
    pub block: usize,
    /// So deep are calls nested in a row.
    pub depth: u32,
}

/// Why there is no machine code.
enum Refusal {
    /// The interpreter may still do it.
    Soft(Error),
    /// The verifier does not accept the code.
    Rejected(Error),
    Hard(Error),
}

/// The formulas with types; the last is the condition, if there is one.
pub(super) fn analyze(
    engine: &Engine,
    formulas: &[Formula],
    is_filtered: bool,
    names: &[&str],
    types: &[InputType],
) -> Result<Vec<Typed>, Error> {
    let mut at = 0_u32;
    let mut typed = Vec::with_capacity(formulas.len());
    for (i, formula) in formulas.iter().enumerate() {
        let is_condition = is_filtered && i + 1 == formulas.len();
        let inputs: Vec<(&str, Type)> = formula.uses.iter().map(|&i| (names[i], types[i].ty())).collect();
        let hir = engine.analyze(&formula.text, &inputs)?;
        let what = match &*formula.name {
            _ if is_condition => "the condition".to_owned(),
            "" => "a kernel".to_owned(),
            name => format!("the output `{name}`"),
        };
        let main = hir.main.and_then(|id| Some((id, hir.funcs.get(id.0 as usize)?.result)));
        let Some((main, result)) = main else { return Err(no_value(&what)) };
        match result {
            Type::F64 | Type::I64 if is_condition => {
                return Err(Error::Signature(format!("a condition is a bool, this is {result}")));
            }
            Type::F64 | Type::I64 | Type::Bool => {}
            Type::Unit => return Err(no_value(&what)),
            Type::Array(_) => {
                return Err(Error::Signature(format!("{what} gives one number or truth value a row, not an array")));
            }
        }
        typed.push(Typed { hir, main, result, at });
        at = at
            .checked_add(formula.text.len() as u32)
            .ok_or_else(|| Error::Machine("the texts are too long".to_owned()))?;
    }
    Ok(typed)
}

fn no_value(what: &str) -> Error {
    Error::Signature(format!("{what} needs a value: its text must end in an expression without `;`"))
}

/// The element type that holds a result.
pub(super) fn elem_of(ty: Type) -> Elem {
    match ty {
        Type::I64 => Elem::I64,
        Type::Bool => Elem::Bool,
        _ => Elem::F64,
    }
}

/// Machine code, or nothing where the interpreter is to run the kernel.
pub(super) fn generate(
    engine: &Engine,
    formulas: &[Formula],
    is_filtered: bool,
    typed: &[Typed],
    types: &[InputType],
) -> Result<Option<Code>, Error> {
    let shared = engine.shared();
    let Some((arch, features)) = shared.target else { return Ok(None) };
    let lanes = features.lanes();
    let config = &shared.config;
    let checked = config.passes.with_all_checks();
    // What the verifier cannot prove is made again with every check in place, and at last row by row.
    let mut published = None;
    for (passes, lanes) in [(&config.passes, Some(lanes)), (&checked, Some(lanes)), (&checked, None)] {
        let attempt = lower(engine, formulas, is_filtered, typed, types, lanes, passes).and_then(|mut lowered| {
            let blob = emit(engine, &mut lowered, (arch, features), passes);
            publish(engine, blob, lowered)
        });
        let again = matches!(&attempt, Err(Refusal::Rejected(_)));
        published = Some(attempt);
        if !again {
            break;
        }
    }
    match published.unwrap_or_else(|| Err(Refusal::Hard(no_value("a kernel")))) {
        Ok(code) => Ok(Some(code)),
        Err(Refusal::Soft(_) | Refusal::Rejected(_)) if shared.config.execution == Execution::Auto => Ok(None),
        Err(Refusal::Soft(error) | Refusal::Rejected(error) | Refusal::Hard(error)) => Err(error),
    }
}

/// The code of all functions. What is too large in lanes may do row by row.
fn emit(
    engine: &Engine,
    lowered: &mut Lowered,
    (arch, features): (Arch, CpuFeatures),
    passes: &opt::Passes,
) -> Result<CodeBlob, CodegenError> {
    // Beside a vector function the scalar one runs few rows: elementary functions in line would take longer to compile than they save.
    if lowered.vector.is_err() {
        lowered.funcs.iter_mut().for_each(|func| opt::finish(func, passes));
    }
    let options = CodegenOptions { arch, features, metering: engine.shared().config.metering };
    let blob = codegen::compile(&lowered.funcs, &options);
    match (&blob, &lowered.vector) {
        (Err(error), Ok(_)) => {
            lowered.vector = Err(error.to_string());
            lowered.funcs.pop();
            lowered.signatures.pop();
            codegen::compile(&lowered.funcs, &options)
        }
        _ => blob,
    }
}

/// The code for any machine, without publishing it: for tests.
#[cfg(feature = "disasm")]
pub(super) fn blob(
    engine: &Engine,
    formulas: &[Formula],
    is_filtered: bool,
    typed: &[Typed],
    types: &[InputType],
    target: (Arch, CpuFeatures),
) -> Result<(CodeBlob, Signatures), Error> {
    let passes = &engine.shared().config.passes;
    let lanes = Some(target.1.lanes());
    let mut lowered =
        lower(engine, formulas, is_filtered, typed, types, lanes, passes).map_err(|refusal| match refusal {
            Refusal::Soft(error) | Refusal::Rejected(error) | Refusal::Hard(error) => error,
        })?;
    let blob = emit(engine, &mut lowered, target, passes).map_err(|error| Error::Machine(error.to_string()))?;
    Ok((blob, Signatures { funcs: lowered.signatures.into(), main: None, recursive: lowered.recursive }))
}

fn publish(engine: &Engine, blob: Result<CodeBlob, CodegenError>, lowered: Lowered) -> Result<Code, Refusal> {
    let shared = engine.shared();
    let Some((arch, _)) = shared.target else {
        return Err(Refusal::Soft(Error::Machine("there is no machine to compile for".to_owned())));
    };
    let blob = blob.map_err(|error| match error {
        CodegenError::TooLarge(_) => Refusal::Soft(Error::Machine(error.to_string())),
        error => Refusal::Hard(Error::Machine(error.to_string())),
    })?;
    let signatures = Signatures { funcs: lowered.signatures.into(), main: None, recursive: lowered.recursive };
    let loops = shared.config.verified_loops().map(|loops| match loops {
        Loops::Metered => Loops::Rows(lowered.scalar),
        loops => loops,
    });
    let program =
        Program::publish(&shared.code, arch, blob, Arc::new(signatures), loops).map_err(|error| match error {
            error if error.is_rejected() => Refusal::Rejected(error.into()),
            error if error.is_execution_denied() => Refusal::Soft(error.into()),
            error => Refusal::Hard(error.into()),
        })?;
    let Lowered { scalar, vector, calls_host, .. } = lowered;
    Ok(Code { program: Arc::new(program), scalar, vector, calls_host })
}

/// All functions of a kernel's program; the vector function, if there is one, last.
struct Lowered {
    funcs: Vec<Func>,
    signatures: Vec<FuncSignature>,
    scalar: FuncId,
    vector: Result<Vector, String>,
    recursive: bool,
    calls_host: bool,
}

fn lower(
    engine: &Engine,
    formulas: &[Formula],
    is_filtered: bool,
    typed: &[Typed],
    types: &[InputType],
    lanes: Option<u8>,
    passes: &opt::Passes,
) -> Result<Lowered, Refusal> {
    let config = &engine.shared().config;
    let options = BuildOptions { metering: config.metering };
    let mut funcs = Vec::new();
    let mut signatures = Vec::new();
    let mut recursive = false;
    let mut mains = Vec::with_capacity(typed.len());
    for Typed { hir, main, at, .. } in typed {
        // The functions of all texts in one program: numbered on.
        let mut ids = vec![FuncId(u32::MAX); hir.funcs.len()];
        let others = ids.iter_mut().enumerate().filter(|(i, _)| *i != main.0 as usize);
        for (next, (i, id)) in (funcs.len() as u32..).zip(others) {
            *id = FuncId(next);
            let func = &hir.funcs[i];
            recursive |= func.recursive;
            signatures.push(FuncSignature::of(hir, func));
        }
        let built = |id: u32| {
            let mut func = Func::new();
            build_in(hir, FuncId(id), &options, &mut func).map_err(refusal)?;
            for inst in &mut func.insts {
                if let InstKind::Call(callee) = &mut inst.kind {
                    *callee = ids.get(callee.0 as usize).copied().unwrap_or(*callee);
                }
            }
            shift_spans(&mut func, *at);
            Ok(func)
        };
        for id in (0..hir.funcs.len() as u32).filter(|&id| id != main.0) {
            let mut func = built(id)?;
            opt::optimize(&mut func, passes);
            funcs.push(func);
        }
        mains.push(built(main.0)?);
    }
    let all = || funcs.iter().chain(&mains).flat_map(|func| &func.insts);
    let calls_host = all().any(|inst| matches!(inst.kind, InstKind::HostCall(_)));
    let span =
        Span::new(0, typed.last().map_or(0, |last| last.at) + formulas.last().map_or(0, |last| last.text.len() as u32));
    let mut row = row_function(&mains, formulas, is_filtered, types, span);
    opt::optimize(&mut row, passes);
    let (mut scalar, signature) = scalar_function(&row, types, typed, span);
    opt::optimize(&mut scalar, passes);
    let elems: Vec<Elem> = typed.iter().map(|typed| elem_of(typed.result)).collect();
    let in_lanes = if calls_host {
        Err("it calls host functions".to_owned())
    } else if let Some(lanes) = lanes {
        vectorize(&row, &funcs, &sources(types), &elems, lanes, passes)
    } else {
        Err("the verifier does not accept its code for several rows".to_owned())
    };
    let scalar_id = FuncId(funcs.len() as u32);
    let vector_signature = vector_signature(&signature);
    funcs.push(scalar);
    signatures.push(signature);
    let vector = in_lanes.map(|vectorized| {
        funcs.push(vectorized.func);
        signatures.push(vector_signature);
        Vector { func: FuncId(scalar_id.0 + 1), block: vectorized.block.into(), depth: vectorized.depth }
    });
    Ok(Lowered { funcs, signatures, scalar: scalar_id, vector, recursive, calls_host })
}

fn sources(types: &[InputType]) -> Vec<Source> {
    let source = |ty: &InputType| match *ty {
        InputType::Column(elem) => Source::Column(elem),
        InputType::Scalar(ty) => Source::Same(ty),
    };
    types.iter().map(source).collect()
}

/// Fuel where the scalar function has its array for the row.
fn vector_signature(scalar: &FuncSignature) -> FuncSignature {
    let mut params: Vec<(Type, bool)> = scalar.params.iter().map(|param| (param.ty, param.mutable)).collect();
    params.truncate(params.len().saturating_sub(3));
    params.extend([(Type::I64, false); 3]);
    FuncSignature::unnamed("lanes", &params, Type::I64)
}

fn refusal(error: BuildError) -> Refusal {
    match error {
        BuildError::TooManyJoins => Refusal::Soft(Error::Machine("the kernel is too large to compile".to_owned())),
        BuildError::Inconsistent => Refusal::Hard(Error::Machine("internal error: an inconsistent tree".to_owned())),
    }
}

/// From one row's inputs to all outputs. A condition is the last of them, and where it is false the others are zero and nothing of them is computed.
fn row_function(mains: &[Func], formulas: &[Formula], is_filtered: bool, types: &[InputType], span: Span) -> Func {
    let mut emit = Emitter::new("row", span);
    let params: Vec<Vec<Value>> = types
        .iter()
        .map(|ty| match scalar_of(ty.ty()) {
            Some(scalar) => vec![emit.param(scalar)],
            None => vec![emit.param(Scalar::Ptr), emit.param(Scalar::I64)],
        })
        .collect();
    emit.func.results = mains.iter().flat_map(|main| main.results.clone()).collect();
    // `None`: it always traps, or runs for ever.
    let all = |emit: &mut Emitter, which: std::ops::Range<usize>| -> Option<Vec<Value>> {
        let mut outputs = Vec::with_capacity(which.len());
        for (main, formula) in mains[which.clone()].iter().zip(&formulas[which]) {
            let args: Vec<Value> = formula.uses.iter().flat_map(|&i| params[i].clone()).collect();
            outputs.extend(emit.embed(main, &args, &|id| id)?);
        }
        Some(outputs)
    };
    if !is_filtered {
        if let Some(outputs) = all(&mut emit, 0..mains.len()) {
            emit.effect(InstKind::Return, &outputs);
        }
        return emit.func;
    }
    let last = mains.len() - 1;
    let Some(condition) = all(&mut emit, last..mains.len()) else { return emit.func };
    let results: Vec<Ty> = mains[..last].iter().flat_map(|main| &main.results).map(|&scalar| Ty::one(scalar)).collect();
    let (yes, no) = (emit.new_region(&[]), emit.new_region(&[]));
    let test = emit.inst(InstKind::If(yes, no), &condition, &results);
    let body = emit.enter(no);
    let zero = |emit: &mut Emitter, ty: &Ty| {
        let kind = match ty.scalar {
            Scalar::F64 => InstKind::ConstF64(0),
            Scalar::Bool => InstKind::ConstBool(false),
            Scalar::I64 | Scalar::Ptr => InstKind::ConstI64(0),
        };
        emit.value(kind, &[], *ty)
    };
    let zeros: Vec<Value> = results.iter().map(|ty| zero(&mut emit, ty)).collect();
    emit.effect(InstKind::Exit(test), &zeros);
    emit.enter(yes);
    if let Some(outputs) = all(&mut emit, 0..last) {
        emit.effect(InstKind::Exit(test), &outputs);
    }
    emit.enter(body);
    let outputs: Vec<Value> = emit.results(test).into_iter().chain(condition).collect();
    emit.effect(InstKind::Return, &outputs);
    emit.func
}

/// The chunk function that does one row after the other.
fn scalar_function(row: &Func, types: &[InputType], typed: &[Typed], span: Span) -> (Func, FuncSignature) {
    let mut emit = Emitter::new("rows", span);
    let one = Ty::one;
    let mut params = Vec::new();
    let mut inputs = Vec::with_capacity(types.len());
    for ty in types {
        inputs.push(match *ty {
            InputType::Scalar(ty) if scalar_of(ty).is_some() => {
                params.push((ty, false));
                (emit.param(scalar_of(ty).unwrap_or(Scalar::F64)), None)
            }
            InputType::Scalar(ty) => {
                params.push((ty, false));
                (emit.param(Scalar::Ptr), Some(emit.param(Scalar::I64)))
            }
            InputType::Column(elem) => {
                params.push((Type::Array(elem), false));
                (emit.param(Scalar::Ptr), Some(emit.param(Scalar::I64)))
            }
        });
    }
    let array = |emit: &mut Emitter| (emit.param(Scalar::Ptr), emit.param(Scalar::I64));
    let outputs: Vec<(Value, Value)> = typed.iter().map(|_| array(&mut emit)).collect();
    params.extend(typed.iter().map(|typed| (Type::Array(elem_of(typed.result)), true)));
    let cell = array(&mut emit);
    let (start, end) = (emit.param(Scalar::I64), emit.param(Scalar::I64));
    params.extend([(Type::Array(Elem::I64), true), (Type::I64, false), (Type::I64, false)]);
    emit.func.results = vec![Scalar::I64].into();

    let zero = emit.int(0);
    let cell_index = emit.one(InstKind::BoundsCheck, &[zero, cell.1], Scalar::I64);
    let body = emit.new_region(&[one(Scalar::I64)]);
    let rows = emit.inst(InstKind::Loop(body), &[start], &[one(Scalar::I64)]);
    let outside = emit.enter(body);
    let at = emit.params_of(body)[0];
    let more = emit.one(InstKind::Op(Op::ILt), &[at, end], Scalar::Bool);
    let (yes, no) = (emit.new_region(&[]), emit.new_region(&[]));
    let test = emit.inst(InstKind::If(yes, no), &[more], &[]);
    emit.enter(no);
    emit.effect(InstKind::Exit(rows), &[at]);
    emit.enter(yes);
    emit.effect(InstKind::Exit(test), &[]);
    emit.enter(body);
    emit.effect(InstKind::Store(Elem::I64), &[cell.0, cell_index, at]);
    let mut args = Vec::new();
    for (ty, (value, length)) in types.iter().zip(&inputs) {
        match (*ty, *length) {
            (InputType::Column(elem), Some(length)) => {
                let index = emit.one(InstKind::BoundsCheck, &[at, length], Scalar::I64);
                args.push(emit.one(InstKind::Load(elem), &[*value, index], elem_scalar(elem)));
            }
            (_, length) => args.extend([Some(*value), length].into_iter().flatten()),
        }
    }
    if let Some(results) = emit.embed(row, &args, &|id| id) {
        for ((address, length), (typed, result)) in outputs.into_iter().zip(typed.iter().zip(results)) {
            let index = emit.one(InstKind::BoundsCheck, &[at, length], Scalar::I64);
            emit.effect(InstKind::Store(elem_of(typed.result)), &[address, index, result]);
        }
        let step = emit.int(1);
        let next = emit.one(InstKind::Op(Op::IWrappingAdd), &[at, step], Scalar::I64);
        emit.effect(InstKind::Repeat(rows), &[next]);
    }
    emit.enter(outside);
    let done = emit.results(rows);
    emit.effect(InstKind::Return, &done);
    (emit.func, FuncSignature::unnamed("rows", &params, Type::I64))
}
