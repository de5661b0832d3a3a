//! Functions made by hand, compiled and run.

use cresset::codegen::{Arch, CodegenOptions, CpuFeatures, compile};
use cresset::ir::func::{Func, Inst, InstId, InstKind, Region, RegionId, Ty, Value};
use cresset::ir::op::Scalar;
use cresset::ir::verify::verify;
use cresset::memory::{Arena, CodeArena, CodeArenaConfig, StackPool};
use cresset::runtime::cpu::detect;
use cresset::runtime::entry::run_values;
use cresset::runtime::program::{FuncSignature, Program, Signatures};
use cresset::runtime::{Host, Hosts};
use cresset::sema::hir::{FuncId, Param};
use cresset::{Arg, Elem, Limits, Slice, SliceMut, Span, Type};
use std::sync::Arc;

/// Floats at which something happens.
pub fn floats() -> Vec<f64> {
    let mut floats = vec![
        0.0,
        0.25,
        0.49999999999999994,
        0.5,
        1.0,
        1.5,
        2.5,
        3.7,
        1e-3,
        5e-324,
        1.2e-310,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        4503599627370495.5,
        4503599627370497.0,
        9007199254740993.0,
        2147483648.0,
        4294967296.5,
        9223372036854774784.0,
        9223372036854775808.0,
        1.7e19,
        1e300,
        f64::MAX,
        3.4028235677973366e38,
        1e-46,
        f64::INFINITY,
    ];
    floats.extend(floats.clone().into_iter().map(|x| -x));
    floats.push(f64::NAN);
    floats
}

/// NaNs that the language never shows, which are one value to it.
pub fn strange_nans() -> [f64; 3] {
    [0xFFF8_0000_0000_0000, 0x7FF0_0000_0000_0001, u64::MAX].map(f64::from_bits)
}

pub fn ints() -> Vec<i64> {
    let mut ints =
        vec![0, 1, 2, 3, 31, 32, 33, 62, 63, 64, 65, 127, 255, 256, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 52];
    ints.extend([
        (1 << 53) + 1,
        (1 << 62) - 1,
        1 << 62,
        i64::MAX - 1,
        i64::MAX,
        0x0123_4567_89AB_CDEF,
        0x7FFF_FFFF_FFFF_FE00,
    ]);
    ints.extend(ints.clone().into_iter().map(|n: i64| -n));
    ints.extend([i64::MIN, i64::MIN + 1]);
    ints
}

/// The levels that this machine can run.
pub fn levels() -> Vec<(Arch, CpuFeatures)> {
    match detect() {
        Some((Arch::X64, CpuFeatures::V4)) => vec![(Arch::X64, CpuFeatures::V3), (Arch::X64, CpuFeatures::V4)],
        Some(level) => vec![level],
        None => vec![],
    }
}

/// A function under construction: one region unless more are opened.
pub struct Builder {
    pub func: Func,
    pub lanes: u8,
    region: u32,
    types: Vec<(Type, bool)>,
}

impl Builder {
    pub fn new(features: CpuFeatures) -> Builder {
        let func = Func { regions: vec![Region::default()].into(), name: "lanes".to_owned(), ..Func::default() };
        Builder { func, lanes: features.lanes(), region: 0, types: Vec::new() }
    }

    fn param(&mut self, scalar: Scalar) -> Value {
        let value = self.func.new_value(Ty::one(scalar));
        self.func.params.push(value);
        self.func.regions[0].params.push(value);
        value
    }

    /// The address of an array.
    pub fn array(&mut self, elem: Elem, mutable: bool) -> Value {
        self.types.push((Type::Array(elem), mutable));
        let address = self.param(Scalar::Ptr);
        self.param(Scalar::I64);
        address
    }

    pub fn number(&mut self) -> Value {
        self.types.push((Type::I64, false));
        self.param(Scalar::I64)
    }

    pub fn float(&mut self) -> Value {
        self.types.push((Type::F64, false));
        self.param(Scalar::F64)
    }

    pub fn wide(&self, scalar: Scalar) -> Ty {
        Ty { scalar, lanes: self.lanes }
    }

    pub fn push(&mut self, kind: InstKind, args: &[Value], result: Option<Ty>) -> Value {
        self.push_many(kind, args, result.as_slice())
    }

    pub fn push_many(&mut self, kind: InstKind, args: &[Value], results: &[Ty]) -> Value {
        let args = self.func.new_values(args);
        let first_result = Value(self.func.values.len() as u32);
        self.func.values.extend(results);
        self.func.insts.push(Inst { kind, args, first_result, results: results.len() as u32, span: Span::default() });
        let id = InstId(self.func.insts.len() as u32 - 1);
        self.func.regions[self.region as usize].insts.push(id);
        first_result
    }

    /// The instruction made last.
    pub fn last(&self) -> InstId {
        InstId(self.func.insts.len() as u32 - 1)
    }

    /// What is made from now on stands in a new region with these parameters; the old region's number is given back.
    pub fn open(&mut self, params: &[Ty]) -> (RegionId, Vec<Value>) {
        let params: Vec<Value> = params.iter().map(|ty| self.func.new_value(*ty)).collect();
        self.func.regions.push(Region { params: params.clone().into(), insts: Vec::new().into() });
        (RegionId(self.func.regions.len() as u32 - 1), params)
    }

    pub fn enter(&mut self, region: RegionId) -> RegionId {
        RegionId(std::mem::replace(&mut self.region, region.0))
    }

    pub fn int(&mut self, n: i64) -> Value {
        self.push(InstKind::ConstI64(n), &[], Some(Ty::one(Scalar::I64)))
    }

    /// A constant of the type, from its word.
    pub fn constant(&mut self, scalar: Scalar, word: u64, lanes: u8) -> Value {
        let kind = match scalar {
            Scalar::F64 => InstKind::ConstF64(word),
            Scalar::Bool => InstKind::ConstBool(word != 0),
            _ => InstKind::ConstI64(word as i64),
        };
        self.push(kind, &[], Some(Ty { scalar, lanes }))
    }

    pub fn splat(&mut self, value: Value) -> Value {
        let ty = self.wide(self.func.ty(value).scalar);
        self.push(InstKind::Splat, &[value], Some(ty))
    }

    pub fn finish(mut self) -> Made {
        self.push(InstKind::Return, &[], None);
        assert_eq!(verify(&self.func), Ok(()), "{}", cresset::ir::print::print(&self.func));
        Made { func: self.func, types: self.types }
    }
}

/// The element that a value of this type is stored in without change.
pub fn elem_of(scalar: Scalar) -> Elem {
    match scalar {
        Scalar::F64 => Elem::F64,
        Scalar::Bool => Elem::Bool,
        _ => Elem::I64,
    }
}

/// A function and what the host gives it.
pub struct Made {
    func: Func,
    types: Vec<(Type, bool)>,
}

/// Compiled functions.
pub struct Compiled {
    program: Program,
    arena: Arena,
    hosts: Hosts,
}

pub fn compiled(made: Vec<Made>, (arch, features): (Arch, CpuFeatures)) -> Compiled {
    let (funcs, types): (Vec<Func>, Vec<_>) = made.into_iter().map(|made| (made.func, made.types)).unzip();
    let blob = compile(&funcs, &CodegenOptions { arch, features, metering: false }).expect("code");
    let param = |(ty, mutable): (Type, bool)| Param { name: String::new(), ty, mutable };
    let signature = |params: Vec<(Type, bool)>| FuncSignature {
        name: "lanes".into(),
        params: params.into_iter().map(param).collect(),
        result: Type::Unit,
    };
    let info = Signatures { funcs: types.into_iter().map(signature).collect(), main: None, recursive: false };
    let arena = CodeArena::new(CodeArenaConfig::default());
    let program = Program::publish(&arena, arch, blob, Arc::new(info), None).expect("published");
    Compiled { program, arena: Arena::new(1 << 20), hosts: Hosts { functions: Vec::new(), stacks: StackPool::new() } }
}

impl Compiled {
    pub fn run(&mut self, func: usize, args: &mut [Arg<'_>]) {
        let limits = Limits::default();
        let host = Host {
            limits: &limits,
            cancel: None,
            arena: &mut self.arena,
            fuel_left: &mut None,
            hosts: &self.hosts,
            catch_faults: false,
        };
        run_values(&self.program, FuncId(func as u32), host, args).expect("it neither traps nor fails");
    }
}

/// Words in memory as an array of a type.
pub enum Column {
    F64(Vec<f64>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

impl Column {
    pub fn new(scalar: Scalar, words: impl Iterator<Item = u64>) -> Column {
        match scalar {
            Scalar::F64 => Column::F64(words.map(f64::from_bits).collect()),
            Scalar::Bool => Column::Bool(words.map(|word| word != 0).collect()),
            _ => Column::I64(words.map(|word| word as i64).collect()),
        }
    }

    pub fn arg(&self) -> Arg<'_> {
        match self {
            Column::F64(column) => Arg::Slice(Slice::F64(column)),
            Column::I64(column) => Arg::Slice(Slice::I64(column)),
            Column::Bool(column) => Arg::Slice(Slice::Bool(column)),
        }
    }

    pub fn arg_mut(&mut self) -> Arg<'_> {
        match self {
            Column::F64(column) => Arg::SliceMut(SliceMut::F64(column)),
            Column::I64(column) => Arg::SliceMut(SliceMut::I64(column)),
            Column::Bool(column) => Arg::SliceMut(SliceMut::Bool(column)),
        }
    }

    pub fn word(&self, index: usize) -> u64 {
        match self {
            Column::F64(column) => column[index].to_bits(),
            Column::I64(column) => column[index] as u64,
            Column::Bool(column) => u64::from(column[index]),
        }
    }
}

/// Whether two words are one value of the language.
pub fn same(scalar: Scalar, a: u64, b: u64) -> bool {
    a == b || (scalar == Scalar::F64 && f64::from_bits(a).is_nan() && f64::from_bits(b).is_nan())
}
