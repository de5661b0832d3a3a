//! The peers, each in a file of its own.

#[cfg(feature = "cranelift")]
mod cranelift;
mod cresset;
#[cfg(feature = "evalexpr")]
mod evalexpr;
#[cfg(feature = "fasteval")]
mod fasteval;
#[cfg(feature = "fidget")]
mod fidget;
#[cfg(feature = "luajit")]
mod luajit;
mod native;
#[cfg(feature = "rhai")]
mod rhai;
#[cfg(feature = "symjit")]
mod symjit;
#[cfg(feature = "wasmtime")]
mod wasmtime;

use crate::peer::Peer;

/// All that were built; Cresset first.
pub fn all() -> Vec<Box<dyn Peer>> {
    let mut all: Vec<Box<dyn Peer>> = Vec::new();
    all.extend(cresset::Cresset::all());
    all.extend(native::Gcc::all());
    #[cfg(feature = "cranelift")]
    all.push(Box::new(cranelift::Cranelift));
    #[cfg(feature = "wasmtime")]
    all.extend(wasmtime::Wasmtime::all());
    #[cfg(feature = "luajit")]
    all.push(Box::new(luajit::LuaJit::new()));
    #[cfg(feature = "symjit")]
    all.push(Box::new(symjit::Symjit));
    #[cfg(feature = "fidget")]
    all.push(Box::new(fidget::Fidget));
    #[cfg(feature = "fasteval")]
    all.push(Box::new(fasteval::Fasteval));
    #[cfg(feature = "rhai")]
    all.push(Box::new(rhai::Rhai::new()));
    #[cfg(feature = "evalexpr")]
    all.push(Box::new(evalexpr::Evalexpr));
    all
}
