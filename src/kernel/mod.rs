//! The same formula over the rows of columns.
//!
//! A [`Kernel`] is one or several texts whose free names are its inputs; binding columns and scalars types them, and makes a [`CompiledKernel`].
//! Rows are independent: fuel, memory and depth hold for each, a missing input makes its row's result missing and evaluates nothing in it, and a trap is
//! that of the lowest failing row.

mod bind;
mod columns;
mod compile;
mod mapped;
mod output;
#[cfg(feature = "rayon")]
mod parallel;
mod reduce;
mod run;

pub use columns::{Binding, Columns, InputType, Validity};
pub use output::{OutputColumn, Selection};
pub use reduce::Reduction;

use crate::engine::Engine;
use crate::error::Error;
use crate::memory::Gated;
use crate::memory::data::{AnyBits, DataMut};
use crate::runtime::fpenv::FpEnv;
use crate::sandbox::Sandbox;
use crate::signature::Element;
use crate::span::Span;
use crate::types::Type;
use crate::value::{Mapped, SliceMut, Value};
use compile::{Code, Formula, Typed};
use std::sync::{Arc, Mutex, PoisonError};

/// So many ways to type the inputs are remembered.
const REMEMBERED: usize = 16;

/// A formula, or several, to run over the rows of columns. Clones are the same kernel.
///
/// ```
/// # use cresset::{Engine, Reduction, columns};
/// let engine = Engine::new()?;
/// let (vx, vy) = (vec![3.0, 5.0, 8.0], vec![4.0, 12.0, 15.0]);
/// let rows = columns! { "vx" => &vx, "vy" => &vy };
/// let speed = engine.kernel("sqrt(vx^2 + vy^2)")?;
/// assert_eq!(speed.map::<f64>(&rows)?, [5.0, 13.0, 17.0]);
/// assert_eq!(speed.reduce(Reduction::Max, &rows)?, 17.0.into());
/// let fast = engine.kernel("sqrt(vx^2 + vy^2) > limit")?.filter(&rows.scalar("limit", 10.0))?;
/// assert_eq!(fast.rows().collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), cresset::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kernel {
    inner: Arc<KernelInner>,
}

#[derive(Debug)]
struct KernelInner {
    source: Arc<KernelSource>,
    compiled: Mutex<Vec<CompiledKernel>>,
}

/// What a kernel is made of, apart from what it remembers: what is compiled holds this and not the kernel, which holds it.
#[derive(Debug)]
struct KernelSource {
    engine: Engine,
    /// Those of the outputs; behind them the condition, if there is one.
    formulas: Vec<Formula>,
    is_filtered: bool,
    inputs: Vec<(String, Span)>,
}

/// A kernel whose inputs have types. Clones are the same.
#[derive(Clone, Debug)]
pub struct CompiledKernel {
    inner: Arc<CompiledInner>,
}

#[derive(Debug)]
struct CompiledInner {
    source: Arc<KernelSource>,
    types: Vec<InputType>,
    typed: Vec<Typed>,
    outputs: Vec<(String, Type)>,
    /// `None` where the interpreter runs it.
    code: Option<Code>,
}

impl Engine {
    /// A formula to run over the rows of columns: its free names are its inputs, typed by what is bound to them.
    ///
    /// # Errors
    /// [`Error::Source`] with the mistakes that can be told without the inputs' types.
    pub fn kernel(&self, text: &str) -> Result<Kernel, Error> {
        self.kernel_outputs(&[("", text)])
    }

    /// Several formulas over the same rows, each with a name; they share loads and work.
    ///
    /// # Errors
    /// As [`Engine::kernel`]; [`Error::Signature`] for no output or two of one name.
    ///
    /// ```
    /// # use cresset::{Engine, columns};
    /// let polar = Engine::new()?.kernel_outputs(&[("r", "hypot(x, y)"), ("far", "hypot(x, y) > 10")])?;
    /// let columns = polar.map_all(&columns! { "x" => &[3.0, 6.0], "y" => &[4.0, 8.5] })?;
    /// assert_eq!(columns[0].0, "r");
    /// assert_eq!(columns[1].1.data, cresset::Array::Bool(vec![false, true]));
    /// # Ok::<(), cresset::Error>(())
    /// ```
    pub fn kernel_outputs(&self, outputs: &[(&str, &str)]) -> Result<Kernel, Error> {
        if outputs.is_empty() {
            return Err(Error::Signature("a kernel needs an output".to_owned()));
        }
        let mut names = std::collections::HashSet::new();
        if let Some((twice, _)) = outputs.iter().find(|(name, _)| !names.insert(name)) {
            return Err(Error::Signature(format!("two outputs are named `{}`", crate::diagnostic::cut(twice))));
        }
        Kernel::new(self, outputs, false)
    }
}

impl Kernel {
    fn new(engine: &Engine, texts: &[(&str, &str)], is_filtered: bool) -> Result<Kernel, Error> {
        let mut inputs: Vec<(String, Span)> = Vec::new();
        let mut numbers = std::collections::HashMap::new();
        let mut formulas = Vec::with_capacity(texts.len());
        for &(name, text) in texts {
            let mut uses = Vec::new();
            for (free, span) in engine.inspect(text)?.free_names {
                uses.push(*numbers.entry(free.clone()).or_insert(inputs.len()));
                if numbers.len() > inputs.len() {
                    inputs.push((free, span));
                }
            }
            formulas.push(Formula { name: Arc::from(name), text: Arc::from(text), uses });
        }
        let source = Arc::new(KernelSource { engine: engine.clone(), formulas, is_filtered, inputs });
        Ok(Kernel { inner: Arc::new(KernelInner { source, compiled: Mutex::default() }) })
    }

    /// The same in the rows alone in which a condition holds: map, filter and reduce in one pass, without columns in between.
    ///
    /// Nothing of the formula is computed in the other rows, so it cannot trap there. [`map`](Kernel::map) gives the results of the rows in which it holds,
    /// one behind the other; in [`map_all`](Kernel::map_all) the other rows are missing; [`filter`](Kernel::filter) and [`reduce`](Kernel::reduce) leave
    /// them out.
    ///
    /// ```
    /// # use cresset::{Engine, Reduction, columns};
    /// let rows = columns! { "price" => &[2.0, 10.0, 5.0], "quantity" => &[3, 0, 4] };
    /// let spent = Engine::new()?.kernel("price * quantity")?.only_where("quantity > 0")?;
    /// assert_eq!(spent.reduce(Reduction::Sum, &rows)?, 26.0.into());
    /// assert_eq!(spent.reduce(Reduction::Count, &rows)?, 2.into());
    /// assert_eq!(spent.map::<f64>(&rows)?, [6.0, 20.0]);
    /// # Ok::<(), cresset::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Engine::kernel`], for the condition; [`Error::Signature`] where the kernel has one already. That it is a `bool` is checked when it is typed.
    pub fn only_where(&self, condition: &str) -> Result<Kernel, Error> {
        if self.inner.source.is_filtered {
            return Err(Error::Signature("the kernel has a condition: join the two with `and`".to_owned()));
        }
        let outputs = self.inner.source.formulas.iter().map(|formula| (&*formula.name, &*formula.text));
        let texts: Vec<(&str, &str)> = outputs.chain([("where", condition)]).collect();
        Kernel::new(&self.inner.source.engine, &texts, true)
    }

    /// Its free names, in the order of their first use, and where that is.
    pub fn inputs(&self) -> &[(String, Span)] {
        &self.inner.source.inputs
    }

    /// The text of an output, by its number; behind the last that of the condition.
    pub fn text(&self, output: usize) -> Option<&str> {
        self.inner.source.formulas.get(output).map(|formula| &*formula.text)
    }

    /// The kernel for inputs of these types; names that it does not use are allowed. It is remembered.
    ///
    /// # Errors
    /// [`Error::Source`] with the mistakes in the text, [`Error::Signature`] for an input without a type or an output that is no scalar,
    /// [`Error::Machine`] where memory for its code is refused.
    pub fn for_types(&self, types: &[(&str, InputType)]) -> Result<CompiledKernel, Error> {
        let types = bind::types(&self.inner.source.inputs, types)?;
        {
            let compiled = Gated::new(|| self.inner.compiled.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(known) = compiled.iter().find(|known| known.inner.types == types) {
                return Ok(known.clone());
            }
        }
        let new = CompiledKernel::new(self.inner.source.clone(), types)?;
        let mut compiled = Gated::new(|| self.inner.compiled.lock().unwrap_or_else(PoisonError::into_inner));
        if compiled.len() == REMEMBERED {
            compiled.remove(0);
        }
        compiled.push(new.clone());
        Ok(new)
    }

    /// The code for inputs of these types on any machine, whatever this one is: for tests of what makes and what reads code.
    ///
    /// # Errors
    /// As [`Kernel::for_types`].
    #[cfg(feature = "disasm")]
    #[doc(hidden)]
    pub fn code_for(
        &self,
        types: &[(&str, InputType)],
        cpu: crate::engine::Cpu,
    ) -> Result<crate::codegen::blob::CodeBlob, Error> {
        self.code_with_signatures_for(types, cpu).map(|(blob, _)| blob)
    }

    /// As [`Kernel::code_for`], with what its functions take and give.
    ///
    /// # Errors
    /// As [`Kernel::for_types`].
    #[cfg(feature = "disasm")]
    #[doc(hidden)]
    pub fn code_with_signatures_for(
        &self,
        types: &[(&str, InputType)],
        cpu: crate::engine::Cpu,
    ) -> Result<(crate::codegen::blob::CodeBlob, crate::runtime::program::Signatures), Error> {
        let _fp = FpEnv::canonical();
        let KernelSource { engine, formulas, is_filtered, inputs } = &*self.inner.source;
        let types = bind::types(inputs, types)?;
        let names: Vec<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
        let typed = compile::analyze(engine, formulas, *is_filtered, &names, &types)?;
        compile::blob(engine, formulas, *is_filtered, &typed, &types, cpu.target()?)
    }

    /// The kernel for what is bound here.
    ///
    /// # Errors
    /// As [`Kernel::for_types`].
    pub fn for_columns(&self, columns: &Columns<'_>) -> Result<CompiledKernel, Error> {
        let types: Vec<_> = columns.entries().map(|(name, binding)| (name, binding.input_type())).collect();
        self.for_types(&types)
    }

    /// Runs the only output over all rows, within the engine's limits for each row. An `i64` result may go to `f64`s.
    ///
    /// # Errors
    /// As [`Kernel::for_types`]; [`Error::Signature`] where columns or the result do not fit or a row is missing; [`Error::Trap`] with the lowest row that
    /// trapped.
    pub fn map<T: Element>(&self, columns: &Columns<'_>) -> Result<Vec<T>, Error> {
        self.for_columns(columns)?.map(columns)
    }

    /// As [`Kernel::map`], into a slice as long as the columns. After a trap the rows before it are written, the rest is unspecified.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_into<T: Element>(&self, columns: &Columns<'_>, out: &mut [T]) -> Result<(), Error> {
        self.for_columns(columns)?.map_into(columns, out)
    }

    /// As [`Kernel::map_into`], into a mapping: of a file perhaps, or of memory that processes share. Where a column maps the same bytes, it may be read
    /// before they are written or after.
    ///
    /// ```
    /// # use cresset::{DataMut, Engine, columns};
    /// let mut squares = DataMut::<f64>::shared(3)?;
    /// Engine::new()?.kernel("x * x")?.map_into_data(&columns! { "x" => &[1.0, 2.0, 3.0] }, &mut squares)?;
    /// assert_eq!(squares.to_vec()?, [1.0, 4.0, 9.0]);
    /// # Ok::<(), cresset::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Kernel::map`]; where a file may become shorter and [`Config::catch_faults`](crate::Config::catch_faults) is off.
    pub fn map_into_data<T: Element + AnyBits>(
        &self,
        columns: &Columns<'_>,
        out: &mut DataMut<T>,
    ) -> Result<(), Error> {
        self.for_columns(columns)?.map_into_data(columns, out)
    }

    /// Runs all outputs over all rows: each with its name, its values and which of them are missing.
    ///
    /// # Errors
    /// As [`Kernel::map`], missing rows apart.
    pub fn map_all(&self, columns: &Columns<'_>) -> Result<Vec<(String, OutputColumn)>, Error> {
        self.for_columns(columns)?.map_all(columns)
    }

    /// The rows in which the only output, a truth value, is true; missing rows are not.
    ///
    /// # Errors
    /// As [`Kernel::map`], missing rows apart.
    pub fn filter(&self, columns: &Columns<'_>) -> Result<Selection, Error> {
        self.for_columns(columns)?.filter(columns)
    }

    /// One value from the only output of all rows, missing ones left out.
    ///
    /// # Errors
    /// As [`Kernel::map`], missing rows apart; [`Error::Trap`] where the reduction itself traps.
    pub fn reduce(&self, reduction: Reduction, columns: &Columns<'_>) -> Result<Value, Error> {
        self.for_columns(columns)?.reduce(reduction, columns)
    }
}

impl CompiledKernel {
    fn new(source: Arc<KernelSource>, types: Vec<InputType>) -> Result<CompiledKernel, Error> {
        // Constants are folded with the same arithmetic as programs run with, whatever the host set.
        let _fp = FpEnv::canonical();
        let names: Vec<&str> = source.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let typed = compile::analyze(&source.engine, &source.formulas, source.is_filtered, &names, &types)?;
        let code = compile::generate(&source.engine, &source.formulas, source.is_filtered, &typed, &types)?;
        let output = |(formula, typed): (&Formula, &Typed)| (formula.name.to_string(), typed.result);
        let count = source.formulas.len() - usize::from(source.is_filtered);
        let outputs = source.formulas.iter().zip(&typed).take(count).map(output).collect();
        Ok(CompiledKernel { inner: Arc::new(CompiledInner { source, types, typed, outputs, code }) })
    }

    /// Its inputs and their types.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, InputType)> {
        let names = self.inner.source.inputs.iter().map(|(name, _)| name.as_str());
        names.zip(self.inner.types.iter().copied())
    }

    /// The outputs' names and types, each `f64`, `i64` or `bool`.
    pub fn output_types(&self) -> &[(String, Type)] {
        &self.inner.outputs
    }

    /// Whether it runs as machine code.
    pub fn is_jit(&self) -> bool {
        self.inner.code.is_some()
    }

    /// Whether several rows are done by each instruction.
    pub fn is_vectorized(&self) -> bool {
        self.why_scalar().is_none()
    }

    /// Why each row is done by itself, if it is.
    pub fn why_scalar(&self) -> Option<&str> {
        match &self.inner.code {
            None => Some("it runs by the interpreter"),
            Some(code) => code.vector.as_ref().err().map(String::as_str),
        }
    }

    fn sandbox(&self) -> Sandbox {
        Sandbox::new(self.inner.source.engine.shared().config.limits.clone())
    }

    /// As [`Kernel::map`].
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map<T: Element>(&self, columns: &Columns<'_>) -> Result<Vec<T>, Error> {
        self.map_in(&mut self.sandbox(), columns)
    }

    /// As [`Kernel::map`], in a sandbox: its limits hold for each row, its deadline for all.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_in<T: Element>(&self, sandbox: &mut Sandbox, columns: &Columns<'_>) -> Result<Vec<T>, Error> {
        if self.inner.source.is_filtered {
            let result = self.only_output()?;
            output::fits(result, T::ELEM)?;
            let bound = bind::bind(self, columns, None)?;
            return run::map_selected(self, sandbox, &bound, result);
        }
        let rows = bind::rows(columns)?;
        let mut out = Vec::new();
        out.try_reserve_exact(rows).map_err(|_| output::no_memory(rows))?;
        out.resize(rows, T::ZERO);
        self.map_into_in(sandbox, columns, &mut out)?;
        Ok(out)
    }

    /// As [`Kernel::map_into`].
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_into<T: Element>(&self, columns: &Columns<'_>, out: &mut [T]) -> Result<(), Error> {
        self.map_into_in(&mut self.sandbox(), columns, out)
    }

    /// As [`Kernel::map_into`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_into_in<T: Element>(
        &self,
        sandbox: &mut Sandbox,
        columns: &Columns<'_>,
        out: &mut [T],
    ) -> Result<(), Error> {
        self.map_slice_in(sandbox, columns, T::as_slice_mut(out))
    }

    /// As [`Kernel::map_into`], in a sandbox, into elements whose type is known only at run time.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_slice_in(&self, sandbox: &mut Sandbox, columns: &Columns<'_>, out: SliceMut<'_>) -> Result<(), Error> {
        let result = self.only_output()?;
        output::fits(result, out.elem())?;
        self.gives_every_row()?;
        let bound = bind::bind(self, columns, Some(out.len()))?;
        run::map_one(self, sandbox, &bound, result, out)
    }

    /// As [`Kernel::map_into_data`].
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_into_data<T: Element + AnyBits>(
        &self,
        columns: &Columns<'_>,
        out: &mut DataMut<T>,
    ) -> Result<(), Error> {
        self.map_into_data_in(&mut self.sandbox(), columns, out)
    }

    /// As [`Kernel::map_into_data`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::map`].
    pub fn map_into_data_in<T: Element + AnyBits>(
        &self,
        sandbox: &mut Sandbox,
        columns: &Columns<'_>,
        out: &mut DataMut<T>,
    ) -> Result<(), Error> {
        let result = self.only_output()?;
        output::fits(result, T::ELEM)?;
        self.gives_every_row()?;
        let bound = bind::bind(self, columns, Some(out.len()))?;
        let out = Mapped::of_mut(out);
        bind::lasts(self, out.view().can_lose_pages())?;
        mapped::map_mapped(self, sandbox, &bound, result, out)
    }

    /// As [`Kernel::map_all`].
    ///
    /// # Errors
    /// As [`Kernel::map_all`].
    pub fn map_all(&self, columns: &Columns<'_>) -> Result<Vec<(String, OutputColumn)>, Error> {
        self.map_all_in(&mut self.sandbox(), columns)
    }

    /// As [`Kernel::map_all`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::map_all`].
    pub fn map_all_in(
        &self,
        sandbox: &mut Sandbox,
        columns: &Columns<'_>,
    ) -> Result<Vec<(String, OutputColumn)>, Error> {
        let bound = bind::bind(self, columns, None)?;
        run::map_all(self, sandbox, &bound)
    }

    /// As [`Kernel::filter`].
    ///
    /// # Errors
    /// As [`Kernel::filter`].
    pub fn filter(&self, columns: &Columns<'_>) -> Result<Selection, Error> {
        self.filter_in(&mut self.sandbox(), columns)
    }

    /// As [`Kernel::filter`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::filter`].
    pub fn filter_in(&self, sandbox: &mut Sandbox, columns: &Columns<'_>) -> Result<Selection, Error> {
        self.is_filter()?;
        let bound = bind::bind(self, columns, None)?;
        run::filter(self, sandbox, &bound)
    }

    /// As [`Kernel::reduce`].
    ///
    /// # Errors
    /// As [`Kernel::reduce`].
    pub fn reduce(&self, reduction: Reduction, columns: &Columns<'_>) -> Result<Value, Error> {
        self.reduce_in(&mut self.sandbox(), reduction, columns)
    }

    /// As [`Kernel::reduce`], in a sandbox.
    ///
    /// # Errors
    /// As [`Kernel::reduce`].
    pub fn reduce_in(
        &self,
        sandbox: &mut Sandbox,
        reduction: Reduction,
        columns: &Columns<'_>,
    ) -> Result<Value, Error> {
        let fold = reduce::Fold::new(reduction, self.only_output()?)?;
        let bound = bind::bind(self, columns, None)?;
        run::reduce(self, sandbox, &bound, fold)
    }

    fn is_filter(&self) -> Result<(), Error> {
        match self.only_output()? {
            Type::Bool => Ok(()),
            ty => Err(Error::Signature(format!("a filter is a bool, this is {ty}"))),
        }
    }

    /// Refuses a kernel that leaves rows out, where there is no telling how many.
    fn gives_every_row(&self) -> Result<(), Error> {
        match self.inner.source.is_filtered {
            true => Err(Error::Signature("the kernel leaves rows out: use `map`, or `map_all`".to_owned())),
            false => Ok(()),
        }
    }

    /// The type of the only output.
    fn only_output(&self) -> Result<Type, Error> {
        match &self.inner.outputs[..] {
            [(_, ty)] => Ok(*ty),
            outputs => Err(Error::Signature(format!("the kernel has {} outputs: use `map_all`", outputs.len()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_remembers_goes_with_it() {
        let kernel = Engine::new().unwrap().kernel("x + x").unwrap();
        assert_eq!(kernel.map::<f64>(&crate::columns! { "x" => &[1.0] }).unwrap(), [2.0]);
        assert_eq!(kernel.map::<i64>(&crate::columns! { "x" => &[1_i64] }).unwrap(), [2]);
        let compiled = kernel.for_types(&[("x", InputType::Column(crate::Elem::F64))]).unwrap();
        let (whole, source) = (Arc::downgrade(&kernel.inner), Arc::downgrade(&kernel.inner.source));
        drop(kernel);
        assert!(whole.upgrade().is_none());
        drop(compiled);
        assert!(source.upgrade().is_none());
    }
}
