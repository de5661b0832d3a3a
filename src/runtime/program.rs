//! Published machine code with all that a run must know of it.

use crate::codegen::Arch;
use crate::codegen::blob::{CodeBlob, FuncCode, PoolEntry, Site};
use crate::memory::{CodeArena, ExecutableCode, MemoryError};
use crate::sema::hir::FuncId;
use crate::span::Span;
use crate::types::Type;
use std::sync::Arc;

use super::table::address_of;

/// A program's machine code where it runs.
#[derive(Debug)]
pub struct Program {
    code: ExecutableCode,
    blob: CodeBlob,
    funcs: Vec<FuncSignature>,
    /// The function's place among those of the blob, by function.
    places: Vec<Option<u32>>,
    largest_frame: usize,
    recursive: bool,
}

/// What a function is called, takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncSignature {
    /// Its name; empty for the program's own body.
    pub name: Arc<str>,
    /// The types of its parameters, and whether each is `mut`.
    pub params: Vec<(Type, bool)>,
    /// What it gives.
    pub result: Type,
}

/// What a program's functions are called, and whether any reaches itself.
#[derive(Debug, Default)]
pub struct ProgramInfo {
    /// By function.
    pub funcs: Vec<FuncSignature>,
    /// Whether any function can reach itself through calls.
    pub recursive: bool,
}

impl Program {
    /// Writes the code into pages of its own, completes its references to the pool, and seals it.
    pub fn publish(
        arena: &CodeArena,
        arch: Arch,
        mut blob: CodeBlob,
        info: ProgramInfo,
    ) -> Result<Program, MemoryError> {
        let mut pool = Vec::new();
        let words = blob.pool.len().saturating_mul(8);
        pool.try_reserve_exact(words).map_err(|_| MemoryError::TooLarge { size: words })?;
        for entry in &blob.pool {
            let word = match *entry {
                PoolEntry::Bits(bits) => bits,
                PoolEntry::Helper(helper) => address_of(helper) as u64,
            };
            pool.extend_from_slice(&word.to_le_bytes());
        }
        let mut writable = arena.writable(blob.code.len(), pool.len())?;
        blob.link(arch, writable.base() as u64, writable.pool_base() as u64)
            .map_err(|_| MemoryError::TooLarge { size: blob.code.len() })?;
        writable.write_code(&blob.code)?;
        writable.write_pool(&pool)?;
        let code = writable.seal(|_, _| Ok(()))?;
        // The bytes live on in their pages only.
        blob.code = Vec::new();
        blob.pool = Vec::new();
        blob.pool_refs = Vec::new();
        let mut places = vec![None; info.funcs.len()];
        for (func, place) in blob.funcs.iter().zip(0..) {
            if let Some(slot) = places.get_mut(func.func.0 as usize) {
                *slot = Some(place);
            }
        }
        let largest_frame = blob.funcs.iter().map(|func| func.frame_size as usize).max().unwrap_or(0);
        Ok(Program { code, blob, funcs: info.funcs, places, largest_frame, recursive: info.recursive })
    }

    fn code_of(&self, func: FuncId) -> Option<&FuncCode> {
        self.blob.funcs.get((*self.places.get(func.0 as usize)?)? as usize)
    }

    /// The address of a function.
    pub(super) fn address(&self, func: FuncId) -> Option<usize> {
        Some(self.code.base() + self.code_of(func)?.start as usize)
    }

    /// Whether a function may be called as a C function, on a stack with so much room.
    pub(super) fn is_pure(&self, func: FuncId, room: usize) -> bool {
        self.code_of(func).is_some_and(|code| code.is_pure && (code.frame_size as usize) < room)
    }

    /// Bytes of stack that a run needs at most, so many nested calls being allowed.
    pub(super) fn stack_need(&self, depth: u32) -> usize {
        let chain = if self.recursive { depth as usize } else { (depth as usize).min(self.blob.funcs.len()) };
        // The outermost frame, the margin above it, and what is pushed around each.
        chain.saturating_add(2).saturating_mul(self.bytes_a_call())
    }

    fn bytes_a_call(&self) -> usize {
        self.largest_frame.saturating_add(16)
    }

    /// How many nested calls may be allowed so that a run needs no more than so many bytes of stack; none where there is no such number.
    pub(super) fn depth_within(&self, room: usize) -> Option<u32> {
        let chain = (room / self.bytes_a_call()).checked_sub(2)?;
        let any = !self.recursive && self.blob.funcs.len() <= chain;
        Some(if any { u32::MAX } else { u32::try_from(chain).unwrap_or(u32::MAX) })
    }

    /// The site that a return address stands for.
    pub(super) fn site(&self, ret: usize) -> Option<&Site> {
        self.blob.site(u32::try_from(ret.checked_sub(self.code.base())?).ok()?)
    }

    /// The function that a return address lies in.
    pub(super) fn func_at(&self, ret: usize) -> Option<&FuncCode> {
        // The call before the return address is in the function even where nothing follows it.
        self.blob.func_at(u32::try_from(ret.checked_sub(self.code.base() + 1)?).ok()?)
    }

    /// The addresses of the code.
    pub(super) fn code_range(&self) -> std::ops::Range<usize> {
        let base = self.code.base();
        base..base + self.code.code().len()
    }

    /// From which place in the source the instruction at an address comes.
    pub(super) fn span_at(&self, pc: usize) -> Span {
        let offset = pc.wrapping_sub(self.code.base());
        let next = self.blob.source.partition_point(|&(from, _)| from as usize <= offset);
        next.checked_sub(1).and_then(|last| self.blob.source.get(last)).map_or_else(Span::default, |&(_, span)| span)
    }

    /// What a function takes and gives.
    pub fn signature(&self, func: FuncId) -> Option<&FuncSignature> {
        self.funcs.get(func.0 as usize)
    }

    /// A function's name.
    pub(super) fn name(&self, func: FuncId) -> Arc<str> {
        self.signature(func).map_or_else(|| Arc::from(""), |signature| signature.name.clone())
    }

    /// Bytes of machine code.
    pub fn code_len(&self) -> usize {
        self.code.code().len()
    }
}
