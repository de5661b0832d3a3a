//! The examples: their IR and their code for both machines.

use crate::{compare, listed};
use cresset::Cpu;
use cresset::listing::Stage;
use std::path::Path;

#[test]
fn examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "cresset") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            for (form, stage, cpu) in [
                ("ir", Stage::Ir, Cpu::X86_64V3),
                ("x86-64", Stage::Asm, Cpu::X86_64V3),
                ("aarch64", Stage::Asm, Cpu::AArch64),
            ] {
                compare("examples", &format!("{name}.{form}"), &listed(&text, &[], stage, cpu));
            }
            names.push(name);
        }
    }
    assert!(names.len() >= 16, "{names:?}");
}
