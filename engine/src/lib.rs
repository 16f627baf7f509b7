//! Graphs, gradients, plans and operators on any GPU that speaks Vulkan, Metal or DX12.
//!
//! A [`Graph`] is a list of operators in running order. [`gradients`] extends it by the chain rule, an optimizer by
//! its update. [`Plan::compile`] turns it into buffers, pipelines and dispatches once; [`Plan::run`] replays them.
//!
//! ```
//! use triaxis_engine::{Graph, Gpu, Mode, Plan, ops};
//!
//! let gpu = Gpu::open(&Default::default())?;
//! let mut g = Graph::new(Mode::Evaluate);
//! let x = g.input("x", [1, 2, 2, 3]);
//! let y = ops::activation(&mut g, x, ops::Activation::Relu)?;
//! let mut plan = Plan::compile(&gpu, &g, &[y])?;
//! plan.write(x, &[-1., 2., -3., 4., -5., 6., -7., 8., -9., 10., -11., 12.])?;
//! plan.run()?;
//! assert_eq!(plan.read(y)?[..4], [0., 2., 0., 4.]);
//! # Ok::<(), triaxis_engine::Error>(())
//! ```
//!
//! The engine knows no network and no picture; nothing outside `gpu/` and `plan/` names wgpu.

mod bounds;
mod edges;
mod error;
mod gpu;
mod gradients;
mod graph;
mod inference;
mod launch;
mod layout;
mod limits;
mod meaning;
mod op;
pub mod ops;
pub mod philox;
mod plan;
mod shape;
mod variants;

pub use bounds::{BoundOptions, Bounds};
pub use edges::{ConvolutionKind, EdgeClass, StoredEdges, Way};
pub use error::{Error, Result};
pub use gpu::{AdapterInfo, Gpu, GpuOptions, MatrixUnits, adapters};
pub use gradients::{Gradients, gradients};
pub use graph::{
    Arena, Buffer, Complexity, Graph, Init, Kind, Mode, Node, NodeId, Parameter, ParameterOptions,
    ParameterRole, Randomness, Value,
};
pub use inference::{Fold, FoldStep, Inference, InferenceOptions, Precision};
pub use launch::{Binding, Dispatch, Kernel, LaunchContext, Slot, Slot::*};
pub use layout::Layout;
pub use limits::{AdapterKind, Limits, Matrices};
pub use meaning::Meaning;
pub use op::{Cost, Following, Halves, Op, Reading};
pub use plan::{
    Exported, Memory, NodeTraffic, Pending, PendingArena, Plan, Profile, ProfileRow, Schedule,
    Traffic, TrafficRow,
};
pub use shape::{DType, Shape};
pub use variants::{ShapeClass, Variant, VariantTable};
