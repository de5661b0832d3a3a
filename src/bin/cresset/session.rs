//! What a REPL remembers: definitions, variables, and how an entry runs with them.
//!
//! An entry is split into its pieces (definitions, statements, a last value); each piece is compiled as a program of its own, with the session's functions and
//! constants before it and its variables as inputs, and run as fast as any program. Afterwards the variables that the piece made or may have assigned are handed
//! back through host functions that no text can name. A piece that fails changes nothing.

use crate::args::EngineArgs;
use crate::hosts::Output;
use crate::interrupt;
use cresset::host::{HostFn, HostParams};
use cresset::syntax::{SourceLimits, ast, parse};
use cresset::{Array, Config, Elem, Engine, Error, Type, Value};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Hands variables back; the language's names are ASCII letters, so a user's text could only meet it by meaning to.
const KEEP: &str = "__cresset_keep";
const INPUT: &str = "__cresset_input_";
const VALUE: &str = "__cresset_value";

/// A variable of the session.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    mutable: bool,
    value: Value,
}

/// A function or constant of the session.
#[derive(Clone, Debug)]
struct Definition {
    name: String,
    text: String,
}

/// What a REPL remembers.
pub struct Session {
    args: EngineArgs,
    output: Output,
    definitions: Vec<Definition>,
    variables: Vec<Variable>,
}

/// A failed entry: the error, and the text its spans are in.
pub struct Failure {
    pub error: Error,
    pub text: String,
}

/// A piece of an entry, as text.
enum Piece<'a> {
    Statement { text: &'a str, defines: Option<(&'a str, bool)> },
    Value(&'a str),
}

type Kept = Arc<Mutex<Vec<(usize, Value)>>>;

impl Session {
    pub fn new(args: EngineArgs, output: Output) -> Session {
        Session { args, output, definitions: Vec::new(), variables: Vec::new() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.definitions.clear();
        self.variables.clear();
    }

    /// What is defined, a line each.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for definition in &self.definitions {
            let _ = writeln!(text, "{}", definition.text);
        }
        for variable in &self.variables {
            let keyword = if variable.mutable { "var" } else { "let" };
            let _ = writeln!(text, "{keyword} {}: {}", variable.name, variable.value.ty());
        }
        text
    }

    /// Runs an entry; gives its last value.
    pub fn run(&mut self, entry: &str) -> Result<Value, Failure> {
        let (ast, diagnostics) = parse(entry, &SourceLimits::default());
        if !diagnostics.is_empty() {
            // The same text again, to get the error as every other.
            let error = self.plain_error(entry);
            return Err(Failure { error, text: entry.to_owned() });
        }
        self.define(entry, &ast)?;
        let mut value = Value::Unit;
        for piece in pieces(entry, &ast) {
            value = self.run_piece(&piece)?;
        }
        Ok(value)
    }

    fn plain_error(&self, entry: &str) -> Error {
        match Engine::new().and_then(|engine| engine.compile(entry)) {
            Err(error) => error,
            Ok(_) => Error::Machine("internal error: a text was wrong once and then right".to_owned()),
        }
    }

    /// Takes over the entry's functions and constants, replacing those of the same names, if all together are right.
    fn define(&mut self, entry: &str, ast: &ast::Ast) -> Result<(), Failure> {
        let text_of = |span: cresset::Span| entry[span.start as usize..span.end as usize].to_owned();
        let name_of = |symbol: ast::Symbol| ast.symbols[symbol.0 as usize].to_string();
        let functions = ast.fns.iter().map(|decl| (decl.name.symbol, decl.span));
        let constants = ast.consts.iter().map(|decl| (decl.name.symbol, decl.span));
        let mut new: Vec<(String, cresset::Span)> =
            functions.chain(constants).map(|(symbol, span)| (name_of(symbol), span)).collect();
        if new.is_empty() {
            return Ok(());
        }
        new.sort_by_key(|(_, span)| span.start);
        let mut all = self.definitions.clone();
        all.retain(|old| !new.iter().any(|(name, _)| *name == old.name));
        let kept = all.len();
        all.extend(new.into_iter().map(|(name, span)| Definition { name, text: text_of(span) }));
        let text = joined(&all);
        let shift = all[..kept].iter().map(|definition| definition.text.len() + 2).sum::<usize>();
        let _ = shift;
        self.engine(&Kept::default())
            .and_then(|engine| engine.compile(&text))
            .map_err(|error| Failure { error, text })?;
        self.definitions = all;
        Ok(())
    }

    fn engine(&self, kept: &Kept) -> Result<Engine, Error> {
        let mut config = Config::new().execution(self.args.execution()).cpu(self.args.cpu()).limits(self.args.limits());
        self.output.add_to(&mut config);
        let kept = kept.clone();
        let keep = move |args: &[Value]| {
            if let [Value::I64(slot), value] = args {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push((*slot as usize, value.clone()));
            }
            Ok(Value::Unit)
        };
        config.add_host_fn(HostFn {
            name: KEEP.to_owned(),
            params: HostParams::Scalars,
            result: Type::Unit,
            call: Arc::new(keep),
        });
        config.engine()
    }

    fn run_piece(&mut self, piece: &Piece<'_>) -> Result<Value, Failure> {
        let kept = Kept::default();
        let fail = |error: Error, text: &str| Failure { error, text: text.to_owned() };
        let engine = self.engine(&kept).map_err(|error| fail(error, ""))?;
        let (text, defines) = match *piece {
            Piece::Statement { text, defines } => (text, defines),
            Piece::Value(text) => (text, None),
        };
        let used: Vec<&Variable> = self.variables.iter().filter(|variable| mentions(text, &variable.name)).collect();

        // Before: definitions and variables. After: the variables that may have changed.
        let mut before = joined(&self.definitions);
        let mut inputs: Vec<(String, Type)> = Vec::new();
        let mut after = String::new();
        let mut slots: Vec<(String, bool, Option<Elem>)> = Vec::new();
        for variable in &used {
            let ty = variable.value.ty();
            if variable.mutable {
                let input = format!("{INPUT}{}", variable.name);
                let _ = match ty {
                    Type::Array(elem) => {
                        let zero = match elem.scalar() {
                            Type::F64 => "0.0",
                            Type::I64 => "0",
                            _ => "false",
                        };
                        let name = &variable.name;
                        write!(before, "var {name}: {ty} = [{zero}; len({input})]; copy({name}, {input}); ")
                    }
                    _ => write!(before, "var {} = {input}; ", variable.name),
                };
                inputs.push((input, ty));
                keep(&mut after, &mut slots, &variable.name, true, ty);
            } else {
                inputs.push((variable.name.clone(), ty));
            }
        }
        let start = before.len();
        let program = match piece {
            Piece::Statement { .. } => {
                let mut program = format!("{before}{text}\n;");
                if let Some((name, mutable)) = defines {
                    let ty = self.type_of(&engine, &program, name, &inputs, text, start)?;
                    keep(&mut after, &mut slots, name, mutable, ty);
                }
                program.push_str(&after);
                program
            }
            Piece::Value(_) if after.is_empty() => format!("{before}{text}"),
            Piece::Value(_) => {
                before.push_str("let ");
                before.push_str(VALUE);
                before.push_str(" = (");
                format!("{before}{text}\n); {after} {VALUE}")
            }
        };
        let start = before.len().max(start);
        let inputs: Vec<(&str, Type)> = inputs.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
        let values: Vec<Value> = used.iter().map(|variable| variable.value.clone()).collect();
        let module = engine.compile_with(&program, &inputs);
        // A last value that is `()` cannot be bound to a name; it is a statement then.
        let module = match (module, piece) {
            (Err(_), Piece::Value(text)) if !after.is_empty() => {
                return self.run_piece(&Piece::Statement { text, defines: None });
            }
            (module, _) => module.map_err(|error| shifted(error, start, text, &program))?,
        };
        let mut sandbox = engine.sandbox(self.args.limits()).map_err(|error| fail(error, text))?;
        let result = {
            let _guard = interrupt::cancels(sandbox.cancel_handle());
            let mut args: Vec<_> = values.iter().filter_map(Value::as_arg).collect();
            module.run_in(&mut sandbox, &mut args)
        };
        let value = result.map_err(|error| shifted(error, start, text, &program))?;
        self.take_back(&slots, &kept);
        Ok(value)
    }

    /// The type of the variable that a statement defines.
    fn type_of(
        &self,
        engine: &Engine,
        program: &str,
        name: &str,
        inputs: &[(String, Type)],
        text: &str,
        start: usize,
    ) -> Result<Type, Failure> {
        let probe = format!("{program} {name}");
        let inputs: Vec<(&str, Type)> = inputs.iter().map(|(name, ty)| (name.as_str(), *ty)).collect();
        let module = engine.compile_with(&probe, &inputs).map_err(|error| shifted(error, start, text, &probe))?;
        Ok(module.result())
    }

    fn take_back(&mut self, slots: &[(String, bool, Option<Elem>)], kept: &Kept) {
        let kept = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
        let mut values = kept.into_iter().peekable();
        for (slot, (name, mutable, elem)) in slots.iter().enumerate() {
            let mut mine = Vec::new();
            while let Some((_, value)) = values.next_if(|(of, _)| *of == slot) {
                mine.push(value);
            }
            let value = match elem {
                None => mine.into_iter().next(),
                Some(elem) => Some(Value::Array(array_of(*elem, &mine))),
            };
            if let Some(value) = value {
                self.variables.retain(|variable| variable.name != *name);
                self.variables.push(Variable { name: name.clone(), mutable: *mutable, value });
            }
        }
    }
}

/// Writes the statements that hand a variable back.
fn keep(after: &mut String, slots: &mut Vec<(String, bool, Option<Elem>)>, name: &str, mutable: bool, ty: Type) {
    let slot = slots.len();
    let elem = match ty {
        Type::Array(elem) => {
            let _ = write!(after, "for {VALUE}_e in {name} {{ {KEEP}({slot}, {VALUE}_e); }} ");
            Some(elem)
        }
        _ => {
            let _ = write!(after, "{KEEP}({slot}, {name}); ");
            None
        }
    };
    slots.push((name.to_owned(), mutable, elem));
}

fn array_of(elem: Elem, values: &[Value]) -> Array {
    let floats = || values.iter().map(|value| if let Value::F64(x) = value { *x } else { f64::NAN });
    let ints = || values.iter().map(|value| if let Value::I64(n) = value { *n } else { 0 });
    match elem {
        Elem::F64 => Array::F64(floats().collect()),
        Elem::F32 => Array::F32(floats().map(|x| x as f32).collect()),
        Elem::I64 => Array::I64(ints().collect()),
        Elem::I32 => Array::I32(ints().map(|n| n as i32).collect()),
        Elem::U8 => Array::U8(ints().map(|n| n as u8).collect()),
        Elem::Bool => Array::Bool(values.iter().map(|value| *value == Value::Bool(true)).collect()),
    }
}

fn joined(definitions: &[Definition]) -> String {
    definitions.iter().fold(String::new(), |mut text, definition| {
        text.push_str(&definition.text);
        // A definition's own `;` may be outside its span; an empty statement does no harm.
        text.push_str(";\n");
        text
    })
}

/// Whether a word stands in a text; a comment counts too, which only makes a variable be handed back for nothing.
fn mentions(text: &str, word: &str) -> bool {
    let is_word = |c: char| c == '_' || c.is_ascii_alphanumeric();
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word))
}

/// The pieces of an entry, its definitions left out.
fn pieces<'a>(entry: &'a str, ast: &'a ast::Ast) -> Vec<Piece<'a>> {
    let Some(body) = ast.body.map(|body| &ast.blocks[body.0 as usize]) else { return Vec::new() };
    let mut pieces = Vec::new();
    let text = |span: cresset::Span| &entry[span.start as usize..span.end as usize];
    for id in &ast.stmt_lists[body.stmts.range()] {
        let stmt = &ast.stmts[id.0 as usize];
        let defines = match stmt.kind {
            ast::StmtKind::Let { mutable, name, .. } => Some((&*ast.symbols[name.symbol.0 as usize], mutable)),
            _ => None,
        };
        pieces.push(Piece::Statement { text: text(stmt.span), defines });
    }
    if let Some(value) = body.value {
        pieces.push(Piece::Value(text(ast.exprs[value.0 as usize].span)));
    }
    pieces
}

/// An error whose spans are in the piece again, where they were; else with the whole program as its text.
fn shifted(error: Error, start: usize, text: &str, program: &str) -> Failure {
    let inside = |span: cresset::Span| span.start as usize >= start && span.end as usize <= start + text.len();
    let shift = |span: cresset::Span| cresset::Span::new(span.start - start as u32, span.end - start as u32);
    match error {
        Error::Source(mut source) if source.diagnostics.iter().all(|diagnostic| inside(diagnostic.span)) => {
            for diagnostic in &mut source.diagnostics {
                diagnostic.span = shift(diagnostic.span);
                diagnostic.labels.retain(|(span, _)| inside(*span));
                diagnostic.labels.iter_mut().for_each(|(span, _)| *span = shift(*span));
            }
            source.source = Arc::from(text);
            Failure { error: Error::Source(source), text: text.to_owned() }
        }
        Error::Trap(mut trap) if inside(trap.span) && trap.stack.is_empty() => {
            trap.span = shift(trap.span);
            Failure { error: Error::Trap(trap), text: text.to_owned() }
        }
        error => Failure { error, text: program.to_owned() },
    }
}
