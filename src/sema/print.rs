//! The typed tree as text, for people and tests: one statement a line, expressions as `(op a b)`.

use super::hir::{Expr, ExprId, ExprKind, Func, Hir, List, LocalId, Step, StepKind, StmtId, StmtKind};
use crate::types::Type;
use std::fmt::Write;

/// The whole program as text.
pub fn print(hir: &Hir) -> String {
    let mut text = String::new();
    for func in &hir.funcs {
        let mut printer = Printer { hir, func, out: &mut text, indent: 0 };
        printer.func();
    }
    text
}

struct Printer<'a> {
    hir: &'a Hir,
    func: &'a Func,
    out: &'a mut String,
    indent: usize,
}

impl Printer<'_> {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line(&mut self) {
        self.out.push('\n');
        // Deep nesting stays readable, and its text linear in size.
        for _ in 0..self.indent.min(20) {
            self.out.push_str("  ");
        }
    }

    fn func(&mut self) {
        let func = self.func;
        let name = if func.name.is_empty() { "program" } else { &func.name };
        let _ = write!(self.out, "{name}(");
        for (i, (name, param)) in self.hir.params(func).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            let mutable = if param.mutable { "mut " } else { "" };
            let _ = write!(self.out, "{comma}{mutable}{name}.{i}: {}", param.ty);
        }
        let _ = write!(self.out, ") -> {}", func.result);
        let notes = [
            (matches!(func.result, Type::Array(_)) && func.result_writable, " writable"),
            (func.recursive, " recursive"),
            (func.releases, " releases"),
        ];
        for (holds, note) in notes {
            self.text(if holds { note } else { "" });
        }
        self.text(" {");
        self.indent += 1;
        self.line();
        self.expr(func.body);
        self.indent -= 1;
        self.text("\n}\n");
    }

    fn local(&mut self, id: LocalId) {
        let name = self.func.locals.get(id.0 as usize).map_or("", |local| self.hir.name(local));
        let _ = write!(self.out, "{name}.{}", id.0);
    }

    fn list(&mut self, head: &str, list: List) {
        self.text("(");
        self.text(head);
        for i in list.range() {
            self.text(" ");
            self.expr(self.hir.expr_lists[i]);
        }
        self.text(")");
    }

    fn nodes(&mut self, head: &str, ids: &[Option<ExprId>]) {
        self.text("(");
        self.text(head);
        for id in ids {
            self.text(" ");
            match id {
                Some(id) => self.expr(*id),
                None => self.text("_"),
            }
        }
        self.text(")");
    }

    fn step(&mut self, step: Step) {
        self.text(" (");
        match step.kind {
            StepKind::Op(op) => self.text(op.name()),
            StepKind::Math(math) => self.text(math.name()),
            StepKind::Powi(n) => {
                let _ = write!(self.out, "powi {n}");
            }
        }
        if let Some(arg) = step.arg {
            self.text(" ");
            self.expr(arg);
        }
        self.text(")");
    }

    fn expr(&mut self, id: ExprId) {
        let Expr { kind, ty, .. } = self.hir.exprs[id.0 as usize];
        match kind {
            ExprKind::F64(x) => {
                let _ = write!(self.out, "{x:?}");
            }
            ExprKind::I64(n) => {
                let _ = write!(self.out, "{n}");
            }
            ExprKind::Bool(b) => {
                let _ = write!(self.out, "{b}");
            }
            ExprKind::Unit => self.text("()"),
            ExprKind::Local(local) => self.local(local),
            ExprKind::Op(op, list) => self.list(op.name(), list),
            ExprKind::Math(math, list) => self.list(math.name(), list),
            ExprKind::Powi(base, n) => self.nodes(&format!("powi {n}"), &[Some(base)]),
            ExprKind::Chain(first, steps) => self.chain(first, steps),
            ExprKind::Compare(first, links) => self.compare(first, links),
            ExprKind::And(list) => self.list("and", list),
            ExprKind::Or(list) => self.list("or", list),
            ExprKind::If(arms, other) => self.arms(arms, other),
            ExprKind::Block(stmts, value) => self.block(stmts, value, ty),
            ExprKind::Call(func, list) => {
                let hir = self.hir;
                let name = hir.funcs.get(func.0 as usize).map_or("", |f| &f.name);
                self.list(&format!("call {name}"), list);
            }
            ExprKind::HostCall(host, list) => self.list(&format!("host {}", host.0), list),
            ExprKind::Index(array, index) => self.nodes("index", &[Some(array), Some(index)]),
            ExprKind::Slice(array, lo, hi) => self.nodes("slice", &[Some(array), lo, hi]),
            ExprKind::Len(array) => self.nodes("len", &[Some(array)]),
            ExprKind::ArrayLit(elem, list) => self.list(&format!("array {elem}"), list),
            ExprKind::ArrayFill(elem, value, count) => {
                self.nodes(&format!("fill {elem}"), &[Some(value), Some(count)]);
            }
            ExprKind::ArrayOp(op, elem, list) => self.list(&format!("{} {elem}", op.name()), list),
        }
    }

    fn chain(&mut self, first: ExprId, steps: List) {
        self.text("(chain ");
        self.expr(first);
        for i in steps.range() {
            self.step(self.hir.steps[i]);
        }
        self.text(")");
    }

    fn compare(&mut self, first: ExprId, links: List) {
        self.text("(compare ");
        self.expr(first);
        for i in links.range() {
            let link = self.hir.links[i];
            let _ = write!(self.out, " ({}", link.op.name());
            let flags =
                [(link.swapped, "swapped"), (link.convert_left, "itof-left"), (link.convert_right, "itof-right")];
            for (holds, flag) in flags {
                if holds {
                    let _ = write!(self.out, " {flag}");
                }
            }
            self.text(" ");
            self.expr(link.operand);
            self.text(")");
        }
        self.text(")");
    }

    fn arms(&mut self, arms: List, other: Option<ExprId>) {
        self.text("(if");
        for i in arms.range() {
            let (cond, body) = self.hir.arms[i];
            self.text(" ");
            self.expr(cond);
            self.text(" ");
            self.expr(body);
        }
        if let Some(other) = other {
            self.text(" else ");
            self.expr(other);
        }
        self.text(")");
    }

    fn block(&mut self, stmts: List, value: Option<ExprId>, ty: Type) {
        if stmts.len == 0 && value.is_none() {
            return self.text("{}");
        }
        self.text("{");
        self.indent += 1;
        for i in stmts.range() {
            self.line();
            self.stmt(self.hir.stmt_lists[i]);
        }
        if let Some(value) = value {
            self.line();
            self.expr(value);
            if ty != Type::Unit {
                let _ = write!(self.out, ": {ty}");
            }
        }
        self.indent -= 1;
        self.line();
        self.text("}");
    }

    fn body(&mut self, body: ExprId, releases: bool) {
        self.text(if releases { " releases " } else { " " });
        self.expr(body);
    }

    fn stmt(&mut self, id: StmtId) {
        match self.hir.stmts[id.0 as usize].kind {
            StmtKind::Set(local, value) => {
                self.local(local);
                self.text(" = ");
                self.expr(value);
            }
            StmtKind::Store { array, index, value, elem, .. } => {
                self.nodes(&format!("store {elem}"), &[Some(array), Some(index), Some(value)]);
            }
            StmtKind::Update { array, index, steps, elem, .. } => {
                self.nodes(&format!("update {elem}"), &[Some(array), Some(index)]);
                for i in steps.range() {
                    self.step(self.hir.steps[i]);
                }
            }
            StmtKind::Expr(expr) => self.expr(expr),
            StmtKind::While { cond, body, releases } => {
                self.text("while ");
                self.expr(cond);
                self.body(body, releases);
            }
            StmtKind::For { local, lo, hi, inclusive, body, releases } => {
                self.text("for ");
                self.local(local);
                self.nodes(if inclusive { " in..=" } else { " in.." }, &[Some(lo), Some(hi)]);
                self.body(body, releases);
            }
            StmtKind::ForEach { local, array, elem, body, releases } => {
                self.text("for ");
                self.local(local);
                self.nodes(&format!(" each {elem}"), &[Some(array)]);
                self.body(body, releases);
            }
            StmtKind::Break => self.text("break"),
            StmtKind::Continue => self.text("continue"),
            StmtKind::Return(None) => self.text("return"),
            StmtKind::Return(Some(value)) => {
                self.text("return ");
                self.expr(value);
            }
        }
    }
}
