//! All that crosses crates is tested here, in one binary.
//!
//! | module | holds |
//! |---|---|
//! | `ops` | one file an operator: its cases, a plain f64 reference, tests; `benches` times the same cases |
//! | `check` | runs a case and compares it with its reference, output and gradients |
//! | `kernels` | every kernel of every case passes naga and stays within WebGPU's limits |
//! | `golden_recipe` | what torch and pycls make of a recipe's parts |
//! | `golden_optimizer` | ten steps of each optimizer as PyTorch and timm take them |
//! | `optimizer` | follows an optimizer step by step in f64 |
//! | `erasing` | what random erasing leaves of pictures on the device, by its statistics |
//! | `fuse` | training graphs whose batch norms are never written compute the same |
//! | `recompute` | activations that are computed again change no gradient |
//! | `inference` | fused networks compute what the unfused ones do |
//! | `device` | a device that is lost or too small is an error |
//! | `golden` | whole networks against PyTorch's numbers |
//! | `traffic` | the bytes that training steps move are no more than they were |
//! | `tidy` | the rules of the tree: one name in four places, the layers |

pub mod case;
mod check;
#[cfg(test)]
mod device;
#[cfg(test)]
mod erasing;
#[cfg(test)]
mod fuse;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_optimizer;
#[cfg(test)]
mod golden_recipe;
#[cfg(test)]
mod inference;
#[cfg(test)]
mod kernels;
pub mod ops;
#[cfg(test)]
mod optimizer;
#[cfg(test)]
mod recompute;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod traffic;

pub use case::{Case, Differences, EPOCH, Input, SEED, data_index};
pub use check::{HALF_TOLERANCE, TOLERANCE, check, check_all, gpu, random, write_randomness};
