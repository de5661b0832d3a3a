//! evalexpr: an interpreter of text.

use crate::peer::{Formula, Peer, Sum};
use evalexpr::{ContextWithMutableVariables, DefaultNumericTypes, HashMapContext, Value};

pub struct Evalexpr;

const S3: &str = "
d1 = (math::ln(s / k) + (r + sigma*sigma/2)*t) / (sigma*math::sqrt(t));
d2 = d1 - sigma*math::sqrt(t);
z1 = math::abs(d1) / math::sqrt(2);
t1 = 1 / (1 + 0.3275911 * z1);
e1 = 1 - ((((1.061405429*t1 - 1.453152027)*t1 + 1.421413741)*t1 - 0.284496736)*t1 + 0.254829592) * t1 * math::exp(-z1*z1);
z2 = math::abs(d2) / math::sqrt(2);
t2 = 1 / (1 + 0.3275911 * z2);
e2 = 1 - ((((1.061405429*t2 - 1.453152027)*t2 + 1.421413741)*t2 - 0.284496736)*t2 + 0.254829592) * t2 * math::exp(-z2*z2);
s*if(d1 < 0.0, 0.5 * (1 - e1), 0.5 * (1 + e1)) - k*math::exp(-r*t)*if(d2 < 0.0, 0.5 * (1 - e2), 0.5 * (1 + e2))";
const S4: &str = "if((a > 0.5 && b < 10.0) || c == 3.0, a*2 + b, c - a)";

impl Peer for Evalexpr {
    fn name(&self) -> &'static str {
        "evalexpr"
    }

    fn compile(&mut self, formula: &Formula) -> Option<Sum> {
        let text = match formula.title {
            "S3" => S3,
            "S4" => S4,
            _ => &*formula.text,
        };
        let tree = evalexpr::build_operator_tree::<DefaultNumericTypes>(text).ok()?;
        let mut context = HashMapContext::<DefaultNumericTypes>::new();
        let (names, assigns) = (formula.names, formula.title == "S3");
        Some(Box::new(move |columns| {
            let mut total = 0.0;
            for i in 0..columns[0].len() {
                for (name, column) in names.iter().zip(columns) {
                    _ = context.set_value((*name).to_owned(), Value::Float(column[i]));
                }
                let value = match assigns {
                    true => tree.eval_float_with_context_mut(&mut context),
                    false => tree.eval_float_with_context(&context),
                };
                total += value.unwrap_or(f64::NAN);
            }
            total
        }))
    }
}
