//! cranelift-jit: a tree through its builder, optimized for speed, called by a bare pointer.

use crate::formula::{Binary, Build, Unary};
use crate::peer::{Formula, HOST_CALLS, Loop, Peer, Run, SIEVED, Sum, half_in_c, sum_by_code, summed};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F64, I8, I64};
use cranelift_codegen::ir::{AbiParam, Block, InstBuilder, MemFlags, Type, Value};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module};

pub struct Cranelift;

/// Its memory is given back only on request.
struct Owner(Option<JITModule>);

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(module) = self.0.take() {
            // SAFETY: the code is called through the closure that owns this alone.
            unsafe { module.free_memory() };
        }
    }
}

extern "C" fn exp(x: f64) -> f64 {
    x.exp()
}

extern "C" fn ln(x: f64) -> f64 {
    x.ln()
}

extern "C" fn sin(x: f64) -> f64 {
    x.sin()
}

/// Makes one function.
fn function(
    params: &[Type],
    result: Type,
    body: impl FnOnce(&mut Lower<'_, '_>, &[Value]) -> Value,
) -> Option<(*const u8, Owner)> {
    let mut flags = settings::builder();
    flags.set("opt_level", "speed").ok()?;
    flags.set("is_pic", "false").ok()?;
    let isa = cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()?;
    let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
    let symbols = [("exp", exp as *const u8), ("ln", ln as _), ("sin", sin as _), ("half", half_in_c as _)];
    builder.symbols(symbols.into_iter().map(|(name, code)| (name.to_owned(), code)));
    let mut module = JITModule::new(builder);
    let mut context = module.make_context();
    context.func.signature.params = params.iter().map(|ty| AbiParam::new(*ty)).collect();
    context.func.signature.returns = vec![AbiParam::new(result)];
    let id = module.declare_function("f", Linkage::Export, &context.func.signature).ok()?;
    let mut builders = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut context.func, &mut builders);
    let block = builder.create_block();
    builder.append_block_params_for_function_params(block);
    builder.switch_to_block(block);
    let inputs = builder.block_params(block).to_vec();
    let mut lower = Lower { builder, module: &mut module, itself: id };
    let value = body(&mut lower, &inputs);
    lower.builder.ins().return_(&[value]);
    lower.builder.seal_all_blocks();
    lower.builder.finalize();
    module.define_function(id, &mut context).ok()?;
    module.finalize_definitions().ok()?;
    let code = module.get_finalized_function(id);
    Some((code, Owner(Some(module))))
}

struct Lower<'a, 'b> {
    builder: FunctionBuilder<'a>,
    module: &'b mut JITModule,
    itself: FuncId,
}

impl Lower<'_, '_> {
    fn call(&mut self, name: &str, argument: Value) -> Value {
        let mut signature = self.module.make_signature();
        signature.params.push(AbiParam::new(F64));
        signature.returns.push(AbiParam::new(F64));
        let id = self.module.declare_function(name, Linkage::Import, &signature).expect(name);
        self.call_id(id, argument)
    }

    fn call_id(&mut self, id: FuncId, argument: Value) -> Value {
        let function = self.module.declare_func_in_func(id, self.builder.func);
        let call = self.builder.ins().call(function, &[argument]);
        self.builder.inst_results(call)[0]
    }

    fn variable(&mut self, ty: Type, value: Value) -> Variable {
        let variable = self.builder.declare_var(ty);
        self.builder.def_var(variable, value);
        variable
    }

    fn integer(&mut self, value: i64) -> Value {
        self.builder.ins().iconst(I64, value)
    }

    fn get(&mut self, variable: Variable) -> Value {
        self.builder.use_var(variable)
    }

    fn set(&mut self, variable: Variable, value: Value) {
        self.builder.def_var(variable, value);
    }

    fn step(&mut self, variable: Variable) {
        let value = self.get(variable);
        let next = self.builder.ins().iadd_imm(value, 1);
        self.set(variable, next);
    }

    /// A loop whose condition is asked before it and at its end, as compilers turn them.
    fn repeat(&mut self, condition: impl Fn(&mut Self) -> Value, body: impl FnOnce(&mut Self)) {
        let (head, after) = (self.block(), self.block());
        let first = condition(self);
        self.builder.ins().brif(first, head, &[], after, &[]);
        self.builder.switch_to_block(head);
        body(self);
        let again = condition(self);
        self.builder.ins().brif(again, head, &[], after, &[]);
        self.builder.switch_to_block(after);
    }

    fn when(&mut self, condition: Value, body: impl FnOnce(&mut Self)) {
        let (then, after) = (self.block(), self.block());
        self.builder.ins().brif(condition, then, &[], after, &[]);
        self.builder.switch_to_block(then);
        body(self);
        self.builder.ins().jump(after, &[]);
        self.builder.switch_to_block(after);
    }

    fn block(&mut self) -> Block {
        self.builder.create_block()
    }

    /// Whether a variable is below a value.
    fn below(&mut self, variable: Variable, end: Value) -> Value {
        let value = self.get(variable);
        self.builder.ins().icmp(IntCC::SignedLessThan, value, end)
    }
}

impl Build for Lower<'_, '_> {
    type Value = Value;

    fn number(&mut self, x: f64) -> Value {
        self.builder.ins().f64const(x)
    }

    fn unary(&mut self, op: Unary, operand: Value) -> Value {
        match op {
            Unary::Neg => self.builder.ins().fneg(operand),
            Unary::Abs => self.builder.ins().fabs(operand),
            Unary::Sqrt => self.builder.ins().sqrt(operand),
            Unary::Exp => self.call("exp", operand),
            Unary::Ln => self.call("ln", operand),
            Unary::Sin => self.call("sin", operand),
        }
    }

    fn binary(&mut self, op: Binary, left: Value, right: Value) -> Value {
        let ins = self.builder.ins();
        match op {
            Binary::Add => ins.fadd(left, right),
            Binary::Sub => ins.fsub(left, right),
            Binary::Mul => ins.fmul(left, right),
            Binary::Div => ins.fdiv(left, right),
            Binary::Less => ins.fcmp(FloatCC::LessThan, left, right),
            Binary::Greater => ins.fcmp(FloatCC::GreaterThan, left, right),
            Binary::Equal => ins.fcmp(FloatCC::Equal, left, right),
            Binary::And => ins.band(left, right),
            Binary::Or => ins.bor(left, right),
        }
    }

    fn choose(&mut self, condition: Value, yes: Value, no: Value) -> Value {
        self.builder.ins().select(condition, yes, no)
    }
}

fn mandelbrot(lower: &mut Lower<'_, '_>, n: Value) -> Value {
    let zero = lower.integer(0);
    let (total, row) = (lower.variable(I64, zero), lower.variable(I64, zero));
    let size = lower.builder.ins().fcvt_from_sint(F64, n);
    lower.repeat(
        |lower| lower.below(row, n),
        |lower| {
            let column = lower.variable(I64, zero);
            lower.repeat(
                |lower| lower.below(column, n),
                |lower| {
                    let mut place = |of: Variable, low: f64| {
                        let at = lower.get(of);
                        let at = lower.builder.ins().fcvt_from_sint(F64, at);
                        let (three, low) = (lower.number(3.0), lower.number(low));
                        let product = lower.builder.ins().fmul(three, at);
                        let share = lower.builder.ins().fdiv(product, size);
                        lower.builder.ins().fadd(low, share)
                    };
                    let (cx, cy) = (place(column, -2.0), place(row, -1.5));
                    let start = lower.number(0.0);
                    let (x, y) = (lower.variable(F64, start), lower.variable(F64, start));
                    let count = lower.variable(I64, zero);
                    lower.repeat(
                        |lower| {
                            let (a, b, n) = (lower.get(x), lower.get(y), lower.get(count));
                            let ins = lower.builder.ins().icmp_imm(IntCC::SignedLessThan, n, 256);
                            let (aa, bb) = (lower.builder.ins().fmul(a, a), lower.builder.ins().fmul(b, b));
                            let (sum, four) = (lower.builder.ins().fadd(aa, bb), lower.number(4.0));
                            let inside = lower.builder.ins().fcmp(FloatCC::LessThanOrEqual, sum, four);
                            lower.builder.ins().band(ins, inside)
                        },
                        |lower| {
                            let (a, b, two) = (lower.get(x), lower.get(y), lower.number(2.0));
                            let (aa, bb) = (lower.builder.ins().fmul(a, a), lower.builder.ins().fmul(b, b));
                            let difference = lower.builder.ins().fsub(aa, bb);
                            let next = lower.builder.ins().fadd(difference, cx);
                            let twice = lower.builder.ins().fmul(two, a);
                            let product = lower.builder.ins().fmul(twice, b);
                            let next_y = lower.builder.ins().fadd(product, cy);
                            lower.set(x, next);
                            lower.set(y, next_y);
                            lower.step(count);
                        },
                    );
                    let (sum, more) = (lower.get(total), lower.get(count));
                    let sum = lower.builder.ins().iadd(sum, more);
                    lower.set(total, sum);
                    lower.step(column);
                },
            );
            lower.step(row);
        },
    );
    lower.get(total)
}

fn squares(lower: &mut Lower<'_, '_>, xs: Value, len: Value) -> Value {
    let (start, none) = (lower.number(0.0), lower.integer(0));
    let (total, at) = (lower.variable(F64, start), lower.variable(I64, none));
    lower.repeat(
        |lower| lower.below(at, len),
        |lower| {
            let (sum, i) = (lower.get(total), lower.get(at));
            let offset = lower.builder.ins().ishl_imm(i, 3);
            let address = lower.builder.ins().iadd(xs, offset);
            let x = lower.builder.ins().load(F64, MemFlags::trusted(), address, 0);
            let square = lower.builder.ins().fmul(x, x);
            let sum = lower.builder.ins().fadd(sum, square);
            lower.set(total, sum);
            lower.step(at);
        },
    );
    lower.get(total)
}

fn fib(lower: &mut Lower<'_, '_>, n: Value) -> Value {
    let result = lower.variable(I64, n);
    let large = lower.builder.ins().icmp_imm(IntCC::SignedGreaterThanOrEqual, n, 2);
    lower.when(large, |lower| {
        let itself = lower.itself;
        let (one, two) = (lower.builder.ins().iadd_imm(n, -1), lower.builder.ins().iadd_imm(n, -2));
        let (one, two) = (lower.call_id(itself, one), lower.call_id(itself, two));
        let sum = lower.builder.ins().iadd(one, two);
        lower.set(result, sum);
    });
    lower.get(result)
}

fn sieve(lower: &mut Lower<'_, '_>, composite: Value, len: Value) -> Value {
    let (zero, two, yes) = (lower.integer(0), lower.integer(2), lower.builder.ins().iconst(I8, 1));
    let (count, n) = (lower.variable(I64, zero), lower.variable(I64, two));
    lower.repeat(
        |lower| lower.below(n, len),
        |lower| {
            let at = lower.get(n);
            let address = lower.builder.ins().iadd(composite, at);
            let marked = lower.builder.ins().load(I8, MemFlags::trusted(), address, 0);
            let prime = lower.builder.ins().icmp_imm(IntCC::Equal, marked, 0);
            lower.when(prime, |lower| {
                lower.step(count);
                let square = lower.builder.ins().imul(at, at);
                let multiple = lower.variable(I64, square);
                lower.repeat(
                    |lower| lower.below(multiple, len),
                    |lower| {
                        let to = lower.get(multiple);
                        let address = lower.builder.ins().iadd(composite, to);
                        lower.builder.ins().store(MemFlags::trusted(), yes, address, 0);
                        let next = lower.builder.ins().iadd(to, at);
                        lower.set(multiple, next);
                    },
                );
            });
            lower.step(n);
        },
    );
    lower.get(count)
}

fn collatz(lower: &mut Lower<'_, '_>, below: Value) -> Value {
    let (zero, one) = (lower.integer(0), lower.integer(1));
    let (best, best_start) = (lower.variable(I64, zero), lower.variable(I64, zero));
    let start = lower.variable(I64, one);
    lower.repeat(
        |lower| lower.below(start, below),
        |lower| {
            let at = lower.get(start);
            let (n, steps) = (lower.variable(I64, at), lower.variable(I64, zero));
            lower.repeat(
                |lower| {
                    let n = lower.get(n);
                    lower.builder.ins().icmp_imm(IntCC::NotEqual, n, 1)
                },
                |lower| {
                    let value = lower.get(n);
                    let odd = lower.builder.ins().band_imm(value, 1);
                    let two = lower.integer(2);
                    let half = lower.builder.ins().sdiv(value, two);
                    let triple = lower.builder.ins().imul_imm(value, 3);
                    let triple = lower.builder.ins().iadd_imm(triple, 1);
                    let next = lower.builder.ins().select(odd, triple, half);
                    lower.set(n, next);
                    lower.step(steps);
                },
            );
            let (steps, most) = (lower.get(steps), lower.get(best));
            let longer = lower.builder.ins().icmp(IntCC::SignedGreaterThan, steps, most);
            lower.when(longer, |lower| {
                lower.set(best, steps);
                lower.set(best_start, at);
            });
            lower.step(start);
        },
    );
    lower.get(best_start)
}

fn host(lower: &mut Lower<'_, '_>, n: Value, calls: bool) -> Value {
    let (start, zero, one) = (lower.number(0.0), lower.integer(0), lower.number(1.0));
    let (sum, at) = (lower.variable(F64, start), lower.variable(I64, zero));
    lower.repeat(
        |lower| lower.below(at, n),
        |lower| {
            let value = lower.get(sum);
            let half = if calls {
                lower.call("half", value)
            } else {
                let half = lower.number(0.5);
                lower.builder.ins().fmul(half, value)
            };
            let next = lower.builder.ins().fadd(half, one);
            lower.set(sum, next);
            lower.step(at);
        },
    );
    lower.get(sum)
}

impl Peer for Cranelift {
    fn name(&self) -> &'static str {
        "cranelift-jit"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let params = vec![F64; formula.names.len()];
        let (code, owner) = function(&params, F64, |lower, inputs| formula.program.build(inputs, lower))?;
        // SAFETY: compiled with so many parameters.
        unsafe { sum_by_code(code, params.len(), owner) }
    }

    fn program(&mut self, which: Loop) -> Option<Run> {
        macro_rules! integer {
            ($body:ident, $n:expr) => {{
                let (code, owner) = function(&[I64], I64, |lower, inputs| $body(lower, inputs[0]))?;
                // SAFETY: compiled with this signature.
                let f: extern "C" fn(i64) -> i64 = unsafe { std::mem::transmute(code) };
                Box::new(move || {
                    let _alive = &owner;
                    f($n) as f64
                })
            }};
        }
        Some(match which {
            Loop::L1 => integer!(mandelbrot, 256),
            Loop::L3 => integer!(fib, 32),
            Loop::L5 => integer!(collatz, crate::peer::CHAINS),
            Loop::L2 => {
                let (code, owner) = function(&[I64, I64], F64, |lower, inputs| squares(lower, inputs[0], inputs[1]))?;
                // SAFETY: compiled with this signature.
                let f: extern "C" fn(*const f64, i64) -> f64 = unsafe { std::mem::transmute(code) };
                let xs = summed();
                Box::new(move || {
                    let _alive = &owner;
                    f(xs.as_ptr(), xs.len() as i64)
                })
            }
            Loop::L4 => {
                let (code, owner) = function(&[I64, I64], I64, |lower, inputs| sieve(lower, inputs[0], inputs[1]))?;
                // SAFETY: compiled with this signature.
                let f: extern "C" fn(*mut u8, i64) -> i64 = unsafe { std::mem::transmute(code) };
                let mut composite = vec![0; SIEVED];
                Box::new(move || {
                    let _alive = &owner;
                    composite.fill(0);
                    f(composite.as_mut_ptr(), SIEVED as i64) as f64
                })
            }
            Loop::Host => return None,
            Loop::HostPointer | Loop::NoHost => {
                let calls = which == Loop::HostPointer;
                let (code, owner) = function(&[I64], F64, |lower, inputs| host(lower, inputs[0], calls))?;
                // SAFETY: compiled with this signature.
                let f: extern "C" fn(i64) -> f64 = unsafe { std::mem::transmute(code) };
                Box::new(move || {
                    let _alive = &owner;
                    f(HOST_CALLS)
                })
            }
        })
    }
}
