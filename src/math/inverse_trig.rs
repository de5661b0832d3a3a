//! Arcsine, arccosine, arctangent and the angle of a point.

use super::dd::{fast_two_sum, horner};
use super::real::{Int, Mask, Real};
use super::table::TableId;
use super::trig_reduce::ROUND;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// What the nearest number to pi lacks.
const PI_LO: f64 = 1.2246467991473532e-16;

/// `(asin(s) - s) / s^3` in powers of s^2 up to 1/2: minimax, relative error of the arcsine 2^-59.
const ASIN: [f64; 13] = [
    0.1666666666666676,
    0.07499999999970802,
    0.04464285717460893,
    0.030381942707933436,
    0.022372214983212377,
    0.01735161209601838,
    0.013980819542355553,
    0.011398920469235775,
    0.01078020704011515,
    0.003706578394947603,
    0.02170704361685489,
    -0.02099850558136018,
    0.032628284281330674,
];

/// `(atan(t) - t) / t^3` in powers of t^2 up to 1/32: minimax, relative error of the arctangent 2^-62.
const ATAN: [f64; 4] = [-0.3333333333333276, 0.1999999999426767, -0.14285696557302088, 0.11089498238516035];

/// The angle of the point `(16, k)`, k = 0..16, then of the point `(k, 16)`, of `(-16, k)` and of `(-k, 16)`, 32 places apart.
#[rustfmt::skip]
pub(super) static ATAN_HI: [f64; 128] = [
    0.0, 0.06241880999595735, 0.12435499454676144, 0.18534794999569476,
    0.24497866312686414, 0.3028848683749714, 0.35877067027057225, 0.4124104415973873,
    0.4636476090008061, 0.5123894603107377, 0.5585993153435624, 0.6022873461349642,
    0.6435011087932844, 0.6823165548747481, 0.7188299996216245, 0.7531512809621944,
    FRAC_PI_4, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    FRAC_PI_2, 1.5083775167989393, 1.446441332248135, 1.3854483767992019,
    1.3258176636680326, 1.2679114584199251, 1.2120256565243244, 1.1583858851975093,
    1.1071487177940904, 1.0584068664841588, 1.0121970114513341, 0.9685089806599324,
    0.9272952180016122, 0.8884797719201485, 0.8519663271732721, 0.8176450458327023,
    FRAC_PI_4, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    PI, 3.079173843593836, 3.017237659043032, 2.9562447035940984,
    2.896613990462929, 2.838707785214822, 2.782821983319221, 2.729182211992406,
    2.677945044588987, 2.6292031932790554, 2.5829933382462307, 2.539305307454829,
    2.498091544796509, 2.459276098715045, 2.4227626539681686, 2.388441372627599,
    2.356194490192345, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    FRAC_PI_2, 1.633215136790854, 1.695151321341658, 1.7561442767905915,
    1.8157749899217608, 1.873681195169868, 1.9295669970654687, 1.9832067683922838,
    2.0344439357957027, 2.0831857871056343, 2.129395642138459, 2.173083672929861,
    2.214297435588181, 2.2531128816696446, 2.289626326416521, 2.323947607757091,
    2.356194490192345, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
];

/// What [`ATAN_HI`] lacks.
#[rustfmt::skip]
pub(super) static ATAN_LO: [f64; 128] = [
    0.0, -1.5490756308295046e-18, -3.1253241424539383e-18, 4.180692268843079e-18,
    1.0698755618734451e-17, -1.1010827903001369e-17, -2.4623815582638635e-17, -1.587652227770689e-17,
    2.2698777452961687e-17, -2.5462781472855804e-17, -5.4556305485916264e-18, 2.950430737228402e-17,
    1.5834785051444286e-17, 6.943223671560008e-18, -2.1478388444456983e-17, -2.4256934659182068e-17,
    3.061616997868383e-17, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    6.123233995736766e-17, -6.6075234508751206e-18, 9.211323971545052e-17, 1.540496457266753e-18,
    -8.824429373951136e-17, 7.224316786036903e-17, 3.034500430874847e-17, 2.1597711003816724e-17,
    9.40447137356638e-17, 8.669512143022346e-17, 6.668797050595929e-17, 3.172803258508363e-17,
    4.5397554905923374e-17, 5.428911628580765e-17, -2.831157406069101e-17, -2.553302784596593e-17,
    3.061616997868383e-17, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    1.2246467991473532e-16, -1.6741978841853877e-16, -6.869902525221314e-17, 6.277283641463441e-17,
    1.950326511428876e-16, -8.856909710729462e-17, 9.157734426611613e-17, -1.3921455396384692e-16,
    1.5527705369303147e-16, 1.4792746138759113e-16, 1.2792031046332694e-16, 2.0398267500496694e-16,
    -4.392407599224622e-18, 1.155214562431753e-16, 1.439430683591923e-16, 3.569931211140173e-17,
    9.184850993605148e-17, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    6.123233995736766e-17, -9.297240155942088e-17, 3.0351440199284805e-17, -1.0112042146756275e-16,
    -1.133563127078463e-17, 5.022151205436629e-17, 9.211967560598685e-17, 1.0086696891091859e-16,
    2.841996617907152e-17, 3.5769558484511857e-17, 5.577670940877603e-17, -2.0285655132863968e-17,
    1.880894274713276e-16, 6.817556362892767e-17, 3.975395151291068e-17, 1.4799770776070126e-16,
    9.184850993605148e-17, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0,
];

/// A number in [0, 1] prepared for its arcsine: the arcsine of `s + s_lo` to twice the digits, where the arcsine itself is that
/// or, for arguments above a half, pi/2 less twice that. From there its square is `(1 - a) / 2`, exactly, so nothing is lost near 1.
struct Arc<R: Real> {
    /// Whether the argument is above a half.
    upper: R::Mask,
    s: R,
    /// The arcsine less `s`.
    low: R,
}

/// `a` is a magnitude; the result is NaN above 1.
#[inline(always)]
fn arc<R: Real>(a: R) -> Arc<R> {
    let lit = |v| a.lit(v);
    let upper = lit(0.5).lt(a);
    let half = a.fma(lit(-0.5), lit(0.5));
    let root = half.sqrt();
    // The least positive `root` is 2^-27; the summand only keeps 0 / 0 away.
    let root_lo = root.fnma(root, half).div(root.fma(lit(2.0), lit(1e-300)));
    let s = R::select(upper, root, a);
    let s_lo = R::select(upper, root_lo, lit(0.0));
    let z = R::select(upper, half, a.mul(a));
    Arc { upper, s, low: s.mul(z).fma(horner(z, &ASIN), s_lo) }
}

/// `base + factor * (arc.s + arc.low)`, NaN canonical; `base` is 0 or not less than the product.
#[inline(always)]
fn from_base<R: Real>(arc: &Arc<R>, base: R, base_lo: R, factor: R) -> R {
    let sum = fast_two_sum(base, factor.mul(arc.s));
    sum.hi.add(factor.fma(arc.low, base_lo).add(sum.lo))
}

/// The canonical NaN in place of any.
#[inline(always)]
fn canonical<R: Real>(x: R) -> R {
    R::select(x.is_nan(), x.lit(f64::NAN), x)
}

/// Arcsine. One polynomial up to a half; above it by `asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))` with the root to twice the digits,
/// as FreeBSD's msun divides it. Measured error at most 0.63 ULP.
#[inline(always)]
pub fn asin<R: Real>(x: R) -> R {
    let arc = arc(x.abs());
    let pick = |upper, lower| R::select(arc.upper, x.lit(upper), x.lit(lower));
    let magnitude = from_base(&arc, pick(FRAC_PI_2, 0.0), pick(PI_LO / 2.0, 0.0), pick(-2.0, 1.0));
    canonical(magnitude.copysign(x))
}

/// Arccosine. As [`asin`]: `pi/2 - asin(x)`, or `2 asin(sqrt((1 - x) / 2))` above a half, or pi less that of `-x`.
/// Measured error at most 0.60 ULP.
#[inline(always)]
pub fn acos<R: Real>(x: R) -> R {
    let arc = arc(x.abs());
    let negative = x.lt(x.lit(0.0));
    let pick = |negative_upper, positive_upper, lower| {
        let upper = R::select(negative, x.lit(negative_upper), x.lit(positive_upper));
        R::select(arc.upper, upper, x.lit(lower))
    };
    let base = pick(PI, 0.0, FRAC_PI_2);
    let base_lo = pick(PI_LO, 0.0, PI_LO / 2.0);
    let factor = R::select(arc.upper, x.lit(2.0), x.lit(-1.0));
    let factor = R::select(negative, factor.neg(), factor);
    canonical(from_base(&arc, base, base_lo, factor))
}

/// The angle of a point with coordinates of magnitudes `near <= far`, both 0 or between 2^-500 and 2^500, `far` not 0, by
/// `atan(near / far) = atan(c) + atan((near - c far) / (far + c near))`, c the nearest sixteenth to the quotient, the last quotient to
/// twice the digits. `octants` says which of four tables applies: 32 where the point is nearer to the vertical axis, plus 64
/// where it is left of it.
#[inline(always)]
fn angle<R: Real>(near: R, far: R, octants: R::Int) -> R {
    let lit = |v| near.lit(v);
    let rounded = near.div(far).fma(lit(16.0), lit(ROUND));
    let c = rounded.sub(lit(ROUND)).mul(lit(0.0625));
    // Exact: at most 53 bits remain.
    let above = c.fnma(far, near);
    let below = c.fma(near, far);
    let below_lo = c.fma(near, far.sub(below));
    let inverse = lit(1.0).div(below);
    let t = above.mul(inverse);
    let t_lo = t.fnma(below_lo, t.fnma(below, above)).mul(inverse);
    let z = t.mul(t);
    let t_lo = t.mul(z).fma(horner(z, &ATAN), t_lo);
    // In the second and third table the angle falls as the quotient grows.
    let sign = octants.shl(58).xor(octants.shl(57)).and(near.int(i64::MIN));
    let turned = |v: R| v.bits().xor(sign).from_bits();
    let index = rounded.bits().add(octants);
    let sum = fast_two_sum(index.lookup(TableId::AtanHi), turned(t));
    sum.hi.add(index.lookup(TableId::AtanLo).add(turned(t_lo)).add(sum.lo))
}

/// Arctangent, by a table of the arctangents of sixteenths (Gal and Bachelis 1991, though at even steps) and a short polynomial; of
/// `1 / x` above 1. Measured error at most 0.51 ULP.
#[inline(always)]
pub fn atan<R: Real>(x: R) -> R {
    let one = x.lit(1.0);
    let a = x.abs();
    let steep = one.lt(a);
    let limit = x.lit(1e30);
    let near = R::select(steep, one, a);
    let far = R::select(steep, R::select(a.lt(limit), a, limit), one);
    let octants = R::Int::select(steep, x.int(32), x.int(0));
    canonical(angle(near, far, octants).copysign(x))
}

/// The angle of the point `(x, y)`. As [`atan`], with the two coordinates for numerator and denominator; coordinates that are huge or
/// tiny are scaled first. Measured error at most 0.51 ULP.
#[inline(always)]
pub fn atan2<R: Real>(y: R, x: R) -> R {
    let (one, zero) = (x.lit(1.0), x.lit(0.0));
    let (ax, ay) = (x.abs(), y.abs());
    let steep = ax.lt(ay);
    let near = R::select(steep, ax, ay);
    let far = R::select(steep, ay, ax);
    let on_axis = near.eq(zero);
    let usual = far.le(x.lit(LARGE)).and(x.lit(1.0 / LARGE).le(near).or(on_axis));
    let octants = R::Int::select(steep, x.int(32), x.int(0)).add(x.bits().shr(63).shl(6));
    // On an axis the other coordinate does not matter, and may be 0 as well.
    let result = angle(near, R::select(on_axis, one, far), octants).copysign(y);
    R::rare(usual.not(), result, atan2_scaled, [y, x])
}

/// 2^500: coordinates up to it and down to its inverse need no scaling.
const LARGE: f64 = f64::from_bits((1023 + 500) << 52);

/// [`atan2`] where a coordinate is NaN, infinite, huge or tiny.
fn atan2_scaled([y, x]: [f64; 2]) -> f64 {
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let (ax, ay) = (x.abs(), y.abs());
    let steep = ax < ay;
    let (near, far) = if steep { (ax, ay) } else { (ay, ax) };
    let octants = if steep { 32 } else { 0 } + if x.is_sign_negative() { 64 } else { 0 };
    let magnitude = if near.is_infinite() {
        angle(1.0, 1.0, octants)
    } else if far.is_infinite() {
        angle(0.0, 1.0, octants)
    } else if near <= far * 1e-25 {
        // The cube of the quotient is nothing beside it, nor the quotient beside a right angle.
        if octants == 0 { near / far } else { angle(0.0, 1.0, octants) }
    } else {
        let scale = if far > 1.0 { 1.0 / LARGE } else { f64::from_bits((1023 + 600) << 52) };
        angle(near * scale, far * scale, octants)
    };
    magnitude.copysign(y)
}
