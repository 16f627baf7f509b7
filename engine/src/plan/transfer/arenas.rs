//! Whole arenas: first numbers, files' tensors, copies on the device.

use super::pending::Pending;
use super::{pad, unpad};
use crate::plan::Plan;
use crate::plan::schedule::{Place, Region};
use crate::{Arena, DType, Error, Kind, Layout, Result, Shape, Value};

/// A tensor of an arena as files hold it: name, shape and numbers.
pub type Exported = (String, Vec<usize>, Vec<f32>);

/// Where a tensor lies in its arena.
#[derive(Debug, PartialEq)]
struct Located {
    name: String,
    shape: Shape,
    layout: Layout,
    /// In numbers.
    at: usize,
}

impl Located {
    /// As files hold it, of the arena's numbers.
    fn export(self, all: &[f32]) -> Exported {
        let Self {
            name,
            shape,
            layout,
            at,
        } = self;
        let numbers = unpad(shape, &all[at..at + shape.vec4s() * 4]);
        (
            name,
            layout.file_shape(shape),
            layout.to_file(shape, &numbers),
        )
    }
}

/// An arena's tensors on their way from the device.
#[derive(Debug)]
pub struct PendingArena {
    /// Its numbers; `None` where it has none.
    all: Option<Pending>,
    tensors: Vec<Located>,
}

impl PendingArena {
    /// The tensors if they have arrived, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Pending::poll`].
    pub fn poll(&mut self) -> Result<Option<Vec<Exported>>> {
        let all = match &mut self.all {
            Some(pending) => pending.poll()?,
            None => Some(Vec::new()),
        };
        let tensors = &mut self.tensors;
        Ok(all.map(|all| tensors.drain(..).map(|t| t.export(&all)).collect()))
    }

    /// Waits for them.
    ///
    /// # Errors
    ///
    /// As [`Pending::poll`].
    pub fn wait(self) -> Result<Vec<Exported>> {
        let all = self.all.map(Pending::wait).transpose()?.unwrap_or_default();
        let tensors = self.tensors.into_iter();
        Ok(tensors.map(|t| t.export(&all)).collect())
    }
}

impl Plan {
    /// Sets parameters, buffers and state to their first numbers, random ones keyed by (seed, name, index), and every
    /// arena of an optimizer or average to zero or to what [`crate::Graph::arena_from`] says.
    ///
    /// # Errors
    ///
    /// The device's errors.
    pub fn initialise(&self, seed: u64) -> Result<()> {
        for (place, bytes) in &self.schedule.buffers {
            let Place::Arena(arena) = place else { continue };
            let mut encoder = self
                .gpu
                .device()
                .create_command_encoder(&Default::default());
            encoder.clear_buffer(&self.buffers[place], 0, Some(*bytes));
            self.gpu.queue().submit([encoder.finish()]);
            if let Some(&first) = self.graph.arena_firsts.get(arena) {
                self.fill(place, *bytes, first);
            }
        }
        for p in self.graph.parameters() {
            let shape = self.graph.shape(p.value);
            let count = p.options.layout.file_count(shape);
            let file = p.options.init.numbers(seed, &p.name, count);
            self.write(p.value, &p.options.layout.to_engine(shape, &file))?;
        }
        for b in self.graph.buffers() {
            let count = self.graph.shape(b.value).count();
            self.write(b.value, &b.init.numbers(seed, &b.name, count))?;
        }
        for value in self.graph.values() {
            if let Kind::State(first) = *self.graph.kind(value) {
                self.write(value, &vec![first; self.graph.shape(value).count()])?;
            }
        }
        self.gpu.check()
    }

    /// Writes one number all over a buffer, a piece at a time.
    fn fill(&self, place: &Place, bytes: u64, number: f32) {
        let piece = vec![number; (bytes as usize / 4).min(1 << 20)];
        for at in (0..bytes).step_by(piece.len() * 4) {
            let numbers = piece.len().min((bytes - at) as usize / 4);
            self.gpu.queue().write_buffer(
                &self.buffers[place],
                at,
                bytemuck::cast_slice(&piece[..numbers]),
            );
        }
    }

    /// Reads every tensor of an arena by name, in the files' order of numbers: `(name, shape in files, numbers)`.
    /// [`Arena::Parameters`] and [`Arena::Buffers`] are the weights; the others go with them.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] where the plan has no such arena, or the device's errors.
    pub fn export(&self, arena: &Arena) -> Result<Vec<Exported>> {
        self.export_later(arena)?.wait()
    }

    /// Asks for an arena's tensors as they are after the runs submitted so far, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Plan::export`].
    pub fn export_later(&self, arena: &Arena) -> Result<PendingArena> {
        let place = Place::Arena(arena.clone());
        let tensors = self.tensors(arena);
        let buffers = &self.schedule.buffers;
        let all = match buffers.iter().find(|(p, _)| *p == place) {
            Some(&(_, bytes)) => {
                let shape = Shape::vector(bytes as usize / 4);
                let bytes = 0..bytes;
                Some(self.pending(&Region { place, bytes }, shape, DType::F32)?)
            }
            None if tensors.is_empty() => None,
            None => return Err(Error::NotKept(format!("{arena:?}"))),
        };
        Ok(PendingArena { all, tensors })
    }

    /// Writes one tensor of an arena, in the files' order of numbers. `Ok(false)` where the arena has no such name.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of numbers, [`Error::NotKept`] where the plan has no such arena.
    pub fn import(&self, arena: &Arena, name: &str, numbers: &[f32]) -> Result<bool> {
        let Some(tensor) = self.tensors(arena).into_iter().find(|t| t.name == name) else {
            return Ok(false);
        };
        let Located {
            shape, layout, at, ..
        } = tensor;
        let expected = layout.file_count(shape);
        if numbers.len() != expected {
            return Err(Error::Length {
                name: name.into(),
                shape,
                expected,
                got: numbers.len(),
            });
        }
        let place = Place::Arena(arena.clone());
        if !self.buffers.contains_key(&place) {
            return Err(Error::NotKept(format!("{arena:?} {name}")));
        }
        let padded = pad(shape, &layout.to_engine(shape, numbers));
        for buffer in self.buffers_of(&place) {
            self.gpu
                .queue()
                .write_buffer(buffer, at as u64 * 4, bytemuck::cast_slice(&padded));
        }
        Ok(true)
    }

    /// Copies an arena of another plan with the same parameters into one of this plan, on the device.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] where the two differ in their tensors.
    pub fn copy_arena(&self, to: &Arena, other: &Self, from: &Arena) -> Result<()> {
        let (mine, theirs) = (self.tensors(to), other.tensors(from));
        let same = |(a, b): (&Located, &Located)| {
            a.name == b.name && a.shape == b.shape && a.layout == b.layout
        };
        if mine.len() != theirs.len() || !mine.iter().zip(&theirs).all(same) {
            return Err(Error::Graph(
                "weights can only be copied between plans of the same network".into(),
            ));
        }
        // What is frozen or does not decay may lie elsewhere in the other plan.
        let pieces: Vec<[u64; 3]> = match mine == theirs {
            true => Vec::new(),
            false => mine
                .iter()
                .zip(&theirs)
                .map(|(a, b)| [a.at, b.at, a.shape.vec4s() * 4].map(|numbers| numbers as u64 * 4))
                .collect(),
        };
        let (to, from) = (Place::Arena(to.clone()), Place::Arena(from.clone()));
        let (true, Some(source)) = (self.buffers.contains_key(&to), other.buffers.get(&from))
        else {
            return if mine.is_empty() {
                Ok(())
            } else {
                Err(Error::NotKept(format!("{from:?}")))
            };
        };
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        for target in self.buffers_of(&to) {
            if pieces.is_empty() {
                let bytes = Some(source.size().min(target.size()));
                encoder.copy_buffer_to_buffer(source, 0, target, 0, bytes);
            }
            for [to, from, bytes] in pieces.iter().copied() {
                encoder.copy_buffer_to_buffer(source, from, target, to, Some(bytes));
            }
        }
        self.gpu.queue().submit([encoder.finish()]);
        self.gpu.check()
    }

    /// An arena's tensors.
    fn tensors(&self, arena: &Arena) -> Vec<Located> {
        let graph = &self.graph;
        let located = |(name, value, layout, at): (&String, Value, Layout, usize)| Located {
            name: name.clone(),
            shape: graph.shape(value),
            layout,
            at,
        };
        match arena {
            Arena::Parameters | Arena::Gradients | Arena::OfParameters(_) => {
                let offsets = graph.parameter_offsets().0;
                let each = graph.parameters().iter().zip(offsets);
                each.map(|(p, at)| located((&p.name, p.value, p.options.layout, at)))
                    .collect()
            }
            Arena::Buffers | Arena::OfBuffers(_) => {
                let offsets = graph.buffer_offsets().0;
                let each = graph.buffers().iter().zip(offsets);
                each.map(|(b, at)| located((&b.name, b.value, Layout::Vector, at)))
                    .collect()
            }
        }
    }
}
