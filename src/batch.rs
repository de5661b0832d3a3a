//! Compiling many programs at once: their code is collected and published together, in pages that they share.

use crate::engine::{Engine, Refusal};
use crate::error::Error;
use crate::module::{Body, Module, Text};
use crate::reuse::Keep;
use crate::runtime::program::{Pack, Program, Signatures};
use crate::sema::hir::Hir;
use crate::types::Type;
use std::sync::Arc;

/// A program whose code waits in the pack.
struct Waiting<'a> {
    /// Where its module belongs.
    index: usize,
    text: &'a str,
    inputs: &'a [(&'a str, Type)],
}

/// Programs that are being compiled together.
pub(crate) struct Batch<'a, 'e> {
    engine: &'e Engine,
    done: Vec<Option<Result<Module, Error>>>,
    pack: Option<Pack>,
    waiting: Vec<Waiting<'a>>,
    /// Those of the last program: neighbours are often of one shape.
    signatures: Option<Arc<Signatures>>,
}

impl<'a, 'e> Batch<'a, 'e> {
    /// An empty one, that about so many texts will be added to.
    pub fn new(engine: &'e Engine, expected: usize) -> Batch<'a, 'e> {
        // What an iterator expects is not to be trusted with memory.
        let done = Vec::with_capacity(expected.min(1 << 20));
        let pack = engine.inner.target.map(|(arch, _)| Pack::new(arch, engine.inner.config.verified_loops()));
        Batch { engine, done, pack, waiting: Vec::new(), signatures: None }
    }

    /// Compiles a text; its module is there when the batch is finished.
    pub fn add(&mut self, text: &'a str, inputs: &'a [(&'a str, Type)]) {
        let index = self.done.len();
        self.done.push(None);
        let outcome = self.engine.analyze(text, inputs).and_then(|hir| {
            let packed = self.pack(&hir);
            let Some(packed) = self.engine.unless_soft(packed)? else { return Ok(Some(Body::typed(hir))) };
            hir.keep();
            Ok(packed.map(Body::Code))
        });
        match outcome {
            Ok(Some(body)) => self.done[index] = Some(Ok(self.module(text, body))),
            Ok(None) => self.waiting.push(Waiting { index, text, inputs }),
            Err(error) => self.done[index] = Some(Err(error)),
        }
        if self.pack.as_ref().is_some_and(Pack::is_full) {
            self.publish();
        }
    }

    /// Adds a program's code to the pack, or publishes it by itself where it is large. Nothing where there is to be no machine code.
    fn pack(&mut self, hir: &Hir) -> Result<Option<Option<Arc<Program>>>, Refusal> {
        let Some((arch, blob)) = self.engine.generate(hir)? else { return Ok(None) };
        let signatures = match &self.signatures {
            Some(last) if last.are_of(hir) => last.clone(),
            _ => Arc::new(Signatures::of(hir)),
        };
        self.signatures = Some(signatures.clone());
        match &mut self.pack {
            Some(pack) if Pack::takes(&blob) => pack.add(blob, signatures)?,
            _ => {
                return self.engine.publish(hir, arch, blob, signatures).map(|program| Some(Some(program)));
            }
        }
        Ok(Some(None))
    }

    fn module(&self, text: &str, body: Body) -> Module {
        Module::new(&self.engine.inner, Text::alone(text), body)
    }

    fn publish(&mut self) {
        let Some(pack) = &mut self.pack else { return };
        let waiting = std::mem::take(&mut self.waiting);
        match pack.publish(&self.engine.inner.code) {
            Ok(programs) => {
                let texts = pieces(waiting.iter().map(|waiting| waiting.text));
                for ((Waiting { index, .. }, text), program) in waiting.iter().zip(texts).zip(programs) {
                    let body = Body::Code(Arc::new(program));
                    self.done[*index] = Some(Ok(Module::new(&self.engine.inner, text, body)));
                }
            }
            // One of them was; which, is told by compiling each by itself.
            Err(error) if error.is_rejected() => {
                for Waiting { index, text, inputs } in waiting {
                    self.done[index] = Some(self.engine.compile_with(text, inputs));
                }
            }
            Err(error) => {
                for Waiting { index, text, inputs } in waiting {
                    let refused = Err(Refusal::from(error.clone()));
                    let outcome = self.engine.unless_soft::<Body>(refused).and_then(|_| {
                        let hir = self.engine.analyze(text, inputs)?;
                        Ok(self.module(text, Body::typed(hir)))
                    });
                    self.done[index] = Some(outcome);
                }
            }
        }
    }

    /// The modules, in the order of their texts.
    pub fn finish(mut self) -> Vec<Result<Module, Error>> {
        self.publish();
        let lost = || Err(Error::Machine("internal error: a program without an outcome".to_owned()));
        self.done.into_iter().map(|outcome| outcome.unwrap_or_else(lost)).collect()
    }
}

/// Bytes of texts that share a piece of memory, but for the last of them. It is given back when no program of it lives, as a page of code is.
const PIECE: usize = 4 << 10;

/// Texts, packed into pieces.
fn pieces<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Text> {
    let mut packed = Vec::with_capacity(texts.size_hint().0);
    let mut piece = String::with_capacity(PIECE);
    // The places of those in the piece that is being filled.
    let mut places: Vec<(usize, usize)> = Vec::new();
    let mut close = |piece: &mut String, places: &mut Vec<(usize, usize)>| {
        let shared: Arc<str> = Arc::from(piece.as_str());
        packed.extend(places.drain(..).map(|(start, len)| Text::part(shared.clone(), start, len)));
        piece.clear();
    };
    for text in texts {
        places.push((piece.len(), text.len()));
        piece.push_str(text);
        if piece.len() >= PIECE {
            close(&mut piece, &mut places);
        }
    }
    close(&mut piece, &mut places);
    packed
}
