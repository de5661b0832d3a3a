//! What this processor can.

use crate::codegen::{Arch, CpuFeatures};

/// The machine and the best level that code can be made for, if any.
pub fn detect() -> Option<(Arch, CpuFeatures)> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let v3 = has!("avx2") && has!("fma") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt");
        let v4 = v3 && has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw") && has!("avx512cd");
        if v4 {
            Some((Arch::X64, CpuFeatures::V4))
        } else if v3 {
            Some((Arch::X64, CpuFeatures::V3))
        } else {
            None
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        Some((Arch::A64, CpuFeatures::Neon))
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        None
    }
}
