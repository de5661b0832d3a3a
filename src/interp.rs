//! TEMPORARY
#![allow(missing_docs)]
use crate::host::HostFn;
use crate::limits::*;
use crate::runtime::fpenv::FpEnv;
use crate::sema::hir::*;
use crate::trap::Trap;
use crate::value::*;
pub struct Run<'a> {
    pub hir: &'a Hir,
    pub hosts: &'a [HostFn],
    pub limits: &'a Limits,
    pub cancel: &'a CancelHandle,
    pub fp: &'a FpEnv,
}
#[derive(Debug, thiserror::Error)]
pub enum InterpError {
    #[error("trap")]
    Trap(Box<Trap>),
    #[error("{0}")]
    BadCall(String),
}
impl Run<'_> {
    pub fn run(&self, _f: FuncId, _a: &mut [Arg<'_>]) -> Result<(Value, Option<u64>), InterpError> {
        Err(InterpError::BadCall("none".into()))
    }
}
