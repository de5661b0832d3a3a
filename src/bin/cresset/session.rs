//! What a REPL remembers: definitions, variables, and how an entry runs with them.
//!
//! An entry is split into its pieces (definitions, statements, a last value); each piece is compiled as a program of its own, with the session's functions and
//! constants before it and its variables as inputs, and run as fast as any program. Afterwards the variables that the piece made or may have assigned are handed
//! back through a host function. A piece that fails changes nothing. Arrays are copied between pieces: two names for one array are two arrays in the next entry.

use crate::args::EngineArgs;
use crate::format::Shown;
use crate::hosts::Output;
use crate::interrupt;
use crate::pasted::Pasted;
use cresset::host::{HostFn, HostParams};
use cresset::syntax::{SourceLimits, ast, parse};
use cresset::{Array, Config, Elem, Engine, Error, HostError, Module, SourceError, Span, Type, Value};
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The names that a piece is pasted together with; a user's text could only meet them by meaning to.
const KEEP: &str = "__cresset_keep";
const INPUT: &str = "__cresset_input_";
const VALUE: &str = "__cresset_value";
const ELEMENT: &str = "__cresset_element";

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
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The entry, or what was defined before and the entry.
    pub text: String,
}

/// A piece of an entry.
struct Piece<'a> {
    text: &'a str,
    /// The name that a `let` or `var` makes, and whether it is a `var`.
    defines: Option<(&'a str, bool)>,
    /// Whether it may be the entry's value: it ends without `;`.
    last: bool,
}

/// A variable to be handed back, and the words of its value once it was.
struct Slot {
    name: String,
    mutable: bool,
    ty: Type,
}

type Kept = Arc<Mutex<Vec<Vec<u64>>>>;

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
        for Variable { name, mutable, value } in &self.variables {
            let keyword = if *mutable { "var" } else { "let" };
            let _ = writeln!(text, "{keyword} {name}: {} = {};", value.ty(), Shown::at_most(value, 10));
        }
        text
    }

    /// Runs an entry; gives its last value.
    pub fn run(&mut self, entry: &str) -> Result<Value, Failure> {
        let limits = SourceLimits::default();
        let (mut ast, mut diagnostics) = parse(entry, &limits);
        let mut text = entry.to_owned();
        if !diagnostics.is_empty() {
            // A statement may leave its last `;` out, as at every prompt.
            let ended = format!("{entry}\n;");
            let (whole, none) = parse(&ended, &limits);
            if none.is_empty() {
                (ast, diagnostics, text) = (whole, none, ended);
            }
        }
        if !diagnostics.is_empty() {
            let source = SourceError { diagnostics: diagnostics.into_vec(), source: Arc::from(entry) };
            return Err(Failure { error: Error::Source(source), text: entry.to_owned() });
        }
        self.define(&text, &ast)?;
        let mut value = Value::Unit;
        for piece in pieces(&text, &ast) {
            value = self.run_piece(&piece)?;
        }
        Ok(value)
    }

    /// Takes over the entry's functions and constants, replacing those of the same names, if all together are right.
    fn define(&mut self, entry: &str, ast: &ast::Ast) -> Result<(), Failure> {
        let name_of = |symbol: ast::Symbol| ast.symbols[symbol.0 as usize].to_string();
        let functions = ast.fns.iter().map(|decl| (name_of(decl.name.symbol), decl.span));
        let constants = ast.consts.iter().map(|decl| (name_of(decl.name.symbol), decl.span));
        let mut new: Vec<(String, Span)> = functions.chain(constants).collect();
        if new.is_empty() {
            return Ok(());
        }
        new.sort_by_key(|(_, span)| span.start);
        // Two of one name in one entry are the mistake that they are in any program.
        let mut all = self.definitions.clone();
        all.retain(|old| !new.iter().any(|(name, _)| *name == old.name));
        let mut program = Pasted::new(entry);
        program.definitions(all.iter().map(|definition| definition.text.as_str()));
        for (_, span) in &new {
            program.entry(*span);
            program.glue(";\n");
        }
        // The variables are told too: an error then says that a function cannot see them.
        let inputs: Vec<(&str, Type)> =
            self.variables.iter().map(|variable| (variable.name.as_str(), variable.value.ty())).collect();
        let text_of = |span: Span| entry[span.start as usize..span.end as usize].to_owned();
        self.engine(&Kept::default())
            .and_then(|engine| engine.compile_with(program.text(), &inputs))
            .map_err(|error| program.failure(error))?;
        all.extend(new.into_iter().map(|(name, span)| Definition { name, text: text_of(span) }));
        self.definitions = all;
        Ok(())
    }

    fn engine(&self, kept: &Kept) -> Result<Engine, Error> {
        let mut config = Config::new()
            .execution(self.args.execution())
            .cpu(self.args.cpu())
            .catch_faults(true)
            .limits(self.args.limits());
        self.output.add_to(&mut config);
        let kept = kept.clone();
        let keep = move |args: &[Value]| {
            let [Value::I64(slot), value] = args else { return Err(HostError::BadArgument) };
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = usize::try_from(*slot).ok().and_then(|slot| kept.get_mut(slot)).ok_or(HostError::BadArgument)?;
            slot.push(word(value));
            Ok(Value::Unit)
        };
        config.add_host_fn(HostFn::new(KEEP, HostParams::Scalars, Type::Unit, keep));
        config.engine()
    }

    fn run_piece(&mut self, piece: &Piece<'_>) -> Result<Value, Failure> {
        let kept = Kept::default();
        let plain_failure = |error| Failure { error, text: piece.text.to_owned() };
        let engine = self.engine(&kept).map_err(plain_failure)?;
        let used: Vec<&Variable> =
            self.variables.iter().filter(|variable| mentions(piece.text, &variable.name)).collect();
        let names: Vec<String> = used.iter().map(|variable| format!("{INPUT}{}", variable.name)).collect();
        let inputs: Vec<(&str, Type)> =
            names.iter().zip(&used).map(|(name, variable)| (name.as_str(), variable.value.ty())).collect();
        let may_assign = self.may_assign(piece.text);

        // Definitions and variables come before the piece, what hands variables back after it.
        let mut program = Pasted::new(piece.text);
        program.definitions(self.definitions.iter().map(|definition| definition.text.as_str()));
        let mut slots: Vec<Slot> = Vec::new();
        for variable in &used {
            let Variable { name, mutable, value } = variable;
            program.glue(&take_in(name, value.ty(), *mutable && may_assign));
            let shadowed = piece.defines.is_some_and(|(defined, _)| defined == name);
            if *mutable && may_assign && !shadowed {
                slots.push(Slot { name: name.clone(), mutable: true, ty: value.ty() });
            }
        }
        let all = Span::new(0, piece.text.len() as u32);
        let result = match piece.last {
            true => type_of(&engine, &inputs, &program, |program| program.entry(all))?,
            false => Type::Unit,
        };
        let has_value = result != Type::Unit;
        if has_value && !slots.is_empty() {
            program.glue(&format!("let {VALUE} = ("));
            program.entry(all);
            program.glue("\n);");
        } else {
            program.entry(all);
        }
        if !has_value {
            program.glue("\n;");
        }
        if let Some((name, mutable)) = piece.defines {
            let ty = type_of(&engine, &inputs, &program, |program| program.glue(name))?;
            slots.push(Slot { name: name.to_owned(), mutable, ty });
        }
        for (index, slot) in slots.iter().enumerate() {
            program.glue(&hand_back(index, slot));
        }
        if has_value && !slots.is_empty() {
            program.glue(VALUE);
        }

        kept.lock().unwrap_or_else(PoisonError::into_inner).resize(slots.len(), Vec::new());
        let module = engine.compile_with(program.text(), &inputs).map_err(|error| program.failure(error))?;
        let value = self.run_module(&engine, &module, &used).map_err(|error| program.failure(error))?;
        self.take_back(slots, &kept);
        Ok(value)
    }

    fn run_module(&self, engine: &Engine, module: &Module, used: &[&Variable]) -> Result<Value, Error> {
        let mut sandbox = engine.sandbox(self.args.limits())?;
        let _guard = interrupt::cancels(sandbox.cancel_handle());
        let mut args: Vec<_> = used.iter().filter_map(|variable| variable.value.as_arg()).collect();
        module.run_in(&mut sandbox, &mut args)
    }

    /// Whether a piece may change a variable: no text does without one of these in it or in what it calls.
    fn may_assign(&self, text: &str) -> bool {
        let writes = |text: &str| ["=", "fill", "copy"].iter().any(|word| text.contains(word));
        writes(text) || self.definitions.iter().any(|definition| mentions(&definition.text, "mut"))
    }

    fn take_back(&mut self, slots: Vec<Slot>, kept: &Kept) {
        let kept = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
        for (Slot { name, mutable, ty }, words) in slots.into_iter().zip(kept) {
            let value = match (ty, words.first()) {
                (Type::Array(elem), _) => Value::Array(array_of(elem, &words)),
                (Type::F64, Some(word)) => Value::F64(f64::from_bits(*word)),
                (Type::I64, Some(word)) => Value::I64(*word as i64),
                (Type::Bool, Some(word)) => Value::Bool(*word != 0),
                // A `return` went past what hands it back.
                _ => continue,
            };
            self.variables.retain(|variable| variable.name != name);
            self.variables.push(Variable { name, mutable, value });
        }
    }
}

/// The statement that makes a variable of an input.
fn take_in(name: &str, ty: Type, assigned: bool) -> String {
    match ty {
        Type::Array(elem) if assigned => {
            let zero = match elem.scalar() {
                Type::F64 => "0.0",
                Type::I64 => "0",
                _ => "false",
            };
            format!("var {name}: {ty} = [{zero}; len({INPUT}{name})]; copy({name}, {INPUT}{name}); ")
        }
        _ if assigned => format!("var {name} = {INPUT}{name}; "),
        _ => format!("let {name} = {INPUT}{name}; "),
    }
}

/// The statement that hands a variable back.
fn hand_back(index: usize, slot: &Slot) -> String {
    let name = &slot.name;
    match slot.ty {
        Type::Array(_) => format!(" for {ELEMENT} in {name} {{ {KEEP}({index}, {ELEMENT}); }} "),
        _ => format!(" {KEEP}({index}, {name}); "),
    }
}

/// The type of the program that this end makes.
fn type_of(
    engine: &Engine,
    inputs: &[(&str, Type)],
    program: &Pasted<'_>,
    end: impl FnOnce(&mut Pasted<'_>),
) -> Result<Type, Failure> {
    let mut probe = program.clone();
    end(&mut probe);
    let module = engine.compile_with(probe.text(), inputs).map_err(|error| probe.failure(error))?;
    Ok(module.result())
}

fn word(value: &Value) -> u64 {
    match value {
        Value::F64(x) => x.to_bits(),
        Value::I64(n) => *n as u64,
        Value::Bool(b) => u64::from(*b),
        Value::Unit | Value::Array(_) => 0,
    }
}

/// An array of elements that were widened; narrowing them again is exact.
fn array_of(elem: Elem, words: &[u64]) -> Array {
    match elem {
        Elem::F64 => Array::F64(words.iter().map(|word| f64::from_bits(*word)).collect()),
        Elem::F32 => Array::F32(words.iter().map(|word| f64::from_bits(*word) as f32).collect()),
        Elem::I64 => Array::I64(words.iter().map(|word| *word as i64).collect()),
        Elem::I32 => Array::I32(words.iter().map(|word| *word as i32).collect()),
        Elem::U8 => Array::U8(words.iter().map(|word| *word as u8).collect()),
        Elem::Bool => Array::Bool(words.iter().map(|word| *word != 0).collect()),
    }
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
    let text = |span: Span| &entry[span.start as usize..span.end as usize];
    let mut pieces = Vec::new();
    for id in &ast.stmt_lists[body.stmts.range()] {
        let stmt = &ast.stmts[id.0 as usize];
        let defines = match stmt.kind {
            ast::StmtKind::Let { mutable, name, .. } => Some((&ast.symbols[name.symbol.0 as usize], mutable)),
            _ => None,
        };
        pieces.push(Piece { text: text(stmt.span), defines, last: false });
    }
    if let Some(value) = body.value {
        let text = text(ast.exprs[value.0 as usize].span);
        pieces.push(Piece { text, defines: None, last: true });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new(EngineArgs::default(), Output::kept())
    }

    /// Runs entries; gives what the last one shows.
    #[track_caller]
    fn shows(entries: &[&str], expected: &str) {
        let mut session = session();
        let mut shown = String::new();
        for entry in entries {
            shown = match session.run(entry) {
                Ok(value) => Shown::whole(&value).to_string(),
                Err(Failure { error: Error::Source(source), text }) => {
                    let first = &source.diagnostics[0];
                    let at = &text[first.span.start as usize..first.span.end as usize];
                    format!("{} at {at:?}", first.code)
                }
                Err(Failure { error: Error::Trap(trap), text }) => {
                    let at = &text[trap.span.start as usize..trap.span.end as usize];
                    format!("{} at {at:?}", trap.kind)
                }
                Err(failure) => failure.error.to_string(),
            };
        }
        assert_eq!(shown, expected, "{entries:?}");
    }

    #[test]
    fn variables_and_definitions_stay() {
        shows(&["let x = 2;", "x^10"], "1024");
        shows(&["let x = 2", "x^10"], "1024");
        shows(&["let x = 2 // two", "x"], "2");
        shows(&["var n = 1; n += 1", "n *= 10", "n"], "20");
        shows(&["fn f(x) = k * x; const k = 3;", "f(2)"], "6.0");
        shows(&["const k = 3", "fn f(x) = k * x", "const k = 4", "f(2)"], "8.0");
        shows(&["var x = 1", "let x = [x, 2]", "let x = sum(x)", "x"], "3");
        shows(&["var x = 1; x = 5; x + 1"], "6");
    }

    #[test]
    fn arrays_stay() {
        shows(&["var xs = [1, 2, 3]", "xs[0] = 7", "xs"], "[7, 2, 3]");
        shows(&["let xs: [f32] = [0.1, 2]", "xs"], "[0.1, 2.0]");
        shows(&["var xs: [u8] = [1, 255]", "xs[0] += 1", "xs"], "[2, 255]");
        shows(&["var b = [true, false]", "b[1] = true; count(b)"], "2");
        shows(&["var xs: [f64] = []", "xs"], "[]");
        shows(
            &[
                "fn scale(mut xs: [f64], k) { for i in 0..len(xs) { xs[i] *= k; } }",
                "var v = [1.0]",
                "scale(v, 3)",
                "v",
            ],
            "[3.0]",
        );
        shows(&["var v = [1, 2]", "fill(v, 9)", "v"], "[9, 9]");
        shows(&["var v = [1, 2]", "{ v[0] = 5; sum(v) }", "v"], "[5, 2]");
    }

    #[test]
    fn what_fails_changes_nothing() {
        shows(&["var n = 1", "{ n = 2; div(1, 0); n }", "n"], "1");
        shows(&["var n = 1", "n = true", "n"], "1");
        shows(&["fn f() = 1", "fn f() = true + 1", "f()"], "1");
        shows(&["var n = 1; n = 2; div(1, 0)", "n"], "2");
    }

    #[test]
    fn errors_are_shown_where_they_are() {
        shows(&["let x = 1", "x + y"], "E0100 at \"y\"");
        shows(&["let x = 1", "x = 2"], "E0130 at \"x = 2\"");
        shows(&["let x = 1", "x + * 2"], "E0012 at \"*\"");
        shows(&["var xs = [1]", "xs[4]"], "OutOfBounds at \"xs[4]\"");
        shows(&["var xs = [1]", "xs[4] = 2"], "OutOfBounds at \"xs[4]\"");
        shows(&["fn f(n: i64) = div(1, n)", "1 + f(0)"], "DivideByZero at \"div(1, n)\"");
        shows(&["let g = 9.81", "fn f(x) = g * x"], "E0106 at \"g\"");
        shows(&["fn f() = 1; fn f() = 2"], "E0102 at \"f\"");
    }

    #[test]
    fn nothing_points_at_entries_before() {
        for (before, entry) in [
            ("let x = 1", "x = 2"),
            ("var x = 1", "x = 2.5"),
            ("let xs = [1]", "xs[0] = 2"),
            ("let xs = [1]", "var ys = xs"),
        ] {
            let mut session = session();
            session.run(before).expect("it is right");
            let Err(Failure { error: Error::Source(source), text }) = session.run(entry) else { panic!("{entry}") };
            assert!(text.starts_with(entry), "{text}");
            assert!(source.diagnostics[0].labels.is_empty(), "{entry}: {:?}", source.diagnostics[0].labels);
        }
        let Err(Failure { error: Error::Source(source), text }) = session().run("{ let x = 1; x = 2; }") else {
            panic!()
        };
        let label = source.diagnostics[0].labels[0].0;
        assert_eq!(&text[label.start as usize..label.end as usize], "x");
    }

    #[test]
    fn what_has_no_value_shows_none() {
        shows(&["var n = 0", "for i in 0..3 { n += i; }"], "");
        shows(&["var n = 0", "if true { n = 1; }", "n"], "1");
        shows(&["fn f(mut xs: [i64]) { xs[0] = 1; }", "var v = [0]", "f(v)", "v"], "[1]");
        shows(&["// nothing"], "");
        shows(&["let x = 1", "return x"], "1");
    }
}
