//! The host functions of the command line: `print`, `put`, `put_number`.

use crate::format::Shown;
use cresset::host::{HostFn, HostParams, IntoHostFn};
use cresset::{Config, HostError, Type, Value};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// What a program may print where its output is kept.
const KEPT: usize = 64 << 20;
/// How wide or how exact `put_number` writes.
const WIDEST: i64 = 1_000;

/// Where programs print to.
#[derive(Clone, Default)]
pub struct Output {
    sink: Arc<Mutex<Sink>>,
}

#[derive(Default)]
struct Sink {
    /// Kept for a JSON object, or written through to standard output.
    keep: bool,
    text: String,
    failed: Option<std::io::ErrorKind>,
}

impl Output {
    /// Keeps what is printed.
    pub fn kept() -> Output {
        let output = Output::default();
        output.lock().keep = true;
        output
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sink> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, text: &str) -> Result<(), HostError> {
        let mut sink = self.lock();
        if sink.keep {
            if sink.text.len() + text.len() > KEPT {
                return Err(HostError::Failed("more than 64 MiB printed".to_owned()));
            }
            sink.text.push_str(text);
            return Ok(());
        }
        sink.text.push_str(text);
        // A line or a good piece at a time, so that a slow program is seen to work.
        if text.ends_with('\n') || sink.text.len() > 1 << 13 { sink.pass_on() } else { Ok(()) }
    }

    /// What was kept, from now on nothing.
    pub fn take(&self) -> String {
        std::mem::take(&mut self.lock().text)
    }

    /// Writes out what waits.
    pub fn flush(&self) -> std::io::Result<()> {
        let mut sink = self.lock();
        if !sink.keep {
            let _ = sink.pass_on();
            if let Some(kind) = sink.failed {
                return Err(kind.into());
            }
            std::io::stdout().flush()?;
        }
        Ok(())
    }

    /// Adds the three functions.
    pub fn add_to(&self, config: &mut Config) {
        let output = self.clone();
        let print = move |args: &[Value]| {
            let words: Vec<String> = args.iter().map(|value| Shown::whole(value).to_string()).collect();
            output.write(&(words.join(" ") + "\n"))?;
            Ok(Value::Unit)
        };
        let print = HostFn::new("print", HostParams::Scalars, Type::Unit, print);
        let output = self.clone();
        let put = move |c: i64| -> Result<(), HostError> {
            let c = u32::try_from(c).ok().and_then(char::from_u32).ok_or(HostError::BadArgument)?;
            output.write(c.encode_utf8(&mut [0; 4]))
        };
        let output = self.clone();
        let put_number = move |x: f64, width: i64, digits: i64| -> Result<(), HostError> {
            if !(0..=WIDEST).contains(&width) || !(0..=WIDEST).contains(&digits) {
                return Err(HostError::BadArgument);
            }
            output.write(&format!("{x:>width$.digits$}", width = width as usize, digits = digits as usize))
        };
        config.add_host_fn(print);
        config.add_host_fn(put.into_host_fn("put"));
        config.add_host_fn(put_number.into_host_fn("put_number"));
    }
}

impl Sink {
    fn pass_on(&mut self) -> Result<(), HostError> {
        let written = std::io::stdout().lock().write_all(self.text.as_bytes());
        self.text.clear();
        written.map_err(|error| {
            self.failed = Some(error.kind());
            HostError::Failed(format!("cannot write: {error}"))
        })
    }
}
