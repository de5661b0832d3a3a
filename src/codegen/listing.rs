//! Machine code as text: for `emit --stage asm` and for snapshots.
//!
//! No addresses, so that a listing changes only where the code does: jumps name labels, calls name functions and helpers, the pool's words are shown by
//! what they hold, and the source stands beside the code that comes from it.

use super::blob::{CodeBlob, FuncCode, Origin, PoolEntry, SiteKind};
use super::{Arch, CodegenError};
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter, SymbolResolver, SymbolResult};
use std::collections::BTreeMap;
use std::fmt::Write;
use yaxpeax_arch::{Decoder as _, U8Reader};

/// Where the pool is taken to lie: far from the code, which is taken to begin at zero.
const POOL: u64 = 0x4000_0000;

/// The column that comments begin in.
const COMMENT: usize = 48;

/// The code of all functions. `names` are the functions' names by their index, `source` the text that spans point into.
///
/// # Errors
/// The blob's references to the pool are not well-formed.
pub fn listing(blob: &CodeBlob, arch: Arch, names: &[&str], source: &str) -> Result<String, CodegenError> {
    let mut linked = blob.clone();
    linked.link(arch, 0, POOL)?;
    let insts = match arch {
        Arch::X64 => x64(&linked, names),
        Arch::A64 => a64(&linked, names),
    };
    let mut out = String::new();
    let mut places = blob.source.iter().peekable();
    let mut sites = blob.sites.iter().peekable();
    for func in &blob.funcs {
        let name = func_name(func, names);
        for (index, inst) in insts.range(func.start..func.end) {
            if *index == func.start {
                let _ = writeln!(out, "{name}: ; frame of {} bytes", func.frame_size);
            }
            if let Some(label) = &inst.label {
                let _ = writeln!(out, "{label}:");
            }
            let mut comment = String::new();
            while let Some((_, Origin { span, .. })) = places.next_if(|(at, _)| at <= index) {
                comment = source.get(span.start as usize..span.end as usize).unwrap_or_default().to_owned();
            }
            while let Some(site) = sites.next_if(|site| site.ret <= inst.end) {
                let what = match site.kind {
                    SiteKind::Trap(kind) => kind.name(),
                    _ => continue,
                };
                comment = if comment.is_empty() { what.to_owned() } else { format!("{what}: {comment}") };
            }
            let line = format!("    {}", inst.text);
            if comment.is_empty() {
                let _ = writeln!(out, "{line}");
            } else {
                let _ = writeln!(out, "{line:COMMENT$}; {}", one_line(&comment));
            }
        }
    }
    Ok(out)
}

/// An instruction, disassembled.
struct Line {
    end: u32,
    label: Option<String>,
    text: String,
}

fn func_name(func: &FuncCode, names: &[&str]) -> String {
    match names.get(func.func.0 as usize) {
        Some(&"") | None => "program".to_owned(),
        Some(name) => (*name).to_owned(),
    }
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

fn pool_name(entry: PoolEntry) -> String {
    match entry {
        PoolEntry::Helper(helper) => helper.name(),
        PoolEntry::Table(table) => format!("table.{}", table.name()),
        PoolEntry::Bits(bits) => {
            let number = f64::from_bits(bits);
            let text = format!("{number:?}");
            if number.is_finite() && text.len() <= 20 { text } else { format!("{bits:#018x}") }
        }
    }
}

/// Names of the offsets that branches go to: functions, and labels numbered in each function.
fn labels(blob: &CodeBlob, names: &[&str], targets: impl Iterator<Item = u32>) -> BTreeMap<u32, String> {
    let mut labels: BTreeMap<u32, String> = targets.map(|target| (target, String::new())).collect();
    for func in &blob.funcs {
        for (number, (_, label)) in labels.range_mut(func.start..func.end).enumerate() {
            *label = format!(".L{number}");
        }
        labels.insert(func.start, func_name(func, names));
    }
    labels
}

struct Symbols {
    labels: BTreeMap<u32, String>,
    pool: Vec<PoolEntry>,
}

impl SymbolResolver for Symbols {
    fn symbol(
        &mut self,
        instruction: &iced_x86::Instruction,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        // Immediates and displacements are asked for too.
        let name = if instruction.is_ip_rel_memory_operand() {
            pool_name(*self.pool.get(address.checked_sub(POOL)? as usize / 8)?)
        } else if branch_target(instruction).is_some() {
            self.labels.get(&(address as u32))?.clone()
        } else {
            return None;
        };
        Some(SymbolResult::with_string(address, name))
    }
}

fn branch_target(inst: &iced_x86::Instruction) -> Option<u32> {
    (inst.op0_kind() == iced_x86::OpKind::NearBranch64).then(|| inst.near_branch_target() as u32)
}

fn x64(blob: &CodeBlob, names: &[&str]) -> BTreeMap<u32, Line> {
    let insts: Vec<_> = Decoder::with_ip(64, &blob.code, 0, DecoderOptions::NONE).iter().collect();
    let targets = insts.iter().filter_map(branch_target);
    let labels = labels(blob, names, targets);
    let local = |at: u32| labels.get(&at).filter(|label| label.starts_with('.')).cloned();
    let symbols = Symbols { labels: labels.clone(), pool: blob.pool.to_vec() };
    let mut formatter = IntelFormatter::with_options(Some(Box::new(symbols)), None);
    let options = formatter.options_mut();
    options.set_space_after_operand_separator(true);
    options.set_rip_relative_addresses(false);
    options.set_show_branch_size(false);
    options.set_branch_leading_zeros(false);
    options.set_signed_immediate_operands(true);
    options.set_memory_size_options(iced_x86::MemorySizeOptions::Minimal);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_small_hex_numbers_in_decimal(true);
    let mut lines = BTreeMap::new();
    for inst in &insts {
        let at = inst.ip() as u32;
        let mut text = String::new();
        formatter.format(inst, &mut text);
        lines.insert(at, Line { end: inst.next_ip() as u32, label: local(at), text });
    }
    lines
}

fn a64(blob: &CodeBlob, names: &[&str]) -> BTreeMap<u32, Line> {
    let decoder = yaxpeax_arm::armv8::a64::InstDecoder::default();
    let decode = |bytes: &[u8]| decoder.decode(&mut U8Reader::new(bytes)).ok();
    let branch = |at: u32, inst: &yaxpeax_arm::armv8::a64::Instruction| {
        inst.operands.iter().find_map(|operand| match operand {
            yaxpeax_arm::armv8::a64::Operand::PCOffset(offset) => Some(at.wrapping_add(*offset as u32)),
            _ => None,
        })
    };
    let words = || blob.code.chunks(4).zip((0u32..).step_by(4));
    let targets = words().filter_map(|(bytes, at)| branch(at, &decode(bytes)?));
    let labels = labels(blob, names, targets);
    let mut lines = BTreeMap::new();
    for (bytes, at) in words() {
        let inst = decode(bytes);
        let mut text = inst.as_ref().map_or_else(|| format!(".word {bytes:02x?}"), ToString::to_string);
        if text == "hint #0x22" {
            text = "bti c".to_owned();
        }
        let pool_ref = |from: u32| blob.pool_refs.binary_search_by_key(&from, |pool_ref| pool_ref.at).ok();
        if let (Some(target), Some(sign)) = (inst.as_ref().and_then(|inst| branch(at, inst)), text.find('$')) {
            let label = labels.get(&target).cloned().unwrap_or_default();
            text.replace_range(sign.., &label);
        }
        // The page of a word of the pool, then the word itself.
        if let Some(index) = pool_ref(at) {
            text.truncate(text.find(',').unwrap_or(text.len()));
            let _ = write!(text, ", page of {}", pool_name(blob.pool[blob.pool_refs[index].entry as usize]));
        } else if let Some(index) = at.checked_sub(4).and_then(pool_ref) {
            text.truncate(text.find(',').unwrap_or(text.len()));
            let _ = write!(text, ", [{}]", pool_name(blob.pool[blob.pool_refs[index].entry as usize]));
        }
        let label = labels.get(&at).filter(|label| label.starts_with('.')).cloned();
        lines.insert(at, Line { end: at + 4, label, text });
    }
    lines
}
