//! Values of free names from the command line: `name=value` or `name: type=value`, the value any expression of the language.

use crate::program::describe;
use cresset::{Arg, Config, Engine, Execution, Limits, Type, Value};

/// Named values.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    values: Vec<(String, Value)>,
}

impl Bindings {
    /// From `name=value` words; of two for one name the last counts.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a String>) -> Result<Bindings, String> {
        let mut bindings = Bindings::default();
        let mut words = words.into_iter().peekable();
        if words.peek().is_none() {
            return Ok(bindings);
        }
        let limits = Limits::default().fuel(10_000_000).memory(1 << 30);
        let engine = Config::new().execution(Execution::Interpreter).limits(limits).engine();
        let engine = engine.map_err(|error| error.to_string())?;
        for word in words {
            let (name, value) = parse_one(&engine, word)?;
            bindings.values.retain(|(other, _)| *other != name);
            bindings.values.push((name, value));
        }
        Ok(bindings)
    }

    /// The names and types, as a compilation wants them.
    pub fn inputs(&self) -> Vec<(&str, Type)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.ty())).collect()
    }

    /// The values, in the order of [`Bindings::inputs`].
    pub fn args(&self) -> Vec<Arg<'_>> {
        self.values.iter().filter_map(|(_, value)| value.as_arg()).collect()
    }
}

fn parse_one(engine: &Engine, word: &str) -> Result<(String, Value), String> {
    let short = || cresset::diagnostic::cut(word);
    let (name, text) =
        word.split_once('=').ok_or_else(|| format!("`{}`: write a value as NAME=VALUE, like x=1.5", short()))?;
    let (name, ty) = name.split_once(':').map_or((name, None), |(name, ty)| (name, Some(ty)));
    let (name, ty) = (name.trim(), ty.map(str::trim));
    let plain = |(i, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit());
    if name.is_empty() || !name.chars().enumerate().all(plain) {
        return Err(format!("`{}`: before `=` stands a name, like x=1.5", short()));
    }
    if ty.is_some_and(|ty| !ty.chars().all(|c| "[] ".contains(c) || c.is_ascii_alphanumeric())) {
        return Err(format!("`{}`: write a type as NAME:TYPE=VALUE, like xs:[f32]=[1, 2]", short()));
    }
    let wrong = |error: cresset::Error, text: &str| {
        if ty.is_none() && text.trim() == "[]" {
            return format!("the value of `{name}` is an empty array of nobody knows what: write {name}:[f64]=[]");
        }
        let described = describe(&error, "value", text.as_bytes(), false);
        format!("the value of `{name}` is wrong\n{described}")
    };
    let program = match ty {
        None => text.to_owned(),
        Some(ty) => format!("let value: {ty} = {text}\n; value"),
    };
    let value = engine.compile(&program).and_then(|module| module.run(&mut []));
    match value.map_err(|error| wrong(error, &program))? {
        Value::Unit => Err(format!("the value of `{name}` is none: `{}` gives nothing", short())),
        value => Ok((name.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_expressions_of_any_type() {
        let words = ["a=1", "b=1.0", "c=true", "d=[1, 2]", "e:[u8]=[1, 2]", "f: f64 = 2", "g=PI/2", "a=7"];
        let words: Vec<String> = words.map(str::to_owned).into();
        let bindings = Bindings::parse(&words).unwrap();
        let types: Vec<String> = bindings.inputs().iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        assert_eq!(types, ["b: f64", "c: bool", "d: [i64]", "e: [u8]", "f: f64", "g: f64", "a: i64"]);
        assert_eq!(bindings.args().last(), Some(&Arg::I64(7)));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (word, message) in [
            ("x", "NAME=VALUE"),
            ("2x=1", "stands a name"),
            ("=1", "stands a name"),
            ("x=", "gives nothing"),
            ("x=y", "the value of `x` is wrong"),
            ("x=[]", "write x:[f64]=[]"),
            ("x:[f64] = 1; 2 //=1", "the value of `x` is wrong"),
            ("x:f64 = 1; 2=1", "the value of `x` is wrong"),
            ("x:f64;=1", "NAME:TYPE=VALUE"),
        ] {
            let error = Bindings::parse(&[word.to_owned()]).unwrap_err();
            assert!(error.contains(message), "{word}: {error}");
        }
    }
}
