//! Where a network looks: class activation maps.
//!
//! [`Method::Cam`] weighs the last features by the classifier (<https://arxiv.org/abs/1512.04150>), [`Method::GradCam`]
//! the features of any layer by the mean gradient of a class's logit (<https://arxiv.org/abs/1610.02391>),
//! [`Method::GradCamPlusPlus`] by weighted positive gradients (<https://arxiv.org/abs/1710.11063>).

mod colour;
mod maps;
mod paint;

use triaxis_engine::{Gpu, Meaning, Plan, Shape, Value, gradients};
use triaxis_models::Model;

use crate::checkpoint::NamedTensor;
use crate::drawing::{Drawing, compiled, write};
use crate::error::{Error, Result};
use crate::features;
pub use colour::heat;
pub use paint::{grid, overlay, png};

/// How the features of a layer become a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// `Σ_k w[class, k] · A_k` of the last features: for networks that end in a mean and a linear layer. Numbers below
    /// 0 speak against the class.
    #[default]
    Cam,
    /// `max(0, Σ_k a_k · A_k)` with `a_k` the mean over the image of the logit's gradient by `A_k`.
    GradCam,
    /// As [`Method::GradCam`], with `a_k` the sum of the positive gradients g, each times
    /// `g² / (2·g² + g³ · Σ A_k)`: several places of one thing count alike.
    GradCamPlusPlus,
}

/// How an [`Explainer`] is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExplainOptions {
    /// How features become a map.
    pub method: Method,
    /// The layer whose features are taken, a name of [`features::layers`]; the last features where left out.
    pub layer: Option<String>,
}

/// Which classes are explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So many of the largest logits.
    Top(usize),
    /// These outputs, from 0.
    These(Vec<usize>),
}

/// What speaks for a class, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The network's output.
    pub class: usize,
    /// Rows and columns: those of the layer.
    pub sides: [usize; 2],
    /// A number a place, row by row.
    pub data: Vec<f32>,
}

/// What a network says of an image, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// A number a class.
    pub logits: Vec<f32>,
    /// A map for each class that was wanted, in that order.
    pub maps: Vec<Map>,
}

/// A network that explains its logits, an image at a time.
#[derive(Debug)]
pub struct Explainer {
    plan: Plan,
    images: Value,
    logits: Value,
    features: Value,
    by: By,
}

/// What weighs the features.
#[derive(Debug)]
enum By {
    /// The classifier's weight, `[classes, channels]`.
    Classifier(Vec<f32>),
    /// The gradient by the features, from a one at the class.
    Gradient {
        one_hot: Value,
        gradient: Value,
        method: Method,
    },
}

impl Explainer {
    /// Compiles `model` with `weights` under its own names, and the way back to the layer where the method needs it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a layer that is not there or has one pixel, or a network that [`Method::Cam`] cannot
    /// explain; [`Error::Mismatch`] for weights of another network; those of [`Plan::compile`].
    pub fn new(
        gpu: &Gpu,
        model: &dyn Model,
        weights: &[NamedTensor],
        options: &ExplainOptions,
    ) -> Result<Self> {
        let mut drawing = Drawing::of(model, 1)?;
        drawing.expect(model, weights)?;
        let head = Head::of(&drawing);
        let features = match (&options.layer, &head) {
            (Some(layer), _) => features::find(&drawing.graph, layer)?,
            (None, Some(head)) => head.features,
            (None, None) => {
                return Err(Error::config(
                    model.name(),
                    "it does not end in a mean and a linear layer, so no features are the last",
                    "Name a layer",
                ));
            }
        };
        let Shape([_, h, w, _]) = drawing.graph.shape(features);
        if h * w < 2 {
            return Err(Error::config(
                drawing.graph.name(features),
                "it has one pixel",
                "Name a layer whose output is an image",
            ));
        }
        let logits = drawing.logits;
        let mut kept = vec![logits, features];
        if options.method == Method::Cam {
            let by = By::Classifier(classifier(&drawing, head, features, weights)?);
            // Nothing goes back through the network, so what lies between image and features may be fused.
            let fused = drawing.fused(gpu, &kept, weights)?;
            return Ok(Self {
                plan: fused.plan,
                images: fused.images,
                logits: fused.kept[0],
                features: fused.kept[1],
                by,
            });
        }
        let g = &mut drawing.graph;
        let shape = g.shape(logits);
        let one_hot = g.input("one_hot", shape);
        let reached = gradients(g, logits, one_hot)?;
        let Some(gradient) = reached.get(features) else {
            return Err(Error::config(
                g.name(features),
                "the logits do not depend on it",
                "Name a layer on the way to the logits",
            ));
        };
        kept.push(gradient);
        let by = By::Gradient {
            one_hot,
            gradient,
            method: options.method,
        };
        let plan = compiled(gpu, &drawing.graph, &kept)?;
        write(&plan, weights)?;
        Ok(Self {
            plan,
            images: drawing.images,
            logits,
            features,
            by,
        })
    }

    /// Runs one image, `[r, r, 3]` and normalised, and explains the classes that are wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a class that the network does not have and for none at all, or the device's errors.
    pub fn explain(&mut self, image: &[f32], wanted: &Wanted) -> Result<Explanation> {
        self.plan.write(self.images, image)?;
        let Shape([.., count]) = self.plan.graph().shape(self.logits);
        if let Wanted::These(classes) = wanted
            && let Some(class) = classes.iter().find(|&&class| class >= count)
        {
            return Err(Error::config(
                format!("class {class}"),
                format!("the network tells {count} classes apart, the first is 0"),
                "Give one of them",
            ));
        }
        if *wanted == Wanted::Top(0) {
            return Err(Error::config(
                "--topk",
                "it is 0, and every map is of a class",
                "Give 1 or more",
            ));
        }
        self.plan.run()?;
        let logits = self.plan.read(self.logits)?;
        let classes = match wanted {
            Wanted::These(classes) => classes.clone(),
            Wanted::Top(most) => {
                let mut order: Vec<usize> = (0..count).collect();
                order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
                order.truncate(*most);
                order
            }
        };
        let maps = classes.into_iter().map(|class| self.map(class));
        Ok(Explanation {
            maps: maps.collect::<Result<_>>()?,
            logits,
        })
    }

    /// The map of one class for the image that was written last.
    fn map(&mut self, class: usize) -> Result<Map> {
        let Shape([_, h, w, c]) = self.plan.graph().shape(self.features);
        let data = match &self.by {
            By::Classifier(weight) => {
                let features = self.plan.read(self.features)?;
                let weights = weight[class * c..][..c].iter().map(|&w| f64::from(w));
                maps::sum(&features, &weights.collect::<Vec<f64>>())
            }
            &By::Gradient {
                one_hot,
                gradient,
                method,
            } => {
                let Shape([.., count]) = self.plan.graph().shape(self.logits);
                let mut hot = vec![0.0; count];
                hot[class] = 1.0;
                self.plan.write(one_hot, &hot)?;
                self.plan.run()?;
                let features = self.plan.read(self.features)?;
                let gradient = self.plan.read(gradient)?;
                let weights = match method {
                    Method::GradCamPlusPlus => maps::plus_plus(&features, &gradient, c),
                    Method::Cam | Method::GradCam => maps::mean(&gradient, c),
                };
                let mut map = maps::sum(&features, &weights);
                map.iter_mut().for_each(|x| *x = x.max(0.0));
                map
            }
        };
        Ok(Map {
            class,
            sides: [h, w],
            data,
        })
    }
}

/// A classifier that reads the mean of features.
struct Head {
    features: Value,
    /// The linear layer's weight.
    weight: Value,
}

impl Head {
    /// The head of a network that ends in mean, linear layer and perhaps a bias.
    fn of(drawing: &Drawing) -> Option<Self> {
        let g = &drawing.graph;
        let mut y = drawing.logits;
        if let (id, Meaning::Bias) = drawing.maker(y)? {
            y = g.node(id).inputs[0];
        }
        let (id, Meaning::Conv2d(conv)) = drawing.maker(y)? else {
            return None;
        };
        let [x, weight] = g.node(id).inputs[..] else {
            return None;
        };
        let (id, Meaning::GlobalAvgPool) = drawing.maker(x)? else {
            return None;
        };
        let Shape([kh, kw, ..]) = g.shape(weight);
        let linear = conv.groups == 1 && kh * kw == 1;
        linear.then_some(Self {
            features: g.node(id).inputs[0],
            weight,
        })
    }
}

/// The weight by which the classifier reads `features`.
fn classifier(
    drawing: &Drawing,
    head: Option<Head>,
    features: Value,
    weights: &[NamedTensor],
) -> Result<Vec<f32>> {
    let help = "Use Grad-CAM, which explains any layer";
    let Some(head) = head.filter(|head| head.features == features) else {
        return Err(Error::config(
            drawing.graph.name(features),
            "CAM explains features whose mean a linear layer reads, and these are others",
            help,
        ));
    };
    let name = drawing.graph.name(head.weight);
    let weight = weights.iter().find(|t| t.name == name);
    weight
        .map(|t| t.data.clone())
        .ok_or_else(|| Error::config(name, "it is computed, expected a parameter", help))
}
