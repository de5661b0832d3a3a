//! Every row of the table of vector instructions, in every form it has, over registers, masks and memory operands, decoded back by an independent
//! disassembler: mnemonic and operands are compared.
#![cfg(feature = "disasm")]

use cresset::codegen::x64::vex::{Len, Rm, Shape, Tuple, V, VexInst};
use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind, Register};

const LENS: [Len; 3] = [Len::L128, Len::L256, Len::L512];
const DISPLACEMENTS: [i32; 14] = [0, 1, 8, 64, -64, 127, -128, 128, 512, -1024, 8128, -8192, 1 << 20, i32::MIN];

/// An operand as both sides know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operand {
    Vector(u32, u8),
    Mask(u8),
    General(u32, u8),
    Immediate(u8),
    Memory { base: u8, index: Option<(u8, u8)>, displacement: i64 },
    Relative,
}

fn name(op: V) -> String {
    let name = op.row().name;
    let end = name.char_indices().skip(1).find(|(_, letter)| letter.is_uppercase());
    name[..end.map_or(name.len(), |(at, _)| at)].to_owned()
}

fn register(register: Register) -> Operand {
    let number = register.number() as u8;
    if register.is_k() {
        Operand::Mask(number)
    } else if register.is_gpr() {
        Operand::General(register.size() as u32, number)
    } else {
        Operand::Vector(register.size() as u32, number)
    }
}

fn decoded(inst: &Instruction, op: u32) -> Operand {
    match inst.op_kind(op) {
        OpKind::Register => register(inst.op_register(op)),
        OpKind::Immediate8 => Operand::Immediate(inst.immediate8()),
        OpKind::Memory if inst.memory_base() == Register::RIP => {
            // The displacement is zero, from the end of the displacement on.
            assert_eq!(inst.memory_displacement64(), inst.next_ip());
            Operand::Relative
        }
        OpKind::Memory => Operand::Memory {
            base: inst.memory_base().number() as u8,
            index: (inst.memory_index() != Register::None)
                .then(|| (inst.memory_index().number() as u8, inst.memory_index_scale().trailing_zeros() as u8)),
            displacement: inst.memory_displacement64() as i64,
        },
        kind => panic!("{kind:?}"),
    }
}

/// The length in bytes of a register that stands for the memory operand.
fn rm_bytes(inst: &VexInst) -> u32 {
    let full = inst.len.bytes();
    match inst.op.row().tuple {
        Tuple::Full | Tuple::FullMem => full,
        _ if inst.op.row().shape == Shape::Kr => full,
        Tuple::Half | Tuple::HalfMem => (full / 2).max(16),
        Tuple::Mem256 => 32,
        _ => 16,
    }
}

fn expected(inst: &VexInst) -> Vec<Operand> {
    use Operand::{General, Immediate, Mask, Vector};
    let bytes = inst.len.bytes();
    let reg = Vector(bytes, inst.reg);
    let vvvv = Vector(bytes, inst.vvvv);
    let general = |bytes: u32| match inst.rm {
        Rm::Reg(number) => General(bytes, number),
        _ => panic!("memory"),
    };
    let mask = || match inst.rm {
        Rm::Reg(number) => Mask(number),
        _ => memory(inst.rm),
    };
    let rm = match inst.rm {
        Rm::Reg(number) => Vector(rm_bytes(inst), number),
        memory_operand => memory(memory_operand),
    };
    let imm = Immediate(inst.imm);
    match inst.op.row().shape {
        Shape::Rvm => vec![reg, vvvv, rm],
        Shape::Rvmi => vec![reg, vvvv, rm, imm],
        Shape::Rvmr => vec![reg, vvvv, rm, Vector(bytes, inst.imm)],
        Shape::Rm => vec![reg, rm],
        Shape::Narrow => vec![Vector((bytes / 2).max(16), inst.reg), rm],
        Shape::Rmi => vec![reg, rm, imm],
        Shape::Mr => vec![rm, reg],
        Shape::Mri => vec![rm, reg, imm],
        Shape::Vmi(_) => vec![vvvv, rm, imm],
        Shape::Kvm => vec![Mask(inst.reg), vvvv, rm],
        Shape::Kvmi => vec![Mask(inst.reg), vvvv, rm, imm],
        Shape::Kmi => vec![Mask(inst.reg), rm, imm],
        Shape::Kkk => vec![Mask(inst.reg), Mask(inst.vvvv), mask()],
        Shape::Kk => vec![Mask(inst.reg), mask()],
        Shape::Mk => vec![mask(), Mask(inst.reg)],
        Shape::Kg => vec![Mask(inst.reg), general(4)],
        Shape::Gk => vec![General(4, inst.reg), mask()],
        Shape::Rk => vec![reg, mask()],
        Shape::Kr => vec![Mask(inst.reg), rm],
        Shape::Rg => vec![reg, general(8)],
        Shape::Gr => vec![general(8), reg],
        Shape::Gm => vec![General(4, inst.reg), Vector(bytes, rm_number(inst.rm))],
        Shape::Gather => {
            // Lanes of four bytes are half as many bytes as their 64-bit indices.
            let bytes = if inst.op == V::Vgatherqpd { bytes } else { bytes / 2 };
            let mut operands = vec![Vector(bytes, inst.reg), rm];
            if !inst.is_evex() {
                operands.push(Vector(bytes, inst.vvvv));
            }
            operands
        }
        Shape::Nothing => vec![],
    }
}

fn rm_number(rm: Rm) -> u8 {
    match rm {
        Rm::Reg(number) => number,
        _ => panic!("memory"),
    }
}

fn memory(rm: Rm) -> Operand {
    match rm {
        Rm::Mem { base, index, disp } => Operand::Memory { base, index, displacement: i64::from(disp) },
        Rm::Pool => Operand::Relative,
        Rm::Reg(_) => panic!("a register"),
    }
}

#[track_caller]
fn check(inst: &VexInst) {
    let bytes = inst.encode();
    let mut decoder = Decoder::new(64, bytes.as_slice(), DecoderOptions::NONE);
    decoder.set_ip(0x1000);
    let got = decoder.decode();
    assert!(!got.is_invalid(), "{inst:?}: {:02x?}", bytes.as_slice());
    assert_eq!(got.len(), bytes.as_slice().len(), "{inst:?}: {:02x?}", bytes.as_slice());
    assert_eq!(format!("{:?}", got.mnemonic()), name(inst.op), "{inst:?}");
    let operands: Vec<Operand> = (0..got.op_count()).map(|op| decoded(&got, op)).collect();
    assert_eq!(operands, expected(inst), "{inst:?}: {:02x?}", bytes.as_slice());
    let mask = if got.op_mask() == Register::None { 0 } else { got.op_mask().number() as u8 };
    assert_eq!(mask, inst.mask, "{inst:?}");
    assert_eq!(got.zeroing_masking(), inst.zero, "{inst:?}");
    assert_eq!(got.is_broadcast(), inst.broadcast, "{inst:?}");
}

/// How many registers the fields can name in the forms that the row has at this length.
fn registers(op: V, len: Len) -> u8 {
    if op.row().evex.is_some() || len == Len::L512 { 32 } else { 16 }
}

/// Whether the row has a form in which the memory operand is a register of the class that its shape says.
fn has_register_form(op: V) -> bool {
    let row = op.row();
    !matches!(op, V::Vmovsd | V::VmovsdStore | V::VmovssStore | V::VmovdStore)
        && !matches!(row.shape, Shape::Gather | Shape::Mk | Shape::Nothing)
}

fn has_memory_form(op: V) -> bool {
    op.row().tuple != Tuple::NoMem
}

/// The numbers that a field of the shape may hold.
fn limits(op: V, len: Len) -> (u8, u8, u8) {
    let vectors = registers(op, len);
    match op.row().shape {
        Shape::Kvm | Shape::Kvmi | Shape::Kmi | Shape::Kr => (8, vectors, vectors),
        Shape::Kkk | Shape::Kk | Shape::Mk => (8, 8, 8),
        Shape::Kg => (8, 1, 16),
        Shape::Gk => (16, 1, 8),
        Shape::Rk => (vectors, 1, 8),
        Shape::Rg | Shape::Gr => (vectors, 1, 16),
        Shape::Gm => (16, 1, 16),
        _ => (vectors, vectors, vectors),
    }
}

fn has_imm(shape: Shape) -> bool {
    matches!(shape, Shape::Rvmi | Shape::Rmi | Shape::Mri | Shape::Vmi(_) | Shape::Kvmi | Shape::Kmi | Shape::Rvmr)
}

fn of_len(op: V) -> impl Iterator<Item = Len> {
    LENS.into_iter().filter(move |len| op.row().lens >> *len as u8 & 1 != 0)
}

/// What the fields may hold that the shape uses, zero else.
fn base_inst(op: V, len: Len, reg: u8, vvvv: u8, rm: Rm) -> VexInst {
    let shape = op.row().shape;
    let mut inst = VexInst::new(op, len, reg, vvvv, rm);
    if has_imm(shape) {
        inst.imm = if shape == Shape::Rvmr { reg.wrapping_mul(7) % 16 } else { reg.wrapping_mul(37) };
    }
    if matches!(shape, Shape::Vmi(_)) {
        inst.reg = 0;
    }
    let uses_vvvv = matches!(
        shape,
        Shape::Rvm | Shape::Rvmi | Shape::Rvmr | Shape::Vmi(_) | Shape::Kvm | Shape::Kvmi | Shape::Kkk | Shape::Gather
    );
    if !uses_vvvv {
        inst.vvvv = 0;
    }
    inst
}

#[test]
fn registers_are_encoded() {
    for &op in V::ALL.iter().filter(|op| has_register_form(**op)) {
        for len in of_len(op) {
            let (regs, vvvvs, rms) = limits(op, len);
            for reg in 0..regs {
                for vvvv in 0..vvvvs {
                    for rm in [reg.wrapping_mul(3).wrapping_add(vvvv.wrapping_mul(5)) % rms, vvvv % rms] {
                        check(&base_inst(op, len, reg, vvvv, Rm::Reg(rm)));
                    }
                }
            }
            for rm in 0..rms {
                check(&base_inst(op, len, rm % regs, (rm + 1) % vvvvs, Rm::Reg(rm)));
            }
        }
    }
}

fn takes_mask(op: V) -> bool {
    let row = op.row();
    row.evex.is_some()
        && !matches!(row.tuple, Tuple::NoMem | Tuple::Byte)
        && !matches!(row.shape, Shape::Gather | Shape::Kr | Shape::Rk | Shape::Nothing)
        && !matches!(op, V::VmovdStore | V::VmovsdStore | V::VmovssStore | V::Vpsadbw)
}

#[test]
fn masks_are_encoded() {
    for &op in V::ALL.iter().filter(|op| takes_mask(**op)) {
        for len in of_len(op) {
            for mask in 1..8 {
                let shape = op.row().shape;
                let to_mask = matches!(shape, Shape::Kvm | Shape::Kvmi | Shape::Kmi);
                let to_memory = matches!(shape, Shape::Mr | Shape::Mri);
                let memory = Rm::Mem { base: 3, index: Some((9, 3)), disp: 64 };
                for rm in [Rm::Reg(mask * 4 + 1), memory] {
                    if rm != memory && !has_register_form(op) {
                        continue;
                    }
                    for zero in [false, true] {
                        if zero && (to_mask || (to_memory && rm == memory)) {
                            continue;
                        }
                        let reg = if to_mask { mask } else { mask + 8 };
                        check(&VexInst { mask, zero, ..base_inst(op, len, reg, 30 - mask, rm) });
                    }
                }
            }
        }
    }
}

#[test]
fn memory_operands_are_encoded() {
    for &op in V::ALL.iter().filter(|op| has_memory_form(**op) && op.row().shape != Shape::Gather) {
        for len in of_len(op) {
            let (regs, vvvvs, _) = limits(op, len);
            let row = op.row();
            let broadcasts = row.evex.is_some() && matches!(row.tuple, Tuple::Full | Tuple::Half);
            for base in 0..16u8 {
                for index in 0..16u8 {
                    let index = (index != 4).then_some((index, (base + index) % 4));
                    for disp in DISPLACEMENTS {
                        let (reg, vvvv) = ((base * 2 + 1) % regs, (base + 14) % vvvvs);
                        let inst = base_inst(op, len, reg, vvvv, Rm::Mem { base, index, disp });
                        check(&inst);
                        check(&base_inst(op, len, reg % 16, vvvv % 16, inst.rm));
                        if broadcasts {
                            check(&VexInst { broadcast: true, ..inst });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn gathers_are_encoded() {
    for op in [V::Vgatherqpd, V::Vgatherqps, V::Vpgatherqd] {
        for len in of_len(op) {
            let evex_only = len == Len::L512;
            for base in 0..16 {
                for index in 0..32 {
                    for disp in DISPLACEMENTS {
                        let rm = Rm::Mem { base, index: Some((index, base % 4)), disp };
                        // The three registers must differ.
                        let (reg, mask) = ((index + 1) % 16, base % 7 + 1);
                        let evex = VexInst { mask, ..VexInst::new(op, len, reg + 16 * (base % 2), 0, rm) };
                        if index != evex.reg {
                            check(&evex);
                        }
                        if !evex_only && index < 16 {
                            check(&VexInst::new(op, len, reg, (index + 2) % 16, rm));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn places_in_the_pool_are_encoded() {
    for &op in V::ALL.iter().filter(|op| has_memory_form(**op) && op.row().shape != Shape::Gather) {
        if has_imm(op.row().shape) {
            continue;
        }
        for len in of_len(op) {
            let (regs, vvvvs, _) = limits(op, len);
            for reg in 0..regs {
                let inst = base_inst(op, len, reg, reg % vvvvs, Rm::Pool);
                check(&inst);
                let bytes = inst.encode();
                assert!(bytes.as_slice().ends_with(&[0, 0, 0, 0]), "{inst:?}");
            }
        }
    }
}

#[test]
fn upper_halves_are_cleared() {
    let inst = VexInst::new(V::Vzeroupper, Len::L128, 0, 0, Rm::Reg(0));
    assert_eq!(inst.encode().as_slice(), [0xC5, 0xF8, 0x77]);
    check(&inst);
}
