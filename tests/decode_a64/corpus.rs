//! Code of every kind that the emitter makes, linked to addresses.

use crate::{cases, generate, kernels};
use cresset::codegen::blob::CodeBlob;
use cresset::codegen::{Arch, CodegenOptions, CpuFeatures, compile};
use cresset::ir::func::{Func, Inst, InstId, InstKind, Region, Ty, Value};
use cresset::ir::op::{Effect, Math, Op, Scalar, TableId, elem_scalar};
use cresset::listing::code;
use cresset::opt::Passes;
use cresset::{Config, Cpu, Elem, Engine, Execution, InputType, Span, Type};
use std::path::Path;

/// Where code lies, and where its pool does.
pub const CODE: u64 = 0x7000_1230_0000;

pub struct Linked {
    pub name: String,
    pub blob: CodeBlob,
    pub pool: u64,
}

impl Linked {
    fn new(name: String, mut blob: CodeBlob) -> Linked {
        let pool = CODE + (blob.code.len() as u64).next_multiple_of(4096) + 8 * (blob.code.len() as u64 / 4 % 7);
        blob.link(Arch::A64, CODE, pool).expect("within reach");
        Linked { name, blob, pool }
    }

    pub fn words(&self) -> impl Iterator<Item = u32> + '_ {
        self.blob.code.chunks(4).map(|word| u32::from_le_bytes(word.try_into().expect("whole words")))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn engine(passes: Passes, metering: bool) -> Engine {
    use cresset::host::{HostFn, HostParams};
    let mut config = Config::new()
        .execution(Execution::Interpreter)
        .metering(metering)
        .host_fn("put", |_: i64| ())
        .host_fn("put_number", |_: f64, _: i64, _: i64| ())
        .host_fn("probe", |x: f64, _: i64| x)
        .host_fn("ask", |n: i64, _: bool| n)
        .host_fn("note", |_: f64| ())
        .host_fn("refuse", |_: i64| false);
    config.add_host_fn(HostFn::new("print", HostParams::Scalars, Type::Unit, |_| Ok(cresset::Value::Unit)));
    config.passes = passes;
    config.engine().expect("an engine")
}

/// The passes that are on.
fn engines() -> [Engine; 3] {
    [engine(Passes::ALL, true), engine(Passes::NONE, true), engine(Passes::ALL, false)]
}

fn of_text(engine: &Engine, name: &str, text: &str, inputs: &[(&str, Type)], to: &mut dyn FnMut(Linked)) -> bool {
    match code(engine, text, inputs, Cpu::AArch64) {
        Ok(blob) => {
            to(Linked::new(name.to_owned(), blob));
            true
        }
        Err(_) => false,
    }
}

fn type_of(value: &cases::Value) -> Type {
    match value {
        cases::Value::Unit => Type::Unit,
        cases::Value::Bool(_) => Type::Bool,
        cases::Value::I64(_) => Type::I64,
        cases::Value::F64(_) => Type::F64,
        cases::Value::F64s(_) => Type::Array(Elem::F64),
        cases::Value::F32s(_) => Type::Array(Elem::F32),
        cases::Value::I64s(_) => Type::Array(Elem::I64),
        cases::Value::I32s(_) => Type::Array(Elem::I32),
        cases::Value::U8s(_) => Type::Array(Elem::U8),
        cases::Value::Bools(_) => Type::Array(Elem::Bool),
    }
}

/// The examples.
pub fn examples(to: &mut dyn FnMut(Linked)) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("examples")).expect("examples") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "cresset") {
            let text = std::fs::read_to_string(&path).expect("a text");
            for engine in engines() {
                assert!(of_text(&engine, &path.display().to_string(), &text, &[], to), "{}", path.display());
                count += 1;
            }
        }
    }
    count
}

/// What programs seldom have.
fn rare(to: &mut dyn FnMut(Linked)) {
    let inputs = [("a", Type::I64), ("b", Type::I64)];
    for text in [
        "a + 8192",
        "a - 8192",
        "a + 16773120 - b",
        "if a < -8192 { a } else { b }",
        "if bit_and(a, b) == 0 { 1 } else { 2 }",
        "if bit_and(a, b) != 0 { wrapping_add(a, b) } else { wrapping_sub(a, 4096) }",
    ] {
        for engine in engines() {
            assert!(of_text(&engine, text, text, &inputs, to), "{text}");
        }
    }
}

/// The conformance cases that compile.
pub fn cases(to: &mut dyn FnMut(Linked)) -> usize {
    let [all, none, _] = engines();
    let mut count = 0;
    for (i, case) in cases::load(&root().join("tests/cases")).expect("cases").into_iter().enumerate() {
        let inputs: Vec<(&str, Type)> =
            case.options.inputs.iter().map(|(name, value)| (name.as_str(), type_of(value))).collect();
        let engine = if i % 3 == 0 { &none } else { &all };
        count += usize::from(of_text(engine, &format!("{}:{}", case.file, case.line), &case.source, &inputs, to));
    }
    count
}

/// Random programs.
pub fn random_programs(seeds: std::ops::Range<u64>, to: &mut dyn FnMut(Linked)) -> usize {
    let engines = engines();
    let mut count = 0;
    for seed in seeds {
        let program = generate::program(&mut generate::Bytes::seeded(seed));
        let inputs: Vec<(&str, Type)> =
            program.inputs.iter().map(|(name, value)| (name.as_str(), value.ty())).collect();
        let engine = &engines[seed as usize % engines.len()];
        count += usize::from(of_text(engine, &format!("seed {seed}"), &program.source, &inputs, to));
    }
    count
}

/// Random kernels, and formulas over columns of all types.
pub fn random_kernels(seeds: std::ops::Range<u64>, to: &mut dyn FnMut(Linked)) -> usize {
    let column = |elem| InputType::Column(elem);
    let inputs = [
        ("x", column(Elem::F64)),
        ("y", column(Elem::F64)),
        ("n", column(Elem::I64)),
        ("m", column(Elem::I64)),
        ("b", column(Elem::Bool)),
        ("u", InputType::Scalar(Type::F64)),
        ("k", InputType::Scalar(Type::I64)),
        ("fs", InputType::Scalar(Type::Array(Elem::F64))),
        ("ks", InputType::Scalar(Type::Array(Elem::I64))),
    ];
    let engines = engines();
    let mut count = 0;
    let mut kernel = |engine: &Engine, name: String, text: &str, inputs: &[(&str, InputType)], only_where: bool| {
        let mut kernel = engine.kernel(text).expect("a kernel");
        if only_where {
            kernel = kernel.only_where("b or n < k").expect("a condition");
        }
        let blob = kernel.code_for(inputs, Cpu::AArch64).unwrap_or_else(|error| panic!("{error}\n{text}"));
        to(Linked::new(name, blob));
        count += 1;
    };
    for seed in seeds {
        let engine = &engines[seed as usize % engines.len()];
        kernel(engine, format!("kernel {seed}"), &kernels::kernel(seed), &inputs, seed % 4 == 0);
    }
    for elem in Elem::ALL {
        let array = InputType::Scalar(Type::Array(elem));
        for text in ["a == as[n]", "if as[n % 3] == a { 1.0 } else { sin(y) }"] {
            let types = [("a", column(elem)), ("as", array), ("n", column(Elem::I64)), ("y", column(Elem::F64))];
            kernel(&engines[0], format!("{text} over {elem}"), text, &types, false);
        }
    }
    count
}

/// A function made by hand: one region.
struct Made(Func);

impl Made {
    fn new() -> Made {
        Made(Func { regions: vec![Region::default()].into(), name: "made".to_owned(), ..Func::default() })
    }

    fn param(&mut self, scalar: Scalar) -> Value {
        let value = self.0.new_value(Ty::one(scalar));
        self.0.params.push(value);
        self.0.regions[0].params.push(value);
        value
    }

    fn push(&mut self, kind: InstKind, args: &[Value], result: Option<Ty>) -> Value {
        let args = self.0.new_values(args);
        let first_result = Value(self.0.values.len() as u32);
        self.0.values.extend(result);
        let results = result.iter().len() as u32;
        self.0.insts.push(Inst { kind, args, first_result, results, span: Span::default() });
        self.0.regions[0].insts.push(InstId(self.0.insts.len() as u32 - 1));
        first_result
    }

    fn finish(mut self) -> Func {
        self.push(InstKind::Return, &[], None);
        assert_eq!(cresset::ir::verify::verify(&self.0), Ok(()));
        self.0
    }
}

fn wide(scalar: Scalar) -> Ty {
    Ty { scalar, lanes: 2 }
}

fn elem_of(scalar: Scalar) -> Elem {
    match scalar {
        Scalar::F64 => Elem::F64,
        Scalar::Bool => Elem::Bool,
        _ => Elem::I64,
    }
}

fn made(name: &str, func: Func, to: &mut dyn FnMut(Linked)) {
    let options = CodegenOptions { arch: Arch::A64, features: CpuFeatures::Neon, metering: false };
    to(Linked::new(name.to_owned(), compile(&[func], &options).expect("code")));
}

fn constant(b: &mut Made, scalar: Scalar, word: u64, lanes: u8) -> Value {
    let kind = match scalar {
        Scalar::F64 => InstKind::ConstF64(word),
        Scalar::Bool => InstKind::ConstBool(word != 0),
        _ => InstKind::ConstI64(word as i64),
    };
    b.push(kind, &[], Some(Ty { scalar, lanes }))
}

/// Every operation and every instruction on lanes, with constants too.
pub fn lanes(to: &mut dyn FnMut(Linked)) {
    for op in Op::ALL.iter().copied().filter(|op| op.effect() == Effect::Pure) {
        let words = [0, 1, 63, 64, 5, 1.0f64.to_bits(), 0.1f64.to_bits(), u64::MAX];
        for fold in words.iter().map(Some).chain([None]) {
            let mut b = Made::new();
            let arrays: Vec<Value> = op.params().iter().map(|_| b.param(Scalar::Ptr)).collect();
            let (out, index) = (b.param(Scalar::Ptr), b.param(Scalar::I64));
            // More constants than are held in registers, so that this one is folded.
            let mut crowd = constant(&mut b, Scalar::I64, 0, 2);
            for number in 0..24 {
                let other = constant(&mut b, Scalar::I64, 0x1234_5678 + number, 2);
                for _ in 0..3 {
                    crowd = b.push(InstKind::Op(Op::IWrappingAdd), &[crowd, other], Some(wide(Scalar::I64)));
                }
            }
            b.push(InstKind::VectorStore(Elem::I64), &[out, index, crowd], None);
            let mut args = Vec::new();
            for (operand, scalar) in op.params().iter().enumerate() {
                args.push(match fold {
                    Some(word) if operand == 1 => constant(&mut b, *scalar, *word, 2),
                    _ => b.push(InstKind::VectorLoad(elem_of(*scalar)), &[arrays[operand], index], Some(wide(*scalar))),
                });
            }
            let value = b.push(InstKind::Op(op), &args, Some(wide(op.result())));
            b.push(InstKind::VectorStore(elem_of(op.result())), &[out, index, value], None);
            made(op.name(), b.finish(), to);
        }
    }
    for elem in Elem::ALL {
        let mut b = Made::new();
        let ty = wide(elem_scalar(elem));
        let (from, start, flag) = (b.param(Scalar::Ptr), b.param(Scalar::I64), b.param(Scalar::Bool));
        let two = constant(&mut b, Scalar::I64, 2, 1);
        let index = b.push(InstKind::VectorLoad(Elem::I64), &[from, start], Some(wide(Scalar::I64)));
        let mask = b.push(InstKind::VectorLoad(Elem::Bool), &[from, two], Some(wide(Scalar::Bool)));
        let flags = b.push(InstKind::Splat, &[flag], Some(wide(Scalar::Bool)));
        let mask = b.push(InstKind::Select, &[mask, flags, mask], Some(wide(Scalar::Bool)));
        let value = b.push(InstKind::Gather(elem), &[from, index, mask], Some(ty));
        b.push(InstKind::VectorStore(elem), &[from, start, value], None);
        b.push(InstKind::VectorStore(elem), &[from, two, value], None);
        let any = b.push(InstKind::AnyLane, &[mask], Some(Ty::one(Scalar::Bool)));
        let any = b.push(InstKind::Splat, &[any], Some(wide(Scalar::Bool)));
        b.push(InstKind::VectorStore(Elem::Bool), &[from, start, any], None);
        made(&format!("gather {elem}"), b.finish(), to);
    }
    for table in TableId::ALL {
        let mut b = Made::new();
        let (from, start) = (b.param(Scalar::Ptr), b.param(Scalar::I64));
        let index = b.push(InstKind::VectorLoad(Elem::I64), &[from, start], Some(wide(Scalar::I64)));
        let value = b.push(InstKind::TableLoad(*table), &[index], Some(wide(Scalar::F64)));
        b.push(InstKind::VectorStore(Elem::F64), &[from, start, value], None);
        let one = b.push(InstKind::TableLoad(*table), &[start], Some(Ty::one(Scalar::F64)));
        let one = b.push(InstKind::Splat, &[one], Some(wide(Scalar::F64)));
        b.push(InstKind::VectorStore(Elem::F64), &[from, start, one], None);
        let whole = b.push(InstKind::TruncateLanes, &[value], Some(wide(Scalar::I64)));
        b.push(InstKind::VectorStore(Elem::I64), &[from, start, whole], None);
        made(table.name(), b.finish(), to);
    }
    for math in Math::ALL {
        let mut b = Made::new();
        let (from, start) = (b.param(Scalar::Ptr), b.param(Scalar::I64));
        let x = b.push(InstKind::VectorLoad(Elem::F64), &[from, start], Some(wide(Scalar::F64)));
        let mask = b.push(InstKind::VectorLoad(Elem::Bool), &[from, start], Some(wide(Scalar::Bool)));
        let lane = b.push(InstKind::LaneIndex, &[], Some(wide(Scalar::I64)));
        let usual = b.push(InstKind::Op(Op::IToF), &[lane], Some(wide(Scalar::F64)));
        let value =
            b.push(InstKind::MathLanes(math), &[mask, usual, x, usual][..2 + math.arity()], Some(wide(Scalar::F64)));
        let kept = b.push(InstKind::Select, &[mask, value, x], Some(wide(Scalar::F64)));
        b.push(InstKind::VectorStore(Elem::F64), &[from, start, kept], None);
        made(math.name(), b.finish(), to);
    }
}

/// Frames of all sizes, as prologues make and epilogues give them back; slots far up in them.
pub fn frames(to: &mut dyn FnMut(Linked)) {
    use cresset::codegen::a64::A64;
    use cresset::codegen::frame::Frame;
    use cresset::codegen::target::Target;
    use regalloc2::{Allocation, PReg, RegClass, SpillSlot};
    let sizes = [16, 32, 48, 4080, 4096, 4112, 5 * 4096, 100 * 4096 + 16, 0x1_0000 * 4096, 0x1234_5670, 0xFFFF_F000];
    for size in sizes.into_iter().chain((1..40).map(|n| n * n * n * 4096 * 13 + 16 * n)) {
        for lanes in [1, 2] {
            let mut a64 = A64::new(CpuFeatures::Neon);
            let top = size / 16 * 8;
            let saved = [(19, RegClass::Int, top), (8, RegClass::Float, 8)];
            let saved = saved.map(|(reg, class, at)| (PReg::new(reg, class), at)).to_vec();
            let frame = Frame { size, outgoing: 16, lanes, saved, ..Frame::default() };
            a64.prologue(&frame);
            for (slot, number, class) in [(0, 7, RegClass::Int), (3, 30, RegClass::Float), (9000, 5, RegClass::Float)] {
                let (slot, reg) = (Allocation::stack(SpillSlot::new(slot)), Allocation::reg(PReg::new(number, class)));
                a64.copy(reg, slot, class, &frame);
                a64.copy(slot, reg, class, &frame);
                a64.copy(reg, Allocation::reg(PReg::new(number + 1, class)), class, &frame);
            }
            let slot = Allocation::stack(SpillSlot::new(9001));
            let reg = Allocation::reg(PReg::new(25, RegClass::Int));
            a64.copy(reg, slot, RegClass::Int, &frame);
            a64.copy(slot, reg, RegClass::Int, &frame);
            a64.epilogue(&frame);
            let code = a64.asm().take().expect("labels are bound");
            to(Linked::new(format!("a frame of {size}"), CodeBlob { code, ..CodeBlob::default() }));
        }
    }
}

/// Everything, with so many random programs and kernels.
pub fn all(programs: u64, to: &mut dyn FnMut(Linked)) {
    rare(to);
    assert!(examples(to) >= 48);
    assert!(cases(to) > 3_000);
    assert!(random_programs(0..programs, to) as u64 > programs / 2);
    random_kernels(0..programs / 4, to);
    lanes(to);
    frames(to);
}
