//! What every typed tree obeys: operands have the types that their operations take, each node has one parent, and what gives no value
//! stands only where that is allowed.

use cresset::Type;
use cresset::ir::op::{ArrayOp, Op, Scalar, scalar_of};
use cresset::sema::hir::{Expr, ExprId, ExprKind, Func, Hir, List, StepKind, StmtId, StmtKind};
use cresset::sema::{Env, HostParams};

/// Panics where the tree is not as it must be.
pub fn verify(hir: &Hir, env: &Env<'_>) {
    let mut seen = vec![false; hir.exprs.len()];
    if let Some(main) = hir.main {
        let inputs = env.inputs.iter().map(|input| (input.name, input.ty));
        assert!(hir.params(&hir.funcs[main.0 as usize]).map(|(name, param)| (name, param.ty)).eq(inputs));
    }
    for func in &hir.funcs {
        assert!(func.locals.iter().all(|local| local.ty != Type::Unit), "a variable holds nothing");
        assert!(func.params.len() <= func.locals.len());
        for (param, local) in func.params.iter().zip(&func.locals) {
            assert_eq!(param.ty, local.ty);
        }
        let mut verifier = Verifier { hir, env, func, seen: &mut seen, loops: 0 };
        verifier.fits(func.body, func.result);
    }
}

struct Verifier<'a> {
    hir: &'a Hir,
    env: &'a Env<'a>,
    func: &'a Func,
    seen: &'a mut [bool],
    loops: usize,
}

impl Verifier<'_> {
    fn node(&self, id: ExprId) -> Expr {
        self.hir.exprs[id.0 as usize]
    }

    /// Whether an expression never gives a value.
    fn leaves(&self, id: ExprId) -> bool {
        match self.node(id).kind {
            ExprKind::Block(stmts, value) => {
                value.is_some_and(|value| self.leaves(value))
                    || stmts.range().any(|i| self.stmt_leaves(self.hir.stmt_lists[i]))
            }
            ExprKind::If(arms, Some(other)) => {
                self.leaves(other) && arms.range().all(|i| self.leaves(self.hir.arms[i].1))
            }
            _ => false,
        }
    }

    fn stmt_leaves(&self, id: StmtId) -> bool {
        match self.hir.stmts[id.0 as usize].kind {
            StmtKind::Break | StmtKind::Continue | StmtKind::Return(_) => true,
            StmtKind::Expr(expr) | StmtKind::Set(_, expr) => self.leaves(expr),
            StmtKind::While { cond, .. } => matches!(self.node(cond).kind, ExprKind::Bool(true)),
            _ => false,
        }
    }

    /// An expression of this type, or one that leaves.
    fn fits(&mut self, id: ExprId, ty: Type) {
        let found = self.expr(id);
        assert!(found == ty || (found == Type::Unit && self.leaves(id)), "{:?} is {found}, not {ty}", self.node(id));
    }

    fn is(&mut self, id: ExprId, ty: Type) {
        let found = self.expr(id);
        assert_eq!(found, ty, "{:?}", self.node(id));
    }

    fn scalars(&mut self, list: List, params: &[Scalar]) {
        assert_eq!(list.len as usize, params.len());
        for (i, &param) in list.range().zip(params) {
            let id = self.hir.expr_lists[i];
            let found = self.expr(id);
            assert_eq!(scalar_of(found), Some(param), "{:?}", self.node(id));
        }
    }

    fn all(&mut self, list: List, ty: Type) {
        for i in list.range() {
            self.is(self.hir.expr_lists[i], ty);
        }
    }

    fn array(&mut self, id: ExprId) -> Type {
        match self.expr(id) {
            Type::Array(elem) => elem.scalar(),
            other => panic!("{:?} is {other}, no array", self.node(id)),
        }
    }

    fn steps(&mut self, mut acc: Scalar, steps: List) -> Scalar {
        for i in steps.range() {
            let step = self.hir.steps[i];
            let arg = step.arg.map(|arg| scalar_of(self.expr(arg)).expect("a step takes a scalar"));
            let given: Vec<Scalar> = [acc].into_iter().chain(arg).collect();
            acc = match step.kind {
                StepKind::Op(op) => {
                    assert_eq!(op.params(), given, "{}", op.name());
                    op.result()
                }
                StepKind::Math(math) => {
                    assert_eq!(vec![Scalar::F64; math.arity()], given, "{}", math.name());
                    Scalar::F64
                }
                StepKind::Powi(n) => {
                    assert!(n.abs() <= 64 && given == [Scalar::F64]);
                    Scalar::F64
                }
            };
        }
        acc
    }

    fn compare(&mut self, first: ExprId, links: List) {
        let mut left = self.expr(first);
        for i in links.range() {
            let link = self.hir.links[i];
            let right = self.expr(link.operand);
            let converted = |ty: Type, convert: bool| {
                assert!(!convert || ty == Type::I64, "only an `i64` is converted");
                scalar_of(if convert { Type::F64 } else { ty }).expect("scalars are compared")
            };
            let given = [converted(left, link.convert_left), converted(right, link.convert_right)];
            assert_eq!(link.op.params(), given, "{}", link.op.name());
            left = right;
        }
    }

    /// The type of an expression, all of whose parts are as they must be.
    fn expr(&mut self, id: ExprId) -> Type {
        assert!(!std::mem::replace(&mut self.seen[id.0 as usize], true), "{:?} has two parents", self.node(id));
        let Expr { kind, ty, .. } = self.node(id);
        let made = self.kind(kind, ty);
        assert_eq!(made, ty, "{kind:?}");
        ty
    }

    fn kind(&mut self, kind: ExprKind, ty: Type) -> Type {
        let of = |scalar: Scalar| match scalar {
            Scalar::F64 => Type::F64,
            Scalar::I64 => Type::I64,
            Scalar::Bool => Type::Bool,
            Scalar::Ptr => panic!("no address in a typed tree"),
        };
        match kind {
            ExprKind::F64(_) => Type::F64,
            ExprKind::I64(_) => Type::I64,
            ExprKind::Bool(_) => Type::Bool,
            ExprKind::Unit => Type::Unit,
            ExprKind::Local(local) => self.func.locals[local.0 as usize].ty,
            ExprKind::Op(op, list) => {
                self.scalars(list, op.params());
                if matches!(op, Op::FBits | Op::FSign | Op::FCopysign) {
                    let last = self.hir.expr_lists[list.range().end - 1];
                    let kind = self.node(last).kind;
                    assert!(matches!(kind, ExprKind::F64(_) | ExprKind::Op(Op::FCanon, _)), "{kind:?} shows its bits");
                }
                of(op.result())
            }
            ExprKind::Math(math, list) => {
                self.scalars(list, &vec![Scalar::F64; math.arity()]);
                Type::F64
            }
            ExprKind::Powi(base, n) => {
                assert!(n.abs() <= 64);
                self.is(base, Type::F64);
                Type::F64
            }
            ExprKind::Chain(first, steps) => {
                let first = scalar_of(self.expr(first)).expect("a chain starts with a scalar");
                of(self.steps(first, steps))
            }
            ExprKind::Compare(first, links) => {
                self.compare(first, links);
                Type::Bool
            }
            ExprKind::And(list) | ExprKind::Or(list) => {
                self.all(list, Type::Bool);
                Type::Bool
            }
            ExprKind::If(arms, other) => {
                for i in arms.range() {
                    let (cond, body) = self.hir.arms[i];
                    self.is(cond, Type::Bool);
                    self.fits(body, ty);
                }
                match other {
                    Some(other) => self.fits(other, ty),
                    None => assert_eq!(ty, Type::Unit),
                }
                ty
            }
            ExprKind::Block(stmts, value) => {
                for i in stmts.range() {
                    self.stmt(self.hir.stmt_lists[i]);
                }
                value.map_or(Type::Unit, |value| self.expr(value))
            }
            ExprKind::Call(func, list) => {
                let hir = self.hir;
                let callee = &hir.funcs[func.0 as usize];
                assert_eq!(list.len as usize, callee.params.len());
                for (i, param) in list.range().zip(&callee.params) {
                    self.is(hir.expr_lists[i], param.ty);
                }
                callee.result
            }
            ExprKind::HostCall(host, list) => {
                let host = &self.env.hosts[host.0 as usize];
                match host.params {
                    HostParams::Fixed(params) => {
                        assert_eq!(list.len as usize, params.len());
                        for (i, &param) in list.range().zip(params) {
                            self.is(self.hir.expr_lists[i], param);
                        }
                    }
                    HostParams::Scalars => {
                        for i in list.range() {
                            assert!(scalar_of(self.expr(self.hir.expr_lists[i])).is_some());
                        }
                    }
                }
                host.result
            }
            ExprKind::Index(array, index) => {
                let elem = self.array(array);
                self.is(index, Type::I64);
                elem
            }
            ExprKind::Slice(array, lo, hi) => {
                self.array(array);
                for bound in [lo, hi].into_iter().flatten() {
                    self.is(bound, Type::I64);
                }
                self.node(array).ty
            }
            ExprKind::Len(array) => {
                self.array(array);
                Type::I64
            }
            ExprKind::ArrayLit(elem, list) => {
                self.all(list, elem.scalar());
                Type::Array(elem)
            }
            ExprKind::ArrayFill(elem, value, count) => {
                self.is(value, elem.scalar());
                self.is(count, Type::I64);
                Type::Array(elem)
            }
            ExprKind::ArrayOp(op, elem, list) => {
                let ids = &self.hir.expr_lists[list.range()];
                self.is(ids[0], Type::Array(elem));
                match op {
                    ArrayOp::Dot | ArrayOp::Copy => self.is(ids[1], Type::Array(elem)),
                    ArrayOp::Fill => self.is(ids[1], elem.scalar()),
                    _ => assert_eq!(ids.len(), 1),
                }
                match op {
                    ArrayOp::Fill | ArrayOp::Copy => Type::Unit,
                    ArrayOp::Any | ArrayOp::All => Type::Bool,
                    ArrayOp::Count => Type::I64,
                    ArrayOp::Mean => Type::F64,
                    _ => elem.scalar(),
                }
            }
        }
    }

    fn body(&mut self, body: ExprId) {
        assert!(matches!(self.node(body).kind, ExprKind::Block(_, None)), "a loop's body is a block without a value");
        self.loops += 1;
        self.is(body, Type::Unit);
        self.loops -= 1;
    }

    fn stmt(&mut self, id: StmtId) {
        match self.hir.stmts[id.0 as usize].kind {
            StmtKind::Set(local, value) => self.is(value, self.func.locals[local.0 as usize].ty),
            StmtKind::Store { array, index, value, elem, .. } => {
                self.is(array, Type::Array(elem));
                self.is(index, Type::I64);
                self.is(value, elem.scalar());
            }
            StmtKind::Update { array, index, steps, elem, .. } => {
                self.is(array, Type::Array(elem));
                self.is(index, Type::I64);
                let elem = scalar_of(elem.scalar()).expect("elements are scalars");
                assert_eq!(self.steps(elem, steps), elem);
            }
            StmtKind::Expr(expr) => {
                self.expr(expr);
            }
            StmtKind::While { cond, body, .. } => {
                self.is(cond, Type::Bool);
                self.body(body);
            }
            StmtKind::For { local, lo, hi, body, .. } => {
                assert_eq!(self.func.locals[local.0 as usize].ty, Type::I64);
                self.is(lo, Type::I64);
                self.is(hi, Type::I64);
                self.body(body);
            }
            StmtKind::ForEach { local, array, elem, body, .. } => {
                assert_eq!(self.func.locals[local.0 as usize].ty, elem.scalar());
                self.is(array, Type::Array(elem));
                self.body(body);
            }
            StmtKind::Break | StmtKind::Continue => assert!(self.loops > 0),
            StmtKind::Return(value) => match value {
                Some(value) => self.is(value, self.func.result),
                None => assert_eq!(self.func.result, Type::Unit),
            },
        }
    }
}
