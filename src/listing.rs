//! What becomes of a program at each stage, as text: for people, snapshots and bug reports.

use crate::codegen::blob::CodeBlob;
use crate::engine::{Cpu, Engine, compile_to_blob};
use crate::error::Error;
use crate::runtime::program::Signatures;
use crate::sema::hir::FuncId;
use crate::types::Type;
use crate::{codegen, ir, sema, syntax};
use std::fmt::Write;

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The syntax tree.
    Ast,
    /// The typed, resolved tree.
    Hir,
    /// The optimized SSA form.
    Ir,
    /// Machine code as assembly, with the source beside it.
    Asm,
    /// Machine code as bytes.
    Bytes,
}

/// Shows a program at a stage. Machine code is shown for any machine, whatever this one is.
///
/// # Errors
/// The mistakes of the text, or [`Error::Machine`] where no code can be made.
pub fn list(engine: &Engine, text: &[u8], inputs: &[(&str, Type)], stage: Stage, cpu: Cpu) -> Result<String, Error> {
    let text = crate::engine::utf8(text)?;
    match stage {
        Stage::Ast => {
            let (ast, diagnostics) = syntax::parse(text, &engine.source_limits());
            match diagnostics.is_empty() {
                true => Ok(syntax::print::print(&ast)),
                false => Err(engine.compile(text).err().unwrap_or_else(|| Error::Machine(String::new()))),
            }
        }
        Stage::Hir => Ok(sema::print::print(&*engine.analyze(text, inputs)?)),
        Stage::Ir => {
            let funcs = engine.lower(text, inputs)?;
            Ok(funcs.iter().map(ir::print::print).collect::<Vec<_>>().join("\n"))
        }
        Stage::Asm => {
            let (hir, _, blob) = compile_to_blob(engine, text, inputs, cpu)?;
            let names: Vec<String> = (0..hir.funcs.len() as u32).map(|id| name_of(&hir, FuncId(id))).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            codegen::listing::listing(&blob, cpu.target()?.0, &names, text)
                .map_err(|error| Error::Machine(error.to_string()))
        }
        Stage::Bytes => {
            let (hir, _, blob) = compile_to_blob(engine, text, inputs, cpu)?;
            let mut out = String::new();
            for func in &blob.funcs {
                let _ = writeln!(out, "{}:", name_of(&hir, func.func));
                for line in blob.code[func.start as usize..func.end as usize].chunks(16) {
                    let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
                    let _ = writeln!(out, "  {}", hex.join(" "));
                }
            }
            Ok(out)
        }
    }
}

/// The code of a program for any machine, as it is before it has an address.
///
/// # Errors
/// As [`list`].
pub fn code(engine: &Engine, text: &str, inputs: &[(&str, Type)], cpu: Cpu) -> Result<CodeBlob, Error> {
    compile_to_blob(engine, text, inputs, cpu).map(|(_, _, blob)| blob)
}

/// As [`code`], with what its functions take and give.
///
/// # Errors
/// As [`list`].
pub fn code_with_signatures(
    engine: &Engine,
    text: &str,
    inputs: &[(&str, Type)],
    cpu: Cpu,
) -> Result<(CodeBlob, Signatures), Error> {
    compile_to_blob(engine, text, inputs, cpu).map(|(hir, _, blob)| (blob, Signatures::of(&hir)))
}

fn name_of(hir: &sema::hir::Hir, id: FuncId) -> String {
    let name = hir.funcs.get(id.0 as usize).map_or("", |func| func.name.as_str());
    if name.is_empty() { "program".to_owned() } else { name.to_owned() }
}
