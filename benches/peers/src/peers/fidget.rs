//! fidget's JIT: a tree through its context, evaluated a point at a time. It computes with `f32`.

use crate::formula::{Binary, Build, Unary};
use crate::peer::{Formula, Peer, Sum};
use fidget::context::{Context, Node};
use fidget::eval::{Function, MathFunction, TracingEvaluator};
use fidget::jit::JitFunction;
use fidget::var::Var;

pub struct Fidget;

struct Lower(Context);

impl Build for Lower {
    type Value = Node;

    fn number(&mut self, x: f64) -> Node {
        self.0.constant(x)
    }

    fn unary(&mut self, op: Unary, operand: Node) -> Node {
        let context = &mut self.0;
        let node = match op {
            Unary::Neg => context.neg(operand),
            Unary::Abs => context.abs(operand),
            Unary::Sqrt => context.sqrt(operand),
            Unary::Exp => context.exp(operand),
            Unary::Ln => context.ln(operand),
            Unary::Sin => context.sin(operand),
        };
        node.expect("a node of this context")
    }

    fn binary(&mut self, op: Binary, left: Node, right: Node) -> Node {
        let context = &mut self.0;
        let node = match op {
            Binary::Add => context.add(left, right),
            Binary::Sub => context.sub(left, right),
            Binary::Mul => context.mul(left, right),
            Binary::Div => context.div(left, right),
            Binary::Less => context.less_than(left, right),
            Binary::Greater => context.less_than(right, left),
            Binary::Equal => context.compare(left, right).and_then(|order| context.not(order)),
            Binary::And => context.and(left, right),
            Binary::Or => context.or(left, right),
        };
        node.expect("nodes of this context")
    }

    fn choose(&mut self, condition: Node, yes: Node, no: Node) -> Node {
        self.0.if_nonzero_else(condition, yes, no).expect("nodes of this context")
    }
}

impl Peer for Fidget {
    fn name(&self) -> &'static str {
        "fidget"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let mut lower = Lower(Context::new());
        let vars: Vec<Var> = formula.names.iter().map(|_| Var::new()).collect();
        let inputs: Vec<Node> = vars.iter().map(|var| lower.0.var(*var)).collect();
        let root = formula.program.build(&inputs, &mut lower);
        let function = JitFunction::new(&lower.0, &[root]).ok()?;
        let tape = function.point_tape(Default::default());
        let places: Vec<usize> = vars.iter().map(|var| function.vars().get(var)).collect::<Option<_>>()?;
        let mut eval = JitFunction::new_point_eval();
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
