//! Times burn on the cases of `triaxis bench`, in its columns.
//!
//! A round is printed as a row and an empty line; a line on standard input asks for another, its end for the end.

mod measure;
mod net;
mod spec;

use std::io;
use std::time::Instant;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, SgdConfig};
use burn::prelude::*;
use burn::tensor::{DeviceConfig, DeviceKind, Distribution, FloatDType, Int};
use clap::{Parser, ValueEnum};

use measure::{Case, HEADER, round};
use net::Net;
use spec::Spec;

/// Times burn on the cases of `triaxis bench`.
#[derive(Parser)]
struct Options {
    /// What is timed: from pictures on the device to logits on the host, or to updated weights.
    #[arg(long, default_value = "train")]
    suite: Suite,
    /// A name of timm's.
    #[arg(long, default_value = "efficientnet_b0")]
    model: String,
    /// Side of the pictures, pixels; else the network's own.
    #[arg(long)]
    img_size: Option<usize>,
    /// Pictures of a run.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: u16,
    /// Of all numbers: burn has no mixed precision.
    #[arg(long, default_value = "f32")]
    precision: Precision,
    /// Runs of a round, after two that warm up.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// The first adapter of this kind, or wgpu's choice of a GPU.
    #[arg(long, default_value = "gpu")]
    kind: Kind,
    /// Print multiply-adds, parameters and activations, and end.
    #[arg(long)]
    count: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    Train,
    Infer,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Precision {
    F32,
    F16,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Cpu,
    Gpu,
}

fn main() {
    let options = Options::parse();
    let Some(mut spec) = Spec::named(&options.model) else {
        eprintln!("peer-burn: no network is called {:?}", options.model);
        std::process::exit(2);
    };
    spec.resolution = options.img_size.unwrap_or(spec.resolution);
    if options.count {
        let [multiply_adds, parameters, activations] = spec.complexity();
        println!(
            "{multiply_adds} multiply-adds, {parameters} parameters, {activations} activations"
        );
        return;
    }
    let begin = Instant::now();
    let device = device(&options);
    device.seed(1);
    let work: Box<dyn FnMut()> = match options.suite {
        Suite::Train => Box::new(step(&spec, &options, &device)),
        Suite::Infer => Box::new(inference(&spec, &options, &device)),
    };
    rounds(&spec, &options, &device, begin, work);
}

/// Opens the device, with numbers of the precision.
fn device(options: &Options) -> Device {
    let kind = match options.kind {
        Kind::Cpu => DeviceKind::Cpu,
        Kind::Gpu => DeviceKind::DefaultDevice,
    };
    #[cfg(feature = "vulkan")]
    let mut device = Device::vulkan(kind);
    #[cfg(not(feature = "vulkan"))]
    let mut device = Device::wgpu(kind);
    if options.precision == Precision::F16 {
        let config = DeviceConfig::default().float_dtype(FloatDType::F16);
        if let Err(error) = device.configure(config) {
            eprintln!("peer-burn: no f16 on this device: {error:?}");
            std::process::exit(1);
        }
    }
    device
}

/// Random pictures `[n, 3, h, w]`.
fn pictures(spec: &Spec, options: &Options, device: &Device) -> Tensor<4> {
    let shape = [
        options.batch_size.into(),
        3,
        spec.resolution,
        spec.resolution,
    ];
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// Inference of the same pictures, with logits read back.
fn inference(spec: &Spec, options: &Options, device: &Device) -> impl FnMut() + use<> {
    let (net, x) = (Net::new(spec, device), pictures(spec, options, device));
    move || {
        net.forward(x.clone()).into_data();
    }
}

/// A training step on the same pictures: label smoothing, SGD with momentum and weight decay.
fn step(spec: &Spec, options: &Options, device: &Device) -> impl FnMut() + use<> {
    let device = device.clone().autodiff();
    let mut net = Some(Net::new(spec, &device));
    let mut sgd = SgdConfig::new()
        .with_momentum(Some(MomentumConfig::new().with_dampening(0.0)))
        .with_weight_decay(Some(WeightDecayConfig::new(5e-5)))
        .init();
    let loss = CrossEntropyLossConfig::new()
        .with_smoothing(Some(0.1))
        .init(&device);
    let x = pictures(spec, options, &device);
    let labels: Vec<i32> = (0..options.batch_size.into())
        .map(|image| image * 7 % 1000)
        .collect();
    let labels = Tensor::<1, Int>::from_data(labels.as_slice(), &device);
    move || {
        let before = net.take().expect("every step puts the network back");
        let value = loss.forward(before.forward(x.clone()), labels.clone());
        let gradients = GradientsParams::from_grads(value.backward(), &before);
        net = Some(sgd.step(0.01, before, gradients));
        // What is lazy is done before its values go.
        device.sync().expect("the device works");
    }
}

/// Prints rounds for as long as somebody asks.
fn rounds(
    spec: &Spec,
    options: &Options,
    device: &Device,
    begin: Instant,
    mut work: Box<dyn FnMut()>,
) {
    let case = Case {
        suite: if options.suite == Suite::Train {
            "train"
        } else {
            "infer"
        },
        model: &options.model,
        resolution: spec.resolution,
        batch: options.batch_size.into(),
        precision: if options.precision == Precision::F16 {
            "f16"
        } else {
            "f32"
        },
        adapter: format!("{:?}", device.identity()).replace('"', "'"),
    };
    println!("{HEADER}");
    work();
    let mut first = Some(begin.elapsed().as_secs_f64() * 1e3);
    work();
    loop {
        println!(
            "{}\n",
            case.row(&round(first.take(), options.runs.into(), &mut work))
        );
        let asked = io::stdin().read_line(&mut String::new());
        if !asked.is_ok_and(|bytes| bytes > 0) {
            return;
        }
    }
}
