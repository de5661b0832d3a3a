//! The checker: what is known of the whole program, and the order in which its parts are checked.

use super::Env;
use super::consts::ConstValue;
use super::errors::{Errors, brief, quote};
use super::graph::Graph;
use super::hir::{self, ExprId, FuncId, Hir, List, Local, LocalId, ParamType, ParamTypes, StmtId, StmtKind};
use super::names::{Scopes, Visit, Walker};
use crate::diagnostic::Diagnostics;
use crate::hash::{Map, Set};
use crate::reuse::{Buf, Keep, reusable};
use crate::span::Span;
use crate::syntax::ast::{self, Ast, Ident, Symbol};
use crate::types::{Elem, Type};

/// What is known of an expression's type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ty {
    /// It has this one.
    Known(Type),
    /// It never gives a value, so it fits any.
    Never,
    /// Something in it is wrong and was reported.
    Error,
}

/// A checked expression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Val {
    /// Its node.
    pub id: ExprId,
    /// Its type.
    pub ty: Ty,
    /// For an array: whether it may be written to.
    pub writable: bool,
}

/// How a variable came to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Origin {
    /// `let`
    Let,
    /// `var`, its declared type, and what it starts as.
    Var(Option<Type>, ast::ExprId),
    /// A parameter of a function.
    Param,
    /// The name of a loop.
    Loop,
    /// Bound by the host.
    Input,
}

/// What the checker knows of a local besides what the result tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct LocalInfo {
    pub ty: Ty,
    pub origin: Origin,
    pub writable: bool,
}

reusable!(Option<u32>);

/// An open loop.
pub(super) struct Loop {
    /// Whether a `break` leaves it.
    pub breaks: bool,
    /// The oldest local that its body assigns an array to.
    pub oldest_assigned: u32,
}

/// A `return` of a function whose result is inferred.
pub(super) struct Return {
    /// The statement.
    pub stmt: StmtId,
    /// What it returns.
    pub val: Val,
    /// Where.
    pub span: Span,
}

/// The function, or the program's own body, that is being checked.
#[derive(Default)]
pub(super) struct Body {
    /// Its index; the number of functions for the program's own body.
    pub index: usize,
    pub locals: Buf<Local>,
    pub loops: Vec<Loop>,
    /// The result that it states.
    pub declared: Option<(Type, Span)>,
    /// What it returns where it states nothing.
    pub returns: Vec<Return>,
    /// Whether all arrays that it returned are writable.
    pub returns_writable: bool,
}

/// What callers know of a function.
pub(super) struct Signature {
    pub params: ParamTypes,
    pub result: Ty,
    pub writable: bool,
    pub recursive: bool,
}

pub(super) struct Checker<'a> {
    pub source: &'a str,
    pub ast: &'a Ast,
    pub env: &'a Env<'a>,
    pub hir: Box<Hir>,
    pub errors: Errors,
    pub scopes: Box<Scopes>,
    pub body: Body,
    pub signatures: Vec<Signature>,
    /// The function of each symbol that names one; empty where there are none, as with the next.
    pub fn_of: Buf<Option<u32>>,
    /// The constant of each symbol that names one.
    pub const_of: Buf<Option<u32>>,
    /// The value of each constant; none where it is wrong.
    pub const_values: Vec<Option<ConstValue>>,
    pub host_of: Map<&'a str, u32>,
    /// Whether a constant is being checked.
    pub in_const: bool,
    /// The variables of the program's own statements, which its functions do not see; made when the first name is unknown.
    main_names: Option<Set<Symbol>>,
    /// Unknown names that were reported, each with the function.
    pub unknown: Set<(usize, Symbol)>,
    funcs: Vec<Option<hir::Func>>,
    /// The program's own statements, once they are checked.
    main: Option<hir::Func>,
}

impl<'a> Checker<'a> {
    pub fn new(source: &'a str, ast: &'a Ast, env: &'a Env<'a>) -> Checker<'a> {
        let symbols = ast.symbols.len();
        let mut funcs = Vec::with_capacity(ast.fns.len());
        funcs.extend(ast.fns.iter().map(|_| None));
        let mut hir = Hir::kept();
        hir.main = None;
        Checker {
            source,
            ast,
            env,
            hir,
            errors: Errors::default(),
            scopes: Scopes::new(symbols),
            body: Body::default(),
            signatures: Vec::new(),
            fn_of: Buf::filled(None, if ast.fns.is_empty() { 0 } else { symbols }),
            const_of: Buf::filled(None, if ast.consts.is_empty() { 0 } else { symbols }),
            const_values: vec![None; ast.consts.len()],
            host_of: env.hosts.iter().enumerate().map(|(i, h)| (h.name, i as u32)).collect(),
            in_const: false,
            main_names: None,
            unknown: Set::default(),
            funcs,
            main: None,
        }
    }

    /// The typed program, or what is wrong.
    #[inline]
    pub fn finish(self) -> Result<Box<Hir>, Diagnostics> {
        let Checker { scopes, errors, mut hir, funcs, main, .. } = self;
        scopes.keep();
        if errors.is_empty() {
            hir.funcs.extend(funcs.into_iter().flatten());
            hir.funcs.extend(main);
            return Ok(hir);
        }
        Err(errors.into_diagnostics())
    }

    /// Checks everything.
    pub fn program(&mut self) {
        self.declare_functions();
        self.constants();
        if !self.ast.fns.is_empty() {
            self.functions();
        }
        self.main();
    }

    fn functions(&mut self) {
        let order = self.call_order();
        for &index in &order.nodes {
            let index = index as usize;
            self.signatures[index].recursive = order.cyclic[index];
            if order.cyclic[index] && self.ast.fns[index].result.is_none() {
                self.unstated_result(index);
            }
        }
        for &index in &order.nodes {
            self.function(index as usize);
        }
    }

    /// The text of a symbol.
    pub fn text(&self, symbol: Symbol) -> &'a str {
        &self.ast.symbols[symbol.0 as usize]
    }

    /// The source at a span, for a help line; none where it is long or more than plain signs on one line.
    pub fn snippet(&self, span: Span) -> Option<&'a str> {
        let text = self.source.get(span.start as usize..span.end as usize)?;
        (text.len() <= 60 && text.bytes().all(|b| matches!(b, b' '..=b'~'))).then_some(text)
    }

    /// The source of an expression, for a help line.
    pub fn expr_text(&self, id: ast::ExprId) -> Option<&'a str> {
        self.snippet(self.ast.exprs[id.0 as usize].span)
    }

    /// Where an expression stands.
    pub fn span(&self, id: ast::ExprId) -> Span {
        self.ast.exprs[id.0 as usize].span
    }

    fn declare_functions(&mut self) {
        let ast = self.ast;
        for (index, decl) in ast.fns.iter().enumerate() {
            let slot = &mut self.fn_of[decl.name.symbol.0 as usize];
            match *slot {
                None => *slot = Some(index as u32),
                Some(first) => self.twice("E0102", "function", ast.fns[first as usize].name, decl.name),
            }
            let param_type =
                |param: &ast::Param| ParamType { ty: param.ty.map_or(Type::F64, |t| t.ty), mutable: param.mutable };
            let params = ast.params[decl.params.range()].iter().map(param_type).collect();
            let result = decl.result.map_or(Ty::Error, |t| Ty::Known(t.ty));
            self.signatures.push(Signature { params, result, writable: false, recursive: false });
        }
        for (index, decl) in ast.consts.iter().enumerate() {
            let slot = &mut self.const_of[decl.name.symbol.0 as usize];
            match *slot {
                None => *slot = Some(index as u32),
                Some(first) => self.twice("E0103", "constant", ast.consts[first as usize].name, decl.name),
            }
        }
    }

    /// Whether the program's own statements declare this name somewhere.
    pub fn is_main_name(&mut self, symbol: Symbol) -> bool {
        let ast = self.ast;
        let names = self.main_names.get_or_insert_with(|| {
            let visit = Defined(Set::default());
            let mut walker = Walker { ast, visit };
            if let Some(body) = ast.body {
                walker.block(body);
            }
            walker.visit.0
        });
        names.contains(&symbol)
    }

    fn twice(&mut self, code: &'static str, what: &str, first: Ident, second: Ident) {
        let message = format!("there are two {what}s named {}", quote(self.text(second.symbol)));
        let error = self.errors.add(code, second.span, message);
        error.labels.push((first.span, "the first one is here".into()));
        error.help = Some("give one of them another name".into());
    }

    /// The function of this name.
    pub fn fn_named(&self, symbol: Symbol) -> Option<u32> {
        self.fn_of.get(symbol.0 as usize).copied().flatten()
    }

    /// The constant of this name.
    pub fn const_named(&self, symbol: Symbol) -> Option<u32> {
        self.const_of.get(symbol.0 as usize).copied().flatten()
    }

    fn call_order(&self) -> super::graph::Order {
        struct Calls<'c> {
            fn_of: &'c [Option<u32>],
            graph: Graph,
        }
        impl Visit for Calls<'_> {
            fn call(&mut self, name: Ident) {
                if let Some(&Some(to)) = self.fn_of.get(name.symbol.0 as usize) {
                    self.graph.edge(to);
                }
            }
        }
        let visit = Calls { fn_of: &self.fn_of, graph: Graph::default() };
        let mut walker = Walker { ast: self.ast, visit };
        for decl in &self.ast.fns {
            walker.visit.graph.begin();
            walker.block(decl.body);
        }
        walker.visit.graph.order()
    }

    fn unstated_result(&mut self, index: usize) {
        let decl = &self.ast.fns[index];
        let name = self.text(decl.name.symbol);
        let message = format!("{} calls itself, so it must state its result", quote(name));
        let error = self.errors.add("E0121", decl.name.span, message);
        error.help = Some("write `-> T` after its parameters, with the type `T` of its result".into());
    }

    fn function(&mut self, index: usize) {
        let decl = self.ast.fns[index];
        let declared = decl.result.map(|t| (t.ty, t.span));
        self.body = Body { index, declared, returns_writable: true, locals: Buf::new(), ..Body::default() };
        self.scopes.infos.clear();
        self.scopes.enter();
        self.params(index, decl.params);
        let place = declared.and_then(|(ty, _)| elem_of(ty));
        let val = self.block(decl.body, place);
        let (result, writable, id) = self.result(val, decl.body);
        self.scopes.leave();
        let recursive = self.signatures[index].recursive;
        let signature = &mut self.signatures[index];
        signature.writable = writable && !recursive;
        if declared.is_none() && !recursive {
            signature.result = result;
        }
        let (params, result_writable) = (signature.params.clone(), signature.writable);
        let name = self.text(decl.name.symbol).to_string();
        self.funcs[index] = Some(self.func(name, decl.head, params, result, result_writable, recursive, id));
    }

    #[expect(clippy::too_many_arguments, reason = "one for each field of what it makes")]
    fn func(
        &mut self,
        name: String,
        span: Span,
        params: ParamTypes,
        result: Ty,
        writable: bool,
        recursive: bool,
        body: ExprId,
    ) -> hir::Func {
        let result = match result {
            Ty::Known(ty) => ty,
            Ty::Never | Ty::Error => Type::Unit,
        };
        let array = matches!(result, Type::Array(_));
        hir::Func {
            releases: !array && !name.is_empty(),
            name,
            span,
            params,
            locals: std::mem::take(&mut self.body.locals),
            result,
            result_writable: array && writable,
            body,
            recursive,
        }
    }

    fn params(&mut self, index: usize, params: List) {
        for (i, param) in self.ast.params[params.range()].iter().enumerate() {
            let ty = self.signatures[index].params[i].ty;
            let name = self.text(param.name.symbol);
            if let Some(first) = self.scopes.get(param.name.symbol) {
                let first = self.body.locals[first as usize].span;
                let message = format!("there are two parameters named {}", quote(name));
                self.errors.add("E0104", param.name.span, message).labels.push((first, "the first one is here".into()));
            }
            if param.mutable && elem_of(ty).is_none() {
                let message = format!("{} is no array, so it cannot be `mut`", quote(name));
                let error = self.errors.add("E0134", param.name.span, message);
                let name = brief(name);
                error.help = Some(match param.ty {
                    None => format!("for an array write `mut {name}: [f64]`; a number that changes is a `var`"),
                    Some(_) => format!("leave out `mut`; a number that changes is a `var`: `var v = {name};`"),
                });
            }
            if ty == Type::Unit {
                self.errors.add("E0118", param.name.span, format!("the parameter {} cannot be `()`", quote(name)));
            }
            self.define(param.name, Ty::Known(ty), Origin::Param, param.mutable);
        }
    }

    fn main(&mut self) {
        let Some(body) = self.ast.body else { return };
        let index = self.ast.fns.len();
        self.body = Body { index, returns_writable: true, locals: Buf::new(), ..Body::default() };
        self.scopes.infos.clear();
        self.scopes.enter();
        let mut params = ParamTypes::new();
        let ast = self.ast;
        let named = |name: &str| ast.symbols.iter().position(|symbol| *symbol == *name);
        // A few names are found faster without a table.
        let many = self.env.inputs.len() > 8;
        let table: Map<&str, usize> = ast.symbols.iter().take(if many { usize::MAX } else { 0 }).zip(0..).collect();
        for input in &self.env.inputs {
            let local = self.new_local(input.name, Ty::Known(input.ty), Origin::Input, input.mutable, Span::default());
            let symbol = if many { table.get(input.name).copied() } else { named(input.name) };
            if let Some(symbol) = symbol {
                self.scopes.define(Symbol(symbol as u32), local.0);
            }
            params.push(ParamType { ty: input.ty, mutable: input.mutable });
        }
        let val = self.block(body, None);
        let (result, writable, id) = self.result(val, body);
        self.scopes.leave();
        let span = Span::new(0, self.source.len() as u32);
        let func = self.func(String::new(), span, params, result, writable, false, id);
        self.hir.main = Some(FuncId(index as u32));
        self.main = Some(func);
    }

    /// The result of a body: its type, whether it is writable, and the body's expression converted to it.
    fn result(&mut self, val: Val, body: ast::BlockId) -> (Ty, bool, ExprId) {
        let writable = self.body.returns_writable && (val.writable || val.ty == Ty::Never);
        let at = self.tail_span(body);
        if let Some((ty, stated)) = self.body.declared {
            let id = self.declared_result(val, ty, stated, at, body);
            return (Ty::Known(ty), writable, id);
        }
        let returns = std::mem::take(&mut self.body.returns);
        let mut common = val.ty;
        for ret in &returns {
            let next = join(common, ret.val.ty);
            let Some(next) = next else {
                self.unequal_results(common, at, ret);
                return (Ty::Error, writable, val.id);
            };
            common = next;
        }
        if common == Ty::Never {
            return (Ty::Known(Type::Unit), writable, val.id);
        }
        for ret in &returns {
            if (common, ret.val.ty) == (Ty::Known(Type::F64), Ty::Known(Type::I64)) {
                let converted = self.widen(ret.val.id);
                self.hir.stmts[ret.stmt.0 as usize].kind = StmtKind::Return(Some(converted));
            }
        }
        let id = match (common, val.ty) {
            (Ty::Known(Type::F64), Ty::Known(Type::I64)) => self.widen(val.id),
            _ => val.id,
        };
        (common, writable, id)
    }

    fn declared_result(&mut self, val: Val, ty: Type, stated: Span, at: Span, body: ast::BlockId) -> ExprId {
        if val.ty == Ty::Never {
            return val.id;
        }
        if let Some(id) = self.fit(val, ty) {
            return id;
        }
        if val.ty == Ty::Known(Type::Unit) {
            let message = format!("this function gives a value of type `{ty}`, but its body ends without one");
            let help = self.lost_tail(body);
            let error = self.errors.add("E0119", at, message);
            error.labels.push((stated, "the result is stated here".into()));
            error.help = help;
            return val.id;
        }
        let tail = self.ast.blocks[body.0 as usize].value;
        self.mismatch("E0119", val.ty, ty, at, tail, "this function's result")
            .labels
            .push((stated, "stated here".into()));
        val.id
    }

    fn unequal_results(&mut self, common: Ty, at: Span, ret: &Return) {
        let (a, b) = (ty_name(common), ty_name(ret.val.ty));
        let message = format!("the results of this function have different types: {b} here, {a} elsewhere");
        let error = self.errors.add("E0119", ret.span, message);
        error.labels.push((at, format!("{a} here or in a `return` before")));
    }

    /// Where a block's value stands: its last expression, or the whole block.
    pub fn tail_span(&self, block: ast::BlockId) -> Span {
        let block = &self.ast.blocks[block.0 as usize];
        block.value.map_or(block.span, |value| self.span(value))
    }

    /// Help for a block whose value was thrown away by a `;`.
    fn lost_tail(&mut self, body: ast::BlockId) -> Option<String> {
        let block = &self.ast.blocks[body.0 as usize];
        let last = self.ast.stmt_lists[block.stmts.range()].last()?;
        match self.ast.stmts[last.0 as usize].kind {
            ast::StmtKind::Expr { expr, semicolon: true } if block.value.is_none() => {
                self.errors.take_back("E0120", self.span(expr));
                let text = self.expr_text(expr).unwrap_or("…");
                Some(format!("leave out the last `;`: `{text} }}`"))
            }
            _ => None,
        }
    }

    /// Adds a variable without a name in scope.
    pub fn new_local(&mut self, name: &str, ty: Ty, origin: Origin, writable: bool, span: Span) -> LocalId {
        let shown = match ty {
            Ty::Known(ty) if ty != Type::Unit => ty,
            _ => Type::F64,
        };
        let text = name;
        let name = List { start: self.hir.names.len() as u32, len: text.len() as u32 };
        self.hir.names.push_str(text);
        self.body.locals.push(Local { name, ty: shown, assigned: false, span });
        self.scopes.infos.push(LocalInfo { ty, origin, writable });
        LocalId(self.body.locals.len() as u32 - 1)
    }

    /// Adds a variable that is seen from here on.
    pub fn define(&mut self, name: Ident, ty: Ty, origin: Origin, writable: bool) -> LocalId {
        let local = self.new_local(self.text(name.symbol), ty, origin, writable, name.span);
        self.scopes.define(name.symbol, local.0);
        local
    }
}

/// All names that a block defines.
struct Defined(Set<Symbol>);

impl Visit for Defined {
    fn define(&mut self, name: Ident) {
        self.0.insert(name.symbol);
    }
}

/// What an array of this type holds.
pub(super) fn elem_of(ty: Type) -> Option<Elem> {
    match ty {
        Type::Array(elem) => Some(elem),
        _ => None,
    }
}

/// The common type of two values.
pub(super) fn join(a: Ty, b: Ty) -> Option<Ty> {
    match (a, b) {
        (Ty::Error, _) | (_, Ty::Error) => Some(Ty::Error),
        (Ty::Never, other) | (other, Ty::Never) => Some(other),
        (Ty::Known(a), Ty::Known(b)) if a == b => Some(Ty::Known(a)),
        (Ty::Known(Type::F64 | Type::I64), Ty::Known(Type::F64 | Type::I64)) => Some(Ty::Known(Type::F64)),
        _ => None,
    }
}

/// A type in a message: "an `f64`", "no value".
pub(super) fn ty_name(ty: Ty) -> String {
    match ty {
        Ty::Known(Type::Unit) => "no value".into(),
        Ty::Known(Type::Bool) => "a `bool`".into(),
        Ty::Known(ty @ Type::Array(_)) => format!("an array `{ty}`"),
        Ty::Known(ty) => format!("an `{ty}`"),
        Ty::Never | Ty::Error => "nothing".into(),
    }
}
