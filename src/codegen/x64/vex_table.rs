//! The vector instructions that the emitter uses, a row each.

use super::vex::{Map, Prefix, Row, Shape, Tuple};

macro_rules! rows {
    ($( $variant:ident $map:ident $prefix:ident $opcode:literal $vex:ident $evex:ident $lens:ident
        $shape:ident $(($extension:literal))? $tuple:ident; )*) => {
        /// A vector instruction; the variant is its mnemonic, with another word behind it where the mnemonic has several forms.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each is the instruction of its name")]
        pub enum V {
            $( $variant, )*
        }

        impl V {
            /// All of them.
            pub const ALL: &'static [V] = &[$(V::$variant),*];

            /// Its row.
            pub fn row(self) -> &'static Row {
                static ROWS: &[Row] = &[$(Row {
                    name: stringify!($variant),
                    map: Map::$map,
                    prefix: Prefix::$prefix,
                    opcode: $opcode,
                    vex: w(stringify!($vex)),
                    evex: w(stringify!($evex)),
                    shape: Shape::$shape $(($extension))?,
                    tuple: Tuple::$tuple,
                    lens: lens(stringify!($lens)),
                }),*];
                &ROWS[self as usize]
            }
        }
    };
}

/// `n` for no such form, else W.
const fn w(text: &str) -> Option<bool> {
    match text.as_bytes()[1] {
        b'0' => Some(false),
        b'1' => Some(true),
        _ => None,
    }
}

/// A bit each for the letters x, y and z.
const fn lens(text: &str) -> u8 {
    let bytes = text.as_bytes();
    let (mut bits, mut i) = (0, 0);
    while i < bytes.len() {
        bits |= 1 << (bytes[i] - b'x');
        i += 1;
    }
    bits
}

rows! {
    // Mnemonic, map, prefix, opcode, W as VEX, W as EVEX, lengths, operands, memory.
    Vaddpd M0F P66 0x58 v0 e1 xyz Rvm Full;
    Vsubpd M0F P66 0x5C v0 e1 xyz Rvm Full;
    Vmulpd M0F P66 0x59 v0 e1 xyz Rvm Full;
    Vdivpd M0F P66 0x5E v0 e1 xyz Rvm Full;
    Vminpd M0F P66 0x5D v0 e1 xyz Rvm Full;
    Vmaxpd M0F P66 0x5F v0 e1 xyz Rvm Full;
    Vandpd M0F P66 0x54 v0 e1 xyz Rvm Full;
    Vandnpd M0F P66 0x55 v0 e1 xyz Rvm Full;
    Vorpd M0F P66 0x56 v0 e1 xyz Rvm Full;
    Vxorpd M0F P66 0x57 v0 e1 xyz Rvm Full;
    Vsqrtpd M0F P66 0x51 v0 e1 xyz Rm Full;
    Vfmadd132pd M0F38 P66 0x98 v1 e1 xyz Rvm Full;
    Vfmadd213pd M0F38 P66 0xA8 v1 e1 xyz Rvm Full;
    Vfmadd231pd M0F38 P66 0xB8 v1 e1 xyz Rvm Full;
    Vfmsub132pd M0F38 P66 0x9A v1 e1 xyz Rvm Full;
    Vfmsub213pd M0F38 P66 0xAA v1 e1 xyz Rvm Full;
    Vfmsub231pd M0F38 P66 0xBA v1 e1 xyz Rvm Full;
    Vfnmadd132pd M0F38 P66 0x9C v1 e1 xyz Rvm Full;
    Vfnmadd213pd M0F38 P66 0xAC v1 e1 xyz Rvm Full;
    Vfnmadd231pd M0F38 P66 0xBC v1 e1 xyz Rvm Full;
    Vroundpd M0F3A P66 0x09 v0 en xy Rmi Full;
    Vrndscalepd M0F3A P66 0x09 vn e1 xyz Rmi Full;
    Vcmppd M0F P66 0xC2 v0 en xy Rvmi Full;
    Vblendvpd M0F3A P66 0x4B v0 en xy Rvmr Full;
    Vmovmskpd M0F P66 0x50 v0 en xy Gm NoMem;
    Vtestpd M0F38 P66 0x0F v0 en xy Rm Full;
    Vmovupd M0F P66 0x10 v0 e1 xyz Rm FullMem;
    VmovupdStore M0F P66 0x11 v0 e1 xyz Mr FullMem;
    Vmovapd M0F P66 0x28 v0 e1 xyz Rm FullMem;
    Vmovsd M0F PF2 0x10 v0 e1 x Rm Scalar;
    VmovsdStore M0F PF2 0x11 v0 e1 x Mr Scalar;
    VmovssStore M0F PF3 0x11 v0 e0 x Mr Scalar;
    VmovqFrom M0F P66 0x6E v1 e1 x Rg NoMem;
    VmovqTo M0F P66 0x7E v1 e1 x Gr NoMem;
    VmovdStore M0F P66 0x7E v0 e0 x Mr Scalar;
    Vbroadcastsd M0F38 P66 0x19 v0 e1 yz Rm Scalar;
    Vpbroadcastq M0F38 P66 0x59 v0 e1 xyz Rm Scalar;
    VpbroadcastqFrom M0F38 P66 0x7C vn e1 xyz Rg NoMem;
    Vcvtps2pd M0F NP 0x5A v0 e0 xyz Rm Half;
    Vcvtpd2ps M0F P66 0x5A v0 e1 xyz Narrow Full;
    Vcvtsd2ss M0F PF2 0x5A v0 e1 x Rvm Scalar;
    Vcvtss2sd M0F PF3 0x5A v0 e0 x Rvm Scalar;
    Vextracti128 M0F3A P66 0x39 v0 en y Mri Mem128;
    Vpermq M0F3A P66 0x00 v1 e1 yz Rmi Full;
    Vshufps M0F NP 0xC6 v0 e0 xyz Rvmi Full;

    Vpaddq M0F P66 0xD4 v0 e1 xyz Rvm Full;
    Vpsubq M0F P66 0xFB v0 e1 xyz Rvm Full;
    Vpaddb M0F P66 0xFC v0 e0 xyz Rvm FullMem;
    Vpand M0F P66 0xDB v0 en xy Rvm Full;
    Vpor M0F P66 0xEB v0 en xy Rvm Full;
    Vpxor M0F P66 0xEF v0 en xy Rvm Full;
    Vpcmpeqd M0F P66 0x76 v0 en xy Rvm Full;
    Vpcmpeqq M0F38 P66 0x29 v0 en xy Rvm Full;
    Vpcmpgtq M0F38 P66 0x37 v0 en xy Rvm Full;
    Vpmuludq M0F P66 0xF4 v0 e1 xyz Rvm Full;
    Vpshufd M0F P66 0x70 v0 e0 xyz Rmi Full;
    Vpshufb M0F38 P66 0x00 v0 e0 xyz Rvm FullMem;
    Vpsadbw M0F P66 0xF6 v0 e0 xyz Rvm FullMem;
    Vpsllvq M0F38 P66 0x47 v1 e1 xyz Rvm Full;
    Vpsrlvq M0F38 P66 0x45 v1 e1 xyz Rvm Full;
    Vpsravq M0F38 P66 0x46 vn e1 xyz Rvm Full;
    VpsllqI M0F P66 0x73 v0 e1 xyz Vmi(6) Full;
    VpsrlqI M0F P66 0x73 v0 e1 xyz Vmi(2) Full;
    VpsraqI M0F P66 0x72 vn e1 xyz Vmi(4) Full;
    VprolqI M0F P66 0x72 vn e1 xyz Vmi(1) Full;
    VprorqI M0F P66 0x72 vn e1 xyz Vmi(0) Full;
    Vpblendd M0F3A P66 0x02 v0 en xy Rvmi Full;
    Vpmuldq M0F38 P66 0x28 v0 e1 xyz Rvm Full;
    Vpmovsxdq M0F38 P66 0x25 v0 e0 xyz Rm HalfMem;
    Vpmovzxbq M0F38 P66 0x32 v0 e0 xyz Rm EighthMem;
    Vgatherqpd M0F38 P66 0x93 v1 e1 yz Gather Scalar;
    Vgatherqps M0F38 P66 0x93 v0 e0 yz Gather Scalar;
    Vpgatherqd M0F38 P66 0x91 v0 e0 yz Gather Scalar;
    Vzeroupper M0F NP 0x77 v0 en x Nothing NoMem;

    Vpandq M0F P66 0xDB vn e1 xyz Rvm Full;
    Vporq M0F P66 0xEB vn e1 xyz Rvm Full;
    Vpxorq M0F P66 0xEF vn e1 xyz Rvm Full;
    Vpmullq M0F38 P66 0x40 vn e1 xyz Rvm Full;
    Vpminsq M0F38 P66 0x39 vn e1 xyz Rvm Full;
    Vpmaxsq M0F38 P66 0x3D vn e1 xyz Rvm Full;
    Vprolvq M0F38 P66 0x15 vn e1 xyz Rvm Full;
    Vprorvq M0F38 P66 0x14 vn e1 xyz Rvm Full;
    Vplzcntq M0F38 P66 0x44 vn e1 xyz Rm Full;
    Vpternlogq M0F3A P66 0x25 vn e1 xyz Rvmi Full;
    Vcvtqq2pd M0F PF3 0xE6 vn e1 xyz Rm Full;
    Vcvttpd2qq M0F P66 0x7A vn e1 xyz Rm Full;
    Vrangepd M0F3A P66 0x50 vn e1 xyz Rvmi Full;
    Vpermpd M0F38 P66 0x16 vn e1 yz Rvm Full;
    Vpermi2pd M0F38 P66 0x77 vn e1 xyz Rvm Full;
    Vpermt2pd M0F38 P66 0x7F vn e1 xyz Rvm Full;
    VcmppdK M0F P66 0xC2 vn e1 xyz Kvmi Full;
    Vpcmpq M0F3A P66 0x1F vn e1 xyz Kvmi Full;
    Vptestmq M0F38 P66 0x27 vn e1 xyz Kvm Full;
    Vptestnmq M0F38 PF3 0x27 vn e1 xyz Kvm Full;
    Vfpclasspd M0F3A P66 0x66 vn e1 xyz Kmi Full;
    Vpmovqd M0F38 PF3 0x35 vn e0 xyz Mr HalfMem;
    Vpmovqb M0F38 PF3 0x32 vn e0 xyz Mr EighthMem;
    Vblendmpd M0F38 P66 0x65 vn e1 xyz Rvm Full;
    Vpmovm2q M0F38 PF3 0x38 vn e1 xyz Rk NoMem;
    Vpmovq2m M0F38 PF3 0x39 vn e1 xyz Kr NoMem;
    Kandb M0F P66 0x41 v0 en y Kkk NoMem;
    Kandnb M0F P66 0x42 v0 en y Kkk NoMem;
    Korb M0F P66 0x45 v0 en y Kkk NoMem;
    Kxnorb M0F P66 0x46 v0 en y Kkk NoMem;
    Kxorb M0F P66 0x47 v0 en y Kkk NoMem;
    Knotb M0F P66 0x44 v0 en x Kk NoMem;
    Kortestb M0F P66 0x98 v0 en x Kk NoMem;
    Kmovb M0F P66 0x90 v0 en x Kk Byte;
    KmovbStore M0F P66 0x91 v0 en x Mk Byte;
    KmovbKg M0F P66 0x92 v0 en x Kg NoMem;
    KmovbGk M0F P66 0x93 v0 en x Gk NoMem;
}
