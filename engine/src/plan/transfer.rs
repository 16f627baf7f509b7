//! Numbers to and from a plan's buffers.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use half::f16;

use super::Plan;
use super::schedule::{Place, Region};
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

/// Largest buffer that is kept for the next read, in bytes: a batch's logits, not an arena.
const KEPT: u64 = 1 << 20;

/// Buffers that earlier reads went through and later ones of the same size may.
#[derive(Clone, Debug, Default)]
pub(super) struct Staging(Arc<Mutex<Vec<wgpu::Buffer>>>);

impl Staging {
    fn take(&self, size: u64) -> Option<wgpu::Buffer> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|buffer| buffer.size() == size)?;
        Some(kept.swap_remove(at))
    }

    /// Keeps a buffer that is no longer mapped.
    fn give(&self, buffer: wgpu::Buffer) {
        if buffer.size() <= KEPT {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(buffer);
        }
    }
}

/// A value on its way from the device.
#[derive(Debug)]
pub struct Pending {
    staging: wgpu::Buffer,
    /// Where the buffer goes when it was read.
    kept: Staging,
    mapped: mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>,
    gpu: crate::Gpu,
    shape: Shape,
    dtype: DType,
}

impl Pending {
    /// The numbers if they have arrived, without waiting.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`], or what the driver reported.
    pub fn poll(&mut self) -> Result<Option<Vec<f32>>> {
        let polled = self.gpu.device().poll(wgpu::PollType::Poll);
        self.gpu.check()?;
        polled.map_err(|e| self.gpu.device_error(e.to_string()))?;
        match self.mapped.try_recv() {
            Ok(mapped) => self.take(mapped).map(Some),
            Err(mpsc::TryRecvError::Empty) => Ok(None),
            Err(mpsc::TryRecvError::Disconnected) => {
                Err(self.gpu.device_error("a read was dropped".into()))
            }
        }
    }

    /// Waits for the numbers.
    ///
    /// # Errors
    ///
    /// As [`Pending::poll`].
    pub fn wait(self) -> Result<Vec<f32>> {
        self.gpu.wait()?;
        let mapped = self
            .mapped
            .recv()
            .map_err(|_| self.gpu.device_error("a read was dropped".into()))?;
        self.take(mapped)
    }

    fn take(&self, mapped: Result<(), wgpu::BufferAsyncError>) -> Result<Vec<f32>> {
        let failed =
            |e: &dyn std::fmt::Display| self.gpu.device_error(format!("reading back failed: {e}"));
        mapped.map_err(|e| failed(&e))?;
        let view = self.staging.get_mapped_range(..).map_err(|e| failed(&e))?;
        let numbers = match self.dtype {
            DType::F16 => {
                let halves: &[u16] = bytemuck::cast_slice(&view);
                let wide: Vec<f32> = halves.iter().map(|&x| f16::from_bits(x).to_f32()).collect();
                unpad(self.shape, &wide)
            }
            _ => unpad(self.shape, bytemuck::cast_slice(&view)),
        };
        drop(view);
        self.staging.unmap();
        self.kept.give(self.staging.clone());
        Ok(numbers)
    }
}

impl Plan {
    /// Writes a value's numbers, `[n, h, w, c]` without padding. Ordered before the next run.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for another number of numbers.
    pub fn write(&self, value: Value, data: &[f32]) -> Result<()> {
        let shape = self.graph.shape(value);
        self.expect_length(value, shape.count(), data.len())?;
        let padded = pad(shape, data);
        if self.graph.dtype(value) == DType::F16 {
            let halves: Vec<u16> = padded.iter().map(|&x| f16::from_f32(x).to_bits()).collect();
            return self.write_raw(value, bytemuck::cast_slice(&halves));
        }
        self.write_raw(value, bytemuck::cast_slice(&padded))
    }

    /// Writes unsigned integers, `[n, h, w, c]` without padding.
    ///
    /// # Errors
    ///
    /// As [`Plan::write`].
    pub fn write_u32(&self, value: Value, data: &[u32]) -> Result<()> {
        let shape = self.graph.shape(value);
        self.expect_length(value, shape.count(), data.len())?;
        self.write_raw(value, bytemuck::cast_slice(&pad(shape, data)))
    }

    /// Writes a value's bytes as the device keeps them: the pixel stride is the channel count rounded up to 4.
    ///
    /// # Errors
    ///
    /// As [`Plan::write`].
    pub fn write_raw(&self, value: Value, bytes: &[u8]) -> Result<()> {
        let region = self.region(value)?;
        let expected = (region.bytes.end - region.bytes.start) as usize;
        self.expect_length(value, expected, bytes.len())?;
        for buffer in self.buffers_of(&region.place) {
            self.gpu
                .queue()
                .write_buffer(buffer, region.bytes.start, bytes);
        }
        Ok(())
    }

    /// Writes whole images of a value, as the device keeps them, from image `first` on. Ordered before the next run.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] for part of an image, or more than there are.
    pub fn write_images(&self, value: Value, first: usize, bytes: &[u8]) -> Result<()> {
        let region = self.region(value)?;
        let shape = self.graph.shape(value);
        let image = shape.with_n(1).vec4s() * self.graph.dtype(value).vec4_bytes();
        let left = shape.n().saturating_sub(first) * image;
        if image == 0 || !bytes.len().is_multiple_of(image) || bytes.len() > left {
            return self.expect_length(value, left, bytes.len().max(left + 1));
        }
        let at = region.bytes.start + (first * image) as u64;
        for buffer in self.buffers_of(&region.place) {
            self.gpu.queue().write_buffer(buffer, at, bytes);
        }
        Ok(())
    }

    /// What is written from outside where something is written there: of running statistics also what they are put back to.
    fn buffers_of<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a wgpu::Buffer> {
        let kept = (*place == Place::Arena(Arena::Buffers)).then_some(Place::Arena(Arena::KEPT));
        let own = self.buffers.get(place);
        own.into_iter()
            .chain(kept.and_then(|kept| self.buffers.get(&kept)))
    }

    /// Waits for all runs and reads a value, `[n, h, w, c]` without padding.
    ///
    /// # Errors
    ///
    /// [`Error::NotKept`] for a value that was not asked to be kept, or the device's errors.
    pub fn read(&self, value: Value) -> Result<Vec<f32>> {
        self.read_later(value)?.wait()
    }

    /// Asks for a value as it is after the runs submitted so far, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Plan::read`].
    pub fn read_later(&self, value: Value) -> Result<Pending> {
        let region = self.region(value)?.clone();
        Ok(self.pending(&region, self.graph.shape(value), self.graph.dtype(value)))
    }

    /// Waits and reads a value's memory as it is, padding included: for tests of the padding.
    ///
    /// # Errors
    ///
    /// As [`Plan::read`].
    pub fn read_padded(&self, value: Value) -> Result<Vec<f32>> {
        let region = self.region(value)?.clone();
        let dtype = self.graph.dtype(value);
        let vec4s = (region.bytes.end - region.bytes.start) as usize / dtype.vec4_bytes();
        self.pending(&region, Shape::vector(vec4s * 4), dtype)
            .wait()
    }

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
        let place = Place::Arena(arena.clone());
        let Some((_, bytes)) = self.schedule.buffers.iter().find(|(p, _)| *p == place) else {
            return if self.tensors(arena).is_empty() {
                Ok(Vec::new())
            } else {
                Err(Error::NotKept(format!("{arena:?}")))
            };
        };
        let all = self
            .pending(
                &Region {
                    place,
                    bytes: 0..*bytes,
                },
                Shape::vector(*bytes as usize / 4),
                DType::F32,
            )
            .wait()?;
        let tensor = |Located {
                          name,
                          shape,
                          layout,
                          at,
                      }: Located| {
            let numbers = unpad(shape, &all[at..at + shape.vec4s() * 4]);
            (
                name,
                layout.file_shape(shape),
                layout.to_file(shape, &numbers),
            )
        };
        Ok(self.tensors(arena).into_iter().map(tensor).collect())
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

    fn pending(&self, region: &Region, shape: Shape, dtype: DType) -> Pending {
        let size = region.bytes.end - region.bytes.start;
        let make = || {
            self.gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("read back"),
                size,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let staging = self.staging.take(size).unwrap_or_else(make);
        let mut encoder = self
            .gpu
            .device()
            .create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(
            &self.buffers[&region.place],
            region.bytes.start,
            &staging,
            0,
            Some(size),
        );
        self.gpu.queue().submit([encoder.finish()]);
        let (sender, mapped) = mpsc::channel();
        // The receiver may be gone by then: nobody wants the numbers any more.
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            drop(sender.send(result));
        });
        Pending {
            staging,
            kept: self.staging.clone(),
            mapped,
            gpu: self.gpu.clone(),
            shape,
            dtype,
        }
    }

    fn expect_length(&self, value: Value, expected: usize, got: usize) -> Result<()> {
        if expected == got {
            return Ok(());
        }
        Err(Error::Length {
            name: self.graph.name(value).into(),
            shape: self.graph.shape(value),
            expected,
            got,
        })
    }
}

/// The numbers with each pixel filled up to a multiple of four channels.
fn pad<T: Copy + Default>(shape: Shape, data: &[T]) -> Vec<T> {
    let (c, stride) = (shape.c(), shape.c4() * 4);
    let mut padded = vec![T::default(); shape.pixels() * stride];
    if c > 0 {
        padded
            .chunks_exact_mut(stride)
            .zip(data.chunks_exact(c))
            .for_each(|(to, from)| to[..c].copy_from_slice(from));
    }
    padded
}

fn unpad(shape: Shape, padded: &[f32]) -> Vec<f32> {
    let (c, stride) = (shape.c(), (shape.c4() * 4).max(1));
    padded
        .chunks_exact(stride)
        .take(shape.pixels())
        .flat_map(|pixel| &pixel[..c])
        .copied()
        .collect()
}
