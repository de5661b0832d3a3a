//! Published machine code with all that a run must know of it: one program by itself, or many that share pages.

use crate::codegen::blob::{self, CodeBlob, FuncCode, Origin, PoolEntry, Site};
use crate::codegen::{Arch, CodegenError};
use crate::ir::func::InlinedCall;
use crate::memory::{CodeArena, CodePart, ExecutableCode, MemoryError, pool_distance};
use crate::sema::hir::{self, FuncId, Hir, Param, ParamType};
use crate::types::Type;
use crate::verify::{self, Addresses, Contract, Loops};
use crate::walls::{Wall, stands};
use smallvec::SmallVec;
use std::sync::Arc;

use super::table::address_of;

/// A program's machine code where it runs.
#[derive(Debug)]
pub struct Program {
    code: ExecutableCode,
    facts: Facts,
    signatures: Arc<Signatures>,
}

/// What a function is called, takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncSignature {
    /// Its name; empty for the program's own body.
    pub name: Box<str>,
    /// Its parameters.
    pub params: Box<[Param]>,
    /// What it gives.
    pub result: Type,
}

impl FuncSignature {
    /// That of a function of a program.
    pub fn of(hir: &Hir, func: &hir::Func) -> FuncSignature {
        let param = |(name, ParamType { ty, mutable }): (&str, ParamType)| Param { name: name.to_owned(), ty, mutable };
        let params = hir.params(func).map(param).collect();
        FuncSignature { name: func.name.as_str().into(), params, result: func.result }
    }

    /// Whether it is that of this function.
    fn is_of(&self, hir: &Hir, func: &hir::Func) -> bool {
        let same = |(own, (name, param)): (&Param, (&str, ParamType))| {
            (own.ty, own.mutable) == (param.ty, param.mutable) && *own.name == *name
        };
        self.result == func.result
            && *self.name == *func.name
            && self.params.len() == func.params.len()
            && self.params.iter().zip(hir.params(func)).all(same)
    }

    /// That of a function whose parameters have no names.
    pub fn unnamed(name: &str, params: &[(Type, bool)], result: Type) -> FuncSignature {
        let param = |&(ty, mutable): &(Type, bool)| Param { name: String::new(), ty, mutable };
        FuncSignature { name: name.into(), params: params.iter().map(param).collect(), result }
    }

    /// Whether these are its types.
    pub fn is(&self, params: &[(Type, bool)], result: Type) -> bool {
        let same = |(own, other): (&Param, &(Type, bool))| (own.ty, own.mutable) == *other;
        self.result == result && self.params.len() == params.len() && self.params.iter().zip(params).all(same)
    }
}

/// What a program's functions are called, take and give. Programs of one shape may share it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Signatures {
    /// By function.
    pub funcs: Box<[FuncSignature]>,
    /// The program's own body.
    pub main: Option<FuncId>,
    /// Whether any function can reach itself through calls.
    pub recursive: bool,
}

impl Signatures {
    /// Those of a program.
    pub fn of(hir: &Hir) -> Signatures {
        let recursive = hir.funcs.iter().any(|func| func.recursive);
        Signatures {
            funcs: hir.funcs.iter().map(|func| FuncSignature::of(hir, func)).collect(),
            main: hir.main,
            recursive,
        }
    }

    /// Whether they are those of this program.
    pub fn are_of(&self, hir: &Hir) -> bool {
        self.main == hir.main
            && self.funcs.len() == hir.funcs.len()
            && self.recursive == hir.funcs.iter().any(|func| func.recursive)
            && self.funcs.iter().zip(&hir.funcs).all(|(own, func)| own.is_of(hir, func))
    }
}

impl Program {
    /// Writes the code into pages of its own, completes its references to the pool, and seals it; verified, with these rules for loops, or not.
    pub fn publish(
        arena: &CodeArena,
        arch: Arch,
        mut blob: CodeBlob,
        signatures: Arc<Signatures>,
        verify: Option<Loops>,
    ) -> Result<Program, MemoryError> {
        let mut pool = Vec::new();
        let words = blob.pool.len().saturating_mul(8);
        pool.try_reserve_exact(words).map_err(|_| MemoryError::TooLarge { size: words })?;
        write_pool(&blob.pool, &mut pool);
        let mut writable = arena.writable(blob.code.len(), pool.len())?;
        blob.link(arch, writable.base() as u64, writable.pool_base() as u64)
            .map_err(|_| MemoryError::TooLarge { size: blob.code.len() })?;
        writable.write_code(&blob.code)?;
        writable.write_pool(&pool)?;
        let pool_at = writable.pool_base() as u64;
        let code = writable.seal(|code, address| {
            let Some(loops) = verify else { return Ok(()) };
            let at = Addresses { code: address as u64, pool: pool_at };
            let (sites, bytes) = (&blob.sites, blob.vector_bytes);
            verified(&contract(arch, &blob.funcs, sites, &signatures, &blob.pool, bytes, loops), code, at)
        })?;
        let facts = Facts::of(blob, &signatures);
        Ok(Program::new(code, facts, signatures))
    }

    fn new(code: ExecutableCode, facts: Facts, signatures: Arc<Signatures>) -> Program {
        Program { code, facts, signatures }
    }

    /// A function's code.
    fn code_of(&self, func: FuncId) -> Option<&FuncCode> {
        let at = self.facts.funcs.binary_search_by_key(&func, |code| code.func).ok()?;
        self.facts.funcs.get(at)
    }

    /// The address of a function.
    pub(super) fn address(&self, func: FuncId) -> Option<usize> {
        Some(self.code.base() + self.code_of(func)?.start as usize)
    }

    /// Whether a function may be called as a C function, on a stack with so much room.
    pub(super) fn is_pure(&self, func: FuncId, room: usize) -> bool {
        self.code_of(func).is_some_and(|code| code.is_pure && (code.frame_size as usize) < room)
    }

    /// Whether a function may be entered as a bare one, on a stack with so much room.
    pub(super) fn is_bare(&self, func: FuncId, room: usize) -> bool {
        self.code_of(func).is_some_and(|code| code.is_bare && (code.frame_size as usize) < room)
    }

    /// Whether it suffices for any function to save what light ones write.
    pub(super) fn is_light(&self) -> bool {
        self.facts.funcs.iter().all(|func| func.is_light)
    }

    /// Whether nothing that a function does depends on the floating-point environment, or looks at it.
    pub(super) fn is_whole(&self, func: FuncId) -> bool {
        match self.code_of(func) {
            Some(code) if code.is_pure || code.is_bare => !code.has_floats,
            _ => self.facts.funcs.iter().all(|func| func.is_light && !func.has_floats),
        }
    }

    /// Bytes of stack that a run needs at most, so many nested calls being allowed.
    pub(super) fn stack_need(&self, depth: u32) -> usize {
        let chain =
            if self.signatures.recursive { depth as usize } else { (depth as usize).min(self.facts.funcs.len()) };
        // The outermost frame, the margin above it, and what is pushed around each.
        chain.saturating_add(2).saturating_mul(self.bytes_a_call())
    }

    fn bytes_a_call(&self) -> usize {
        (self.facts.largest_frame as usize).saturating_add(16)
    }

    /// How many nested calls may be allowed so that a run needs no more than so many bytes of stack; none where there is no such number.
    pub(super) fn depth_within(&self, room: usize) -> Option<u32> {
        let chain = (room / self.bytes_a_call()).checked_sub(2)?;
        let any = !self.signatures.recursive && self.facts.funcs.len() <= chain;
        Some(if any { u32::MAX } else { u32::try_from(chain).unwrap_or(u32::MAX) })
    }

    /// The site that a return address stands for.
    pub(super) fn site(&self, ret: usize) -> Option<&Site> {
        let ret = u32::try_from(ret.checked_sub(self.code.base())?).ok()?;
        blob::site_of(&self.facts.places()?.sites, ret)
    }

    /// The inlined calls that a place lies in, innermost first.
    pub(super) fn inlined_around(&self, place: Origin) -> impl Iterator<Item = &InlinedCall> {
        blob::inlined_around(self.facts.places().map_or(&[], |places| &places.inlined), place)
    }

    /// The function that a return address lies in.
    pub(super) fn func_at(&self, ret: usize) -> Option<&FuncCode> {
        // The call before the return address is in the function even where nothing follows it.
        let offset = u32::try_from(ret.checked_sub(self.code.base() + 1)?).ok()?;
        blob::func_at(&self.facts.funcs, offset)
    }

    /// Whether running it does nothing, so that it has no code: the body of a program without statements.
    pub fn is_empty(&self, func: FuncId) -> bool {
        let gives_nothing = self.signature(func).is_some_and(|signature| signature.result == Type::Unit);
        self.signatures.main == Some(func) && gives_nothing && self.code_of(func).is_none()
    }

    /// What its functions are called, take and give.
    pub fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// The addresses of the code.
    pub(super) fn code_range(&self) -> std::ops::Range<usize> {
        let base = self.code.base();
        base..base + self.code.code().len()
    }

    /// From which place the instruction at an address comes.
    pub(super) fn place_at(&self, pc: usize) -> Origin {
        let offset = pc.wrapping_sub(self.code.base());
        let source = self.facts.places().map_or(&[][..], |places| &places.source);
        let next = source.partition_point(|&(from, _)| from as usize <= offset);
        next.checked_sub(1).and_then(|last| source.get(last)).map_or_else(Origin::default, |&(_, place)| place)
    }

    /// What a function takes and gives.
    pub fn signature(&self, func: FuncId) -> Option<&FuncSignature> {
        self.signatures.funcs.get(func.0 as usize)
    }

    /// A function's name.
    pub(super) fn name(&self, func: FuncId) -> Arc<str> {
        Arc::from(self.signature(func).map_or("", |signature| &signature.name))
    }

    /// Bytes of machine code.
    pub fn code_len(&self) -> usize {
        self.code.code().len()
    }
}

/// What is kept of a blob besides its bytes, which live on in their pages only.
#[derive(Debug)]
struct Facts {
    funcs: SmallVec<[FuncCode; 1]>,
    /// Formulas that can neither trap nor be interrupted have none.
    places: Option<Box<Places>>,
    largest_frame: u32,
}

/// Where code comes from.
#[derive(Debug)]
struct Places {
    sites: Box<[Site]>,
    inlined: Box<[InlinedCall]>,
    /// From which place in the source the code from an offset on comes; empty where no array comes from outside, so that no access can fault.
    source: Box<[(u32, Origin)]>,
}

impl Facts {
    fn of(blob: CodeBlob, signatures: &Signatures) -> Facts {
        let mut params = signatures.funcs.iter().flat_map(|func| &func.params);
        let takes_arrays = params.any(|param| matches!(param.ty, Type::Array(_)));
        let source = if takes_arrays { blob.source.as_slice().into() } else { Box::default() };
        let places = Places { sites: blob.sites.into(), inlined: blob.inlined.into(), source };
        let is_empty = places.sites.is_empty() && places.inlined.is_empty() && places.source.is_empty();
        let largest_frame = blob.funcs.iter().map(|func| func.frame_size).max().unwrap_or(0);
        Facts { funcs: blob.funcs, places: (!is_empty).then(|| Box::new(places)), largest_frame }
    }

    fn places(&self) -> Option<&Places> {
        self.places.as_deref()
    }
}

/// What the code must keep to.
fn contract<'a>(
    arch: Arch,
    funcs: &'a [FuncCode],
    sites: &'a [Site],
    signatures: &'a Signatures,
    pool: &'a [PoolEntry],
    vector_bytes: u32,
    loops: Loops,
) -> Contract<'a> {
    let (signatures, recursive) = (&signatures.funcs, signatures.recursive);
    Contract { arch, funcs, signatures, sites, pool, vector_bytes, loops, recursive }
}

/// Whether the final bytes keep to it.
fn verified(contract: &Contract<'_>, code: &[u8], at: Addresses) -> Result<(), String> {
    if !stands(Wall::Verifier) {
        return Ok(());
    }
    match verify::verify(contract, code, at) {
        Ok(_) => Ok(()),
        Err(rejection) => {
            verify::note_rejection();
            Err(rejection.to_string())
        }
    }
}

fn write_pool(entries: &[PoolEntry], pool: &mut Vec<u8>) {
    for entry in entries {
        let word = match *entry {
            PoolEntry::Bits(bits) => bits,
            PoolEntry::Helper(helper) => address_of(helper) as u64,
            // It lives as long as the process.
            PoolEntry::Table(table) => table.values().as_ptr().expose_provenance() as u64,
        };
        pool.extend_from_slice(&word.to_le_bytes());
    }
}

/// What the code and the constants of each program in a pack are aligned to.
const ALIGN: usize = 16;

/// Code and constants that a pack holds at most: half of what fits one slot of the arena.
const FULL: usize = 256 << 10;

/// Programs that will be published together, in the same pages.
#[derive(Debug)]
pub struct Pack {
    arch: Arch,
    verify: Option<Loops>,
    code: Vec<u8>,
    pool: Vec<u8>,
    parts: Vec<CodePart>,
    waiting: Vec<(Facts, Arc<Signatures>, Words)>,
}

/// A program's words of the pool, and the bytes of its vectors: what the verifier must know besides.
#[derive(Debug)]
struct Words {
    pool: Vec<PoolEntry>,
    vector_bytes: u32,
}

impl Pack {
    /// An empty one, for code of this machine, that is verified, with these rules for loops, or not.
    pub fn new(arch: Arch, verify: Option<Loops>) -> Pack {
        Pack { arch, verify, code: Vec::new(), pool: Vec::new(), parts: Vec::new(), waiting: Vec::new() }
    }

    /// Whether a program is small enough to share pages.
    pub fn takes(blob: &CodeBlob) -> bool {
        !blob.code.is_empty() && blob.code.len() <= FULL / 4 && blob.pool.len() <= FULL / 4 / 8
    }

    /// Whether it should be published before more is added.
    pub fn is_full(&self) -> bool {
        self.code.len().max(self.pool.len()) >= FULL
    }

    /// Adds a program that [`Pack::takes`].
    ///
    /// # Errors
    /// Its constants are out of its instructions' reach.
    pub fn add(&mut self, mut blob: CodeBlob, signatures: Arc<Signatures>) -> Result<(), CodegenError> {
        self.code.resize(self.code.len().next_multiple_of(ALIGN), 0);
        self.pool.resize(self.pool.len().next_multiple_of(ALIGN), 0);
        let (code, pool) = (self.code.len(), self.pool.len());
        // Any page will do for the start: only the distance matters, and it is known.
        let distance = pool_distance(FULL, FULL).map_err(|error| CodegenError::Malformed(error.to_string()))?;
        blob.link(self.arch, code as u64, (distance + pool) as u64)?;
        self.code.extend_from_slice(&blob.code);
        write_pool(&blob.pool, &mut self.pool);
        self.parts.push(CodePart { code: code..self.code.len(), pool: pool..self.pool.len() });
        let words = Words { pool: blob.pool.to_vec(), vector_bytes: blob.vector_bytes };
        let facts = Facts::of(blob, &signatures);
        self.waiting.push((facts, signatures, words));
        Ok(())
    }

    /// Publishes what was added, in its order, with one run of changes of protection, and is empty again.
    pub fn publish(&mut self, arena: &CodeArena) -> Result<Vec<Program>, MemoryError> {
        let waiting = std::mem::take(&mut self.waiting);
        let parts = std::mem::take(&mut self.parts);
        let sealed = if parts.is_empty() { Ok(Vec::new()) } else { self.seal(arena, &parts, &waiting) };
        self.code.clear();
        self.pool.clear();
        let program = |(code, (facts, signatures, _))| Program::new(code, facts, signatures);
        Ok(sealed?.into_iter().zip(waiting).map(program).collect())
    }

    fn seal(
        &self,
        arena: &CodeArena,
        parts: &[CodePart],
        waiting: &[(Facts, Arc<Signatures>, Words)],
    ) -> Result<Vec<ExecutableCode>, MemoryError> {
        let mut writable = arena.writable(self.code.len(), self.pool.len())?;
        // What is between the parts stays as it is: traps.
        for part in parts {
            let code = self.code.get(part.code.clone()).unwrap_or_default();
            writable.write_code_at(part.code.start, code)?;
        }
        writable.write_pool(&self.pool)?;
        let pool_base = writable.pool_base() as u64;
        let mut programs = parts.iter().zip(waiting);
        writable.seal_parts(parts, |code, address| {
            let Some(loops) = self.verify else { return Ok(()) };
            let (part, (facts, signatures, words)) =
                programs.next().ok_or_else(|| "a part without a program".to_owned())?;
            let at = Addresses { code: address as u64, pool: pool_base + part.pool.start as u64 };
            let sites = facts.places().map_or(&[][..], |places| &places.sites);
            let (pool, bytes) = (&words.pool, words.vector_bytes);
            verified(&contract(self.arch, &facts.funcs, sites, signatures, pool, bytes, loops), code, at)
        })
    }
}
