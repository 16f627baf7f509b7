//! Which network to train on the adapter at hand: the least error predicted within limits of time, memory and size.
//!
//! A plan tells what a run asks of an adapter without running it ([`Demand`]): kernels, multiply-adds and bytes of each kind,
//! exact. A few runs tell what a unit of each takes there ([`Measured`], [`TimeModel`]); the time of any other network is
//! the sum. How networks err is a law through the papers' tables or through one's own trials ([`Accuracy`]). An
//! [`Advisor`] looks at the networks of the zoo and at those that families are scaled to ([`Line`]), and ranks what fits a
//! [`Budget`].

mod accuracy;
mod advisor;
mod budget;
mod candidate;
mod demand;
mod explain;
mod family;
mod measure;
mod measured;
mod runs;
mod time;

pub use accuracy::{Accuracy, Basis, Expected, Known, Length, PowerLaw, Tables, Trials};
pub use advisor::{Advisor, Evaluated, Ranking, Task};
pub use budget::{Budget, Cost, Quantity, Share};
pub use candidate::{Candidate, Line, Rule, published};
pub use demand::{Demand, Phase, schedule};
pub use explain::reason;
pub use family::Family;
pub use measure::{Meter, clock};
pub use measured::{Measured, Place};
pub use runs::{Run, Thoroughness, held_out, runs};
pub use time::{Misses, Point, TimeModel};
