//! How each peer compiles a formula and sums it over rows.

use crate::{Formula, Peer, Sum};
#[cfg(any(feature = "cranelift", feature = "fidget", feature = "wasmtime"))]
use crate::tree::{Tree, parse};

/// All that were built; Cresset first.
pub fn all() -> Vec<Box<dyn Peer>> {
    let mut all: Vec<Box<dyn Peer>> = vec![Box::new(Cresset(cresset::Engine::new().expect("an engine")))];
    if let Some(native) = crate::workloads::native::Native::load() {
        all.push(Box::new(Gcc(native)));
    }
    #[cfg(feature = "cranelift")]
    all.push(Box::new(Cranelift));
    #[cfg(feature = "fidget")]
    all.push(Box::new(Fidget));
    #[cfg(feature = "wasmtime")]
    all.push(Box::new(Wasmtime(wasmtime::Engine::default())));
    #[cfg(feature = "luajit")]
    all.push(Box::new(LuaJit(mlua::Lua::new())));
    #[cfg(feature = "fasteval")]
    all.push(Box::new(Fasteval));
    #[cfg(feature = "rhai")]
    all.push(Box::new(Rhai(rhai::Engine::new())));
    #[cfg(feature = "evalexpr")]
    all.push(Box::new(Evalexpr));
    all
}

/// Calls a function of one, two or four numbers a row.
macro_rules! sum_rows {
    ($columns:expr, $count:expr, |$one:ident| $call1:expr, |$a:ident, $b:ident| $call2:expr, |$p:ident, $q:ident, $r:ident, $s:ident| $call4:expr) => {{
        let columns = $columns;
        let mut total = 0.0;
        match $count {
            1 => columns[0].iter().for_each(|&$one| total += $call1),
            2 => columns[0].iter().zip(&columns[1]).for_each(|(&$a, &$b)| total += $call2),
            _ => (0..columns[0].len()).for_each(|i| {
                let ($p, $q, $r, $s) = (columns[0][i], columns[1][i], columns[2][i], columns[3][i]);
                total += $call4;
            }),
        }
        total
    }};
}

struct Cresset(cresset::Engine);

impl Peer for Cresset {
    fn name(&self) -> &'static str {
        "Cresset (text)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        let inputs: Vec<_> = formula.names.iter().map(|name| (*name, cresset::Type::F64)).collect();
        let module = self.0.compile_with(&formula.text, &inputs).ok()?;
        type F1 = fn(f64) -> f64;
        type F2 = fn(f64, f64) -> f64;
        type F4 = fn(f64, f64, f64, f64) -> f64;
        let nan = f64::NAN;
        Some(match formula.names.len() {
            1 => {
                let f = module.program::<F1>().ok()?;
                Box::new(move |c| c[0].iter().map(|&x| f.call(x).unwrap_or(nan)).sum())
            }
            2 => {
                let f = module.program::<F2>().ok()?;
                Box::new(move |c| c[0].iter().zip(&c[1]).map(|(&x, &y)| f.call((x, y)).unwrap_or(nan)).sum())
            }
            _ => {
                let f = module.program::<F4>().ok()?;
                Box::new(move |c| (0..c[0].len()).map(|i| f.call((c[0][i], c[1][i], c[2][i], c[3][i])).unwrap_or(nan)).sum())
            }
        })
    }
}

struct Gcc(crate::workloads::native::Native);

impl Peer for Gcc {
    fn name(&self) -> &'static str {
        "C, gcc -O3 -march=native (compiled before)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        let (s1, s2) = (self.0.s1, self.0.s2);
        match formula.title {
            // SAFETY: `native.c` defines them so.
            "S1" => Some(Box::new(move |c| c[0].iter().zip(&c[1]).map(|(&x, &y)| unsafe { s1(x, y) }).sum())),
            // SAFETY: as above.
            "S2" => Some(Box::new(move |c| c[0].iter().map(|&x| unsafe { s2(x) }).sum())),
            _ => None,
        }
    }
}

#[cfg(feature = "cranelift")]
struct Cranelift;

#[cfg(feature = "cranelift")]
impl Peer for Cranelift {
    fn name(&self) -> &'static str {
        "cranelift-jit, speed (tree)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        use cranelift_codegen::ir::{AbiParam, InstBuilder, Value, types::F64};
        use cranelift_codegen::settings::{self, Configurable};
        use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
        use cranelift_module::{Linkage, Module};

        fn emit(tree: &Tree, inputs: &[Value], builder: &mut FunctionBuilder<'_>) -> Value {
            match tree {
                Tree::Number(x) => builder.ins().f64const(*x),
                Tree::Input(i) => inputs[*i],
                Tree::Binary(op, left, right) => {
                    let (left, right) = (emit(left, inputs, builder), emit(right, inputs, builder));
                    match op {
                        b'+' => builder.ins().fadd(left, right),
                        b'-' => builder.ins().fsub(left, right),
                        _ => builder.ins().fmul(left, right),
                    }
                }
            }
        }

        /// Its memory is given back only on request.
        struct Owner(Option<cranelift_jit::JITModule>);
        impl Drop for Owner {
            fn drop(&mut self) {
                if let Some(module) = self.0.take() {
                    // SAFETY: the code is called through the closure that owns this alone.
                    unsafe { module.free_memory() };
                }
            }
        }

        let tree = parse(&formula.text, formula.names);
        let mut flags = settings::builder();
        flags.set("opt_level", "speed").ok()?;
        flags.set("is_pic", "false").ok()?;
        let isa = cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()?;
        let builder = cranelift_jit::JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
        let mut module = cranelift_jit::JITModule::new(builder);
        let mut context = module.make_context();
        context.func.signature.params = vec![AbiParam::new(F64); formula.names.len()];
        context.func.signature.returns = vec![AbiParam::new(F64)];
        let mut builders = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut context.func, &mut builders);
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        builder.seal_block(block);
        let inputs = builder.block_params(block).to_vec();
        let value = emit(&tree, &inputs, &mut builder);
        builder.ins().return_(&[value]);
        builder.finalize();
        let id = module.declare_function("f", Linkage::Export, &context.func.signature).ok()?;
        module.define_function(id, &mut context).ok()?;
        module.finalize_definitions().ok()?;
        let code = module.get_finalized_function(id);
        let owner = Owner(Some(module));
        let count = formula.names.len();
        Some(Box::new(move |columns| {
            let _alive = &owner;
            // SAFETY: compiled with so many parameters.
            unsafe {
                let one: extern "C" fn(f64) -> f64 = std::mem::transmute(code);
                let two: extern "C" fn(f64, f64) -> f64 = std::mem::transmute(code);
                let four: extern "C" fn(f64, f64, f64, f64) -> f64 = std::mem::transmute(code);
                sum_rows!(columns, count, |x| one(x), |x, y| two(x, y), |x, y, z, w| four(x, y, z, w))
            }
        }))
    }
}

#[cfg(feature = "fidget")]
struct Fidget;

#[cfg(feature = "fidget")]
impl Peer for Fidget {
    fn name(&self) -> &'static str {
        "fidget JIT (tree, f32)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        use fidget::context::{Context, Node};
        use fidget::eval::{Function, MathFunction, TracingEvaluator};
        use fidget::var::Var;

        fn emit(tree: &Tree, inputs: &[Node], context: &mut Context) -> Option<Node> {
            Some(match tree {
                Tree::Number(x) => context.constant(*x),
                Tree::Input(i) => inputs[*i],
                Tree::Binary(op, left, right) => {
                    let (left, right) = (emit(left, inputs, context)?, emit(right, inputs, context)?);
                    match op {
                        b'+' => context.add(left, right).ok()?,
                        b'-' => context.sub(left, right).ok()?,
                        _ => context.mul(left, right).ok()?,
                    }
                }
            })
        }

        let tree = parse(&formula.text, formula.names);
        let mut context = Context::new();
        let vars: Vec<Var> = formula.names.iter().map(|_| Var::new()).collect();
        let inputs: Vec<Node> = vars.iter().map(|var| context.var(*var)).collect();
        let root = emit(&tree, &inputs, &mut context)?;
        let function = fidget::jit::JitFunction::new(&context, &[root]).ok()?;
        let tape = function.point_tape(Default::default());
        let places: Vec<usize> = vars.iter().map(|var| function.vars().get(var)).collect::<Option<_>>()?;
        let mut eval = fidget::jit::JitFunction::new_point_eval();
        let mut row = vec![0f32; vars.len()];
        Some(Box::new(move |columns| {
            let mut total = 0.0;
            for i in 0..columns[0].len() {
                for (place, column) in places.iter().zip(columns) {
                    row[*place] = column[i] as f32;
                }
                total += eval.eval(&tape, &row).map_or(f64::NAN, |(out, _)| f64::from(out[0]));
            }
            total
        }))
    }
}

#[cfg(feature = "wasmtime")]
struct Wasmtime(wasmtime::Engine);

#[cfg(feature = "wasmtime")]
impl Peer for Wasmtime {
    fn name(&self) -> &'static str {
        "wasmtime (WAT)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        fn emit(tree: &Tree, out: &mut String) {
            match tree {
                Tree::Number(x) => *out += &format!("f64.const {x:?}\n"),
                Tree::Input(i) => *out += &format!("local.get {i}\n"),
                Tree::Binary(op, left, right) => {
                    emit(left, out);
                    emit(right, out);
                    *out += match op {
                        b'+' => "f64.add\n",
                        b'-' => "f64.sub\n",
                        _ => "f64.mul\n",
                    };
                }
            }
        }

        let params = "f64 ".repeat(formula.names.len());
        let mut text = format!("(module (func (export \"f\") (param {params}) (result f64)\n");
        emit(&parse(&formula.text, formula.names), &mut text);
        text += "))";
        let module = wasmtime::Module::new(&self.0, text).ok()?;
        let mut store = wasmtime::Store::new(&self.0, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).ok()?;
        Some(match formula.names.len() {
            1 => {
                let f = instance.get_typed_func::<f64, f64>(&mut store, "f").ok()?;
                Box::new(move |c| c[0].iter().map(|&x| f.call(&mut store, x).unwrap_or(f64::NAN)).sum())
            }
            2 => {
                let f = instance.get_typed_func::<(f64, f64), f64>(&mut store, "f").ok()?;
                Box::new(move |c| c[0].iter().zip(&c[1]).map(|(&x, &y)| f.call(&mut store, (x, y)).unwrap_or(f64::NAN)).sum())
            }
            _ => {
                let f = instance.get_typed_func::<(f64, f64, f64, f64), f64>(&mut store, "f").ok()?;
                Box::new(move |c| {
                    let row = |i: usize| (c[0][i], c[1][i], c[2][i], c[3][i]);
                    (0..c[0].len()).map(|i| f.call(&mut store, row(i)).unwrap_or(f64::NAN)).sum()
                })
            }
        })
    }
}

#[cfg(feature = "luajit")]
struct LuaJit(mlua::Lua);

#[cfg(feature = "luajit")]
impl Peer for LuaJit {
    fn name(&self) -> &'static str {
        "LuaJIT (text to bytecode; calls from a Lua loop)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        let names = formula.names.join(", ");
        let cells = (1..=formula.names.len()).map(|i| format!("c[{i}][i]")).collect::<Vec<_>>().join(", ");
        let text = format!("local f = function({names}) return {} end
            return function(c) local s = 0 for i = 1, #c[1] do s = s + f({cells}) end return s end", formula.text);
        let sum: mlua::Function = self.0.load(text).eval().ok()?;
        let lua = self.0.clone();
        let mut table: Option<mlua::Table> = None;
        Some(Box::new(move |columns| {
            let table = table.get_or_insert_with(|| lua.create_sequence_from(columns.to_vec()).expect("a table"));
            sum.call::<f64>(table.clone()).unwrap_or(f64::NAN)
        }))
    }
}

#[cfg(feature = "fasteval")]
struct Fasteval;

#[cfg(feature = "fasteval")]
impl Peer for Fasteval {
    fn name(&self) -> &'static str {
        "fasteval (text, interpreted)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        use fasteval::{Compiler, Evaler};
        let mut slab = fasteval::Slab::new();
        let parser = fasteval::Parser { expr_len_limit: 1 << 20, expr_depth_limit: 1 << 10 };
        let compiled = parser.parse(&formula.text, &mut slab.ps).ok()?.from(&slab.ps).compile(&slab.ps, &mut slab.cs);
        let names = formula.names;
        Some(Box::new(move |columns| {
            let row = |i: usize| {
                let mut lookup = |name: &str, _: Vec<f64>| Some(columns[names.iter().position(|n| *n == name)?][i]);
                compiled.eval(&slab, &mut lookup).unwrap_or(f64::NAN)
            };
            (0..columns[0].len()).map(row).sum()
        }))
    }
}

#[cfg(feature = "rhai")]
struct Rhai(rhai::Engine);

#[cfg(feature = "rhai")]
impl Peer for Rhai {
    fn name(&self) -> &'static str {
        "rhai (text, interpreted)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        self.0.set_max_expr_depths(0, 0);
        let ast = self.0.compile_expression(&formula.text).ok()?;
        let engine = rhai::Engine::new();
        let mut scope = rhai::Scope::new();
        formula.names.iter().for_each(|name| _ = scope.push(*name, 0.0_f64));
        let names = formula.names;
        Some(Box::new(move |columns| {
            let mut total = 0.0;
            for i in 0..columns[0].len() {
                for (name, column) in names.iter().zip(columns) {
                    scope.set_value(*name, column[i]);
                }
                total += engine.eval_ast_with_scope::<f64>(&mut scope, &ast).unwrap_or(f64::NAN);
            }
            total
        }))
    }
}

#[cfg(feature = "evalexpr")]
struct Evalexpr;

#[cfg(feature = "evalexpr")]
impl Peer for Evalexpr {
    fn name(&self) -> &'static str {
        "evalexpr (text, interpreted)"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum<'static>> {
        use evalexpr::{ContextWithMutableVariables, DefaultNumericTypes, HashMapContext, Value};
        let tree = evalexpr::build_operator_tree::<DefaultNumericTypes>(&formula.text).ok()?;
        let mut context = HashMapContext::<DefaultNumericTypes>::new();
        let names = formula.names;
        Some(Box::new(move |columns| {
            let mut total = 0.0;
            for i in 0..columns[0].len() {
                for (name, column) in names.iter().zip(columns) {
                    _ = context.set_value((*name).to_owned(), Value::Float(column[i]));
                }
                total += tree.eval_float_with_context(&context).unwrap_or(f64::NAN);
            }
            total
        }))
    }
}
