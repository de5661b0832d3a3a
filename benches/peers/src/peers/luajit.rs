//! LuaJIT: text to bytecode, which it compiles where it gets hot; calls from a loop in Lua; arrays of C, unchecked, where there are arrays.

use crate::peer::{CHAINS, Formula, HOST_CALLS, Loop, Peer, Run, SIEVED, SUMMED, Sum, half, half_in_c, summed};
use mlua::{Function, LightUserData, Lua, Table};
use std::collections::HashMap;
use std::ffi::c_void;
use std::rc::Rc;

pub struct LuaJit {
    lua: Lua,
    /// The loops that call a function of so many inputs.
    sums: HashMap<usize, Rc<str>>,
}

impl LuaJit {
    pub fn new() -> LuaJit {
        // SAFETY: only the texts here run, which load no modules.
        let lua = unsafe { Lua::unsafe_new() };
        lua.load("exp, ln, sqrt, abs = math.exp, math.log, math.sqrt, math.abs").exec().expect("the names");
        let sums = (1..=5).map(|count| {
            let list = |item: &dyn Fn(usize) -> String| (1..=count).map(item).collect::<Vec<_>>().join(", ");
            let (columns, cells) = (list(&|i| format!("c{i}")), list(&|i| format!("c{i}[i]")));
            let names = list(&|i| format!("c[{i}]"));
            let sum = format!("local s = 0 for i = 1, #c1 do s = s + f({cells}) end return s");
            (count, format!("return function(f, c) local {columns} = {names} {sum} end").into())
        });
        LuaJit { sums: sums.collect(), lua }
    }

    fn callable(&self, formula: &Formula, function: impl Fn() -> Function + 'static) -> Sum {
        let (lua, sum) = (self.lua.clone(), self.sums[&formula.names.len()].clone());
        let mut ready: Option<Box<(Function, Function, Table)>> = None;
        Box::new(move |columns| {
            // A loop of its own, whose traces know this formula alone.
            let ready = ready.get_or_insert_with(|| {
                let table = lua.create_sequence_from(columns.to_vec()).expect("a table");
                Box::new((lua.load(&*sum).eval().expect("the loop"), function(), table))
            });
            ready.0.call::<f64>((&ready.1, &ready.2)).unwrap_or(f64::NAN)
        })
    }
}

const S3: &str = "
local exp, ln, sqrt, abs = exp, ln, sqrt, abs
local function cdf(x)
    local z = abs(x) / sqrt(2)
    local t = 1 / (1 + 0.3275911 * z)
    local erf = 1 - ((((1.061405429*t - 1.453152027)*t + 1.421413741)*t - 0.284496736)*t + 0.254829592) * t * exp(-z*z)
    if x < 0 then return 0.5 * (1 - erf) else return 0.5 * (1 + erf) end
end
return function(s, k, r, sigma, t)
    local d1 = (ln(s / k) + (r + sigma*sigma/2)*t) / (sigma*sqrt(t))
    local d2 = d1 - sigma*sqrt(t)
    return s*cdf(d1) - k*exp(-r*t)*cdf(d2)
end";
const S4: &str = "return function(a, b, c)
    if (a > 0.5 and b < 10) or c == 3 then return a*2 + b else return c - a end
end";

/// The formula as a chunk that gives a function.
fn text(formula: &Formula) -> String {
    match formula.title {
        "S3" => S3.to_owned(),
        "S4" => S4.to_owned(),
        _ => format!("return function({}) return {} end", formula.names.join(", "), formula.text),
    }
}

const LOOPS: &str = "
local ffi = require('ffi')
local loops = {}
function loops.l1(n)
    local total = 0
    for row = 0, n - 1 do
        for column = 0, n - 1 do
            local cx, cy = -2 + 3 * column / n, -1.5 + 3 * row / n
            local x, y, count = 0, 0, 0
            while count < 256 and x*x + y*y <= 4 do
                x, y = x*x - y*y + cx, 2*x*y + cy
                count = count + 1
            end
            total = total + count
        end
    end
    return total
end
function loops.l2(len, pointer)
    local xs, total = ffi.cast('const double *', pointer), 0
    for i = 0, len - 1 do total = total + xs[i] * xs[i] end
    return total
end
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
loops.l3 = fib
function loops.l4(len, pointer)
    local composite, count = ffi.cast('uint8_t *', pointer), 0
    for n = 2, len - 1 do
        if composite[n] == 0 then
            count = count + 1
            for multiple = n * n, len - 1, n do composite[multiple] = 1 end
        end
    end
    return count
end
function loops.l5(below)
    local best, best_start = 0, 0
    for start = 1, below - 1 do
        local n, steps = start, 0
        while n ~= 1 do
            if n % 2 == 0 then n = n / 2 else n = 3 * n + 1 end
            steps = steps + 1
        end
        if steps > best then best, best_start = steps, start end
    end
    return best_start
end
function loops.host(n, half)
    local s = 0
    for i = 1, n do s = half(s) + 1 end
    return s
end
function loops.pointer(n, pointer)
    local half, s = ffi.cast('double (*)(double)', pointer), 0
    for i = 1, n do s = half(s) + 1 end
    return s
end
function loops.none(n)
    local s = 0
    for i = 1, n do s = 0.5 * s + 1 end
    return s
end
return loops";

impl Peer for LuaJit {
    fn name(&self) -> &'static str {
        "LuaJIT"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let f: Function = self.lua.load(&*formula.text_for(self.name(), text)).eval().ok()?;
        Some(self.callable(formula, move || f.clone()))
    }

    fn compile_many(&mut self, formula: &Formula, count: usize) -> Vec<Sum> {
        // The host can hold some 8,000 values of Lua: a table holds the functions.
        let text = formula.text_for(self.name(), text);
        let functions = Rc::new(self.lua.create_table().expect("a table"));
        let compiled = (1..=count).map(|i| {
            let f: Function = self.lua.load(&*text).eval().ok()?;
            functions.raw_set(i, f).ok()?;
            let functions = functions.clone();
            Some(self.callable(formula, move || functions.raw_get(i).expect("the function")))
        });
        compiled.map_while(|sum| sum).collect()
    }

    fn program(&mut self, which: Loop) -> Option<Run> {
        let loops: Table = self.lua.load(LOOPS).eval().expect("the loops");
        let function = |name: &str| -> Function { loops.get(name).expect(name) };
        macro_rules! number {
            ($name:literal, $n:expr) => {{
                let f = function($name);
                Box::new(move || f.call::<f64>($n as f64).unwrap_or(f64::NAN))
            }};
        }
        Some(match which {
            Loop::L1 => number!("l1", 256),
            Loop::L3 => number!("l3", 32),
            Loop::L5 => number!("l5", CHAINS),
            Loop::NoHost => number!("none", HOST_CALLS),
            Loop::L2 => {
                let (f, xs) = (function("l2"), summed());
                let pointer = LightUserData(xs.as_ptr().cast_mut().cast());
                Box::new(move || {
                    let _alive = &xs;
                    f.call::<f64>((SUMMED, pointer)).unwrap_or(f64::NAN)
                })
            }
            Loop::L4 => {
                let (f, mut composite) = (function("l4"), vec![0u8; SIEVED]);
                Box::new(move || {
                    composite.fill(0);
                    f.call::<f64>((SIEVED, LightUserData(composite.as_mut_ptr().cast()))).unwrap_or(f64::NAN)
                })
            }
            Loop::Host => {
                let f = function("host");
                let half = self.lua.create_function(|_, x: f64| Ok(half(x))).ok()?;
                Box::new(move || f.call::<f64>((HOST_CALLS, &half)).unwrap_or(f64::NAN))
            }
            Loop::HostPointer => {
                let f = function("pointer");
                let pointer = LightUserData(half_in_c as *mut c_void);
                Box::new(move || f.call::<f64>((HOST_CALLS, pointer)).unwrap_or(f64::NAN))
            }
        })
    }
}
