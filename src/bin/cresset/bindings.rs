//! Values of free names from the command line: `name=value`, the value any expression of the language.

use cresset::{Arg, Config, Engine, Execution, Limits, Type, Value};

/// Named values.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    values: Vec<(String, Value)>,
}

impl Bindings {
    /// From `name=value` words.
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
            let (name, text) =
                word.split_once('=').ok_or_else(|| format!("`{word}`: write a value as NAME=VALUE, like x=1.5"))?;
            let name = name.trim();
            let plain = |(i, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit());
            if name.is_empty() || !name.chars().enumerate().all(plain) {
                return Err(format!("`{name}` is no name: write a value as NAME=VALUE, like x=1.5"));
            }
            let value = evaluate(&engine, text).map_err(|error| format!("the value of `{name}`: {error}"))?;
            bindings.set(name, value);
        }
        Ok(bindings)
    }

    /// Binds a name anew.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.retain(|(other, _)| other != name);
        self.values.push((name.to_owned(), value));
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

fn evaluate(engine: &Engine, text: &str) -> Result<Value, String> {
    let module = engine.compile(text).map_err(|error| error.to_string())?;
    match module.run(&mut []).map_err(|error| error.to_string())? {
        Value::Unit => Err("it has no value".to_owned()),
        value => Ok(value),
    }
}
