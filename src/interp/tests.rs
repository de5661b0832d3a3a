//! Programs from their text: values, traps, fuel, memory, depth.

use super::{InterpError, Run};
use crate::host::HostFn;
use crate::limits::{CancelHandle, Limits};
use crate::runtime::fpenv::FpEnv;
use crate::sema::hir::{FuncId, Hir};
use crate::sema::{Env, HostSignature, Input, analyze};
use crate::syntax::{SourceLimits, parse};
use crate::trap::{Trap, TrapKind};
use crate::types::Type;
use crate::value::{Arg, Value};

/// A program, what it may use, and the host's functions.
struct Setup<'h> {
    source: &'h str,
    limits: Limits,
    cancel: CancelHandle,
    hosts: Vec<HostFn>,
}

impl<'h> Setup<'h> {
    fn new(source: &'h str) -> Setup<'h> {
        Setup { source, limits: Limits::default(), cancel: CancelHandle::default(), hosts: Vec::new() }
    }

    #[track_caller]
    fn hir(&self, inputs: Vec<Input>) -> Hir {
        let (ast, errors) = parse(self.source, &SourceLimits::default());
        assert!(errors.is_empty(), "{errors:?}");
        let hosts = self.hosts.iter().map(|host| HostSignature {
            name: host.name.clone(),
            params: match &host.params {
                crate::host::HostParams::Fixed(types) => crate::sema::HostParams::Fixed(types.clone()),
                crate::host::HostParams::Scalars => crate::sema::HostParams::Scalars,
            },
            result: host.result,
        });
        match analyze(self.source, &ast, &Env { inputs, hosts: hosts.collect() }) {
            Ok(hir) => hir,
            Err(errors) => panic!("{errors:?}"),
        }
    }

    fn run(&self, hir: &Hir, func: FuncId, args: &mut [Arg<'_>]) -> Result<(Value, Option<u64>), InterpError> {
        let fp = FpEnv::canonical();
        let (limits, cancel) = (&self.limits, &self.cancel);
        Run { hir, hosts: &self.hosts, limits, cancel, fp: &fp }.run(func, args)
    }

    /// Runs the program itself with these inputs.
    #[track_caller]
    fn program(&self, inputs: &mut [(&str, Arg<'_>)]) -> Result<(Value, Option<u64>), Trap> {
        let declared = inputs.iter().map(|(name, arg)| Input {
            name: (*name).to_owned(),
            ty: arg.ty(),
            mutable: matches!(arg, Arg::SliceMut(_)),
        });
        let hir = self.hir(declared.collect());
        let mut args: Vec<Arg<'_>> = Vec::new();
        for (_, arg) in inputs {
            args.push(match arg {
                Arg::F64(x) => Arg::F64(*x),
                Arg::I64(n) => Arg::I64(*n),
                Arg::Bool(b) => Arg::Bool(*b),
                Arg::Slice(slice) => Arg::Slice(*slice),
                Arg::SliceMut(slice) => Arg::SliceMut(super::reborrow(slice)),
            });
        }
        match self.run(&hir, hir.main.unwrap(), &mut args) {
            Ok(result) => Ok(result),
            Err(InterpError::Trap(trap)) => Err(*trap),
            Err(error) => panic!("{error}"),
        }
    }
}

#[track_caller]
fn value(source: &str) -> Value {
    Setup::new(source).program(&mut []).unwrap().0
}

#[test]
fn a_recursive_function_gives_its_value() {
    assert_eq!(
        value("fn fib(n: i64) -> i64 { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } } fib(20)"),
        Value::I64(6765)
    );
    assert_eq!(value("var s = 0; for i in 1..=10 { if i == 5 { continue; } s += i; } s"), Value::I64(50));
    let trap = Setup::new("let xs = [1, 2]; xs[2]").program(&mut []).unwrap_err();
    assert_eq!((trap.kind, trap.bounds), (TrapKind::OutOfBounds, Some((2, 2))));
    let _ = Type::Unit;
}
