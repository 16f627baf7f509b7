//! Inference: pictures in, logits out.

use triaxis_engine::ops::Augment;
use triaxis_engine::{Gpu, Graph, InferenceOptions, Layout, NodeId, Plan, Precision, Value};

use super::kernels::Phase;
use super::measure::{Batch, measure, random_pictures};
use super::{Bench, Case, Row, Settings, told};
use crate::error::{Error, Result};
use crate::random::Stream;
use crate::trainer::draw::{self, DrawnInference};

/// The form of the graph that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As drawn: every operator a kernel, in f32.
    Unfused,
    /// As a [`crate::Classifier`] runs it: what surrounds convolutions is done in their kernels.
    Fused(Precision),
}

impl Form {
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Unfused => ["unfused", "f32"],
            Self::Fused(Precision::F32) => ["fused", "f32"],
            Self::Fused(Precision::F16) => ["fused", "f16"],
        }
    }

    fn precision(self) -> Precision {
        match self {
            Self::Unfused => Precision::F32,
            Self::Fused(precision) => precision,
        }
    }
}

/// Measures the inference of a batch of random pictures by random weights, from pictures on the host to logits on the
/// host. The device should be a fresh one, so that the first run is one.
///
/// # Errors
///
/// A lost device, logits that are not finite. A case that does not fit is a row that says so.
pub fn infer(
    gpu: &Gpu,
    bench: &Bench,
    settings: &Settings,
    case: &Case,
    form: Form,
) -> Result<Vec<Row>> {
    let [name, precision] = form.names();
    let begun = Row::begun("infer", case, name, precision);
    let measured = drawn(case, form).and_then(|drawn| {
        let weights = weights(&drawn.graph);
        measure(gpu, bench, settings, begun.clone(), || {
            Pictures::new(gpu, form, &drawn, &weights)
        })
    });
    told(bench, begun, measured)
}

/// The inference of this case, ready to run.
pub(super) fn pictures(gpu: &Gpu, case: &Case, form: Form) -> Result<impl Batch + use<>> {
    let drawn = drawn(case, form)?;
    Pictures::new(gpu, form, &drawn, &weights(&drawn.graph))
}

fn drawn(case: &Case, form: Form) -> Result<DrawnInference> {
    let options = InferenceOptions {
        precision: form.precision(),
    };
    let sizes = [case.batch, case.spec.resolution];
    let drawn = draw::inference(&case.spec, sizes, Augment::default(), &options)?;
    Ok(drawn)
}

/// Names and numbers.
type Tensors = Vec<(String, Vec<f32>)>;

struct Pictures {
    plan: Plan,
    pictures: Value,
    logits: Value,
    bytes: Vec<u8>,
    result: Vec<f32>,
}

impl Pictures {
    fn new(gpu: &Gpu, form: Form, drawn: &DrawnInference, weights: &Tensors) -> Result<Self> {
        let find = |name: &str| {
            let of_name = weights.iter().find(|(known, _)| known == name);
            of_name.map(|(_, numbers)| numbers.clone())
        };
        let (plan, pictures, logits) = match form {
            Form::Unfused => {
                let plan = Plan::compile(gpu, &drawn.graph, &[drawn.logits])?;
                for arena in [
                    triaxis_engine::Arena::Parameters,
                    triaxis_engine::Arena::Buffers,
                ] {
                    for (name, numbers) in weights {
                        plan.import(&arena, name, numbers)?;
                    }
                }
                (plan, drawn.pictures, drawn.logits)
            }
            Form::Fused(_) => {
                let fused = &drawn.fused;
                let plan = Plan::compile(gpu, &fused.graph, &fused.keep)?;
                fused.load(&plan, find)?;
                let Some(pictures) = fused.value(drawn.pictures) else {
                    return Err(Error::config(
                        "--model",
                        "the network reads no pictures",
                        "Give a network whose output depends on its input",
                    ));
                };
                (plan, pictures, fused.keep[0])
            }
        };
        Ok(Self {
            bytes: random_pictures(plan.graph().shape(pictures)),
            plan,
            pictures,
            logits,
            result: Vec::new(),
        })
    }
}

impl Batch for Pictures {
    fn plan(&mut self) -> &mut Plan {
        &mut self.plan
    }

    fn write(&mut self) -> Result<()> {
        Ok(self.plan.write_raw(self.pictures, &self.bytes)?)
    }

    fn finish(&mut self) -> Result<()> {
        self.result = self.plan.read(self.logits)?;
        Ok(())
    }

    fn not_finite(&self) -> Result<Option<&'static str>> {
        let finite = self.result.iter().all(|x| x.is_finite());
        Ok((!finite).then_some("the logits are"))
    }

    fn phase(&self, _: NodeId) -> Phase {
        Phase::Forward
    }
}

/// Factors and variances of 1, shifts and means of 0, and weights whose sums are about as large as what they read: any
/// depth stays finite, in f16 too.
fn weights(graph: &Graph) -> Tensors {
    let mut random = Stream::new(0, 0, 0, "weights");
    let parameters = graph.parameters().iter();
    let parameters = parameters.map(|p| (&p.name, p.value, p.options.layout));
    let buffers = graph.buffers().iter();
    let buffers = buffers.map(|b| (&b.name, b.value, Layout::Vector));
    let mut numbers = |(name, value, layout): (&String, Value, Layout)| {
        let shape = layout.file_shape(graph.shape(value));
        let count = shape.iter().product();
        let one = name.ends_with("weight") || name.ends_with("var");
        let numbers = match shape[..] {
            [_] => vec![if one { 1.0 } else { 0.0 }; count],
            _ => {
                let fan: usize = shape[1..].iter().product();
                let bound = (6.0 / fan.max(1) as f32).sqrt();
                (0..count).map(|_| random.range(-bound, bound)).collect()
            }
        };
        (name.clone(), numbers)
    };
    parameters.chain(buffers).map(&mut numbers).collect()
}
