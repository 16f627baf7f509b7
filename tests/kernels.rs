//! Every kernel of every case parses, validates, stays within WebGPU's default limits, and translates to SPIR-V, MSL
//! and HLSL, with tensors stored as f32 and as f16. Needs no GPU.

use std::collections::{BTreeMap, BTreeSet};

use naga::back::{PipelineConstants, hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use triaxis::engine::DType::{F16, F32};
use triaxis::engine::{
    AdapterKind, Graph, Kernel, Limits, Matrices, Mode, Schedule, StoredEdges, Value, Variant,
    VariantTable, gradients,
};

use crate::Differences;

/// Every kernel that the cases and the fused graphs launch, on both kinds of adapter and by matrices of either side, by its
/// text and entry point.
fn kernels() -> Vec<Kernel> {
    let mut kernels = BTreeMap::new();
    let mut graphs = Vec::new();
    for case in crate::ops::all() {
        let mut g = Graph::new(Mode::Train);
        let xs: Vec<Value> = (0..)
            .zip(&case.inputs)
            .map(|(i, x)| g.input_of(&format!("x{i}"), x.shape, x.dtype))
            .collect();
        let y = (case.apply)(&mut g, &xs).unwrap();
        let mut kept = vec![y];
        if case.differences != Differences::None {
            let dy = g.input("dy", g.shape(y));
            let grads = gradients(&mut g, y, dy).unwrap();
            kept.extend(xs.iter().filter_map(|&x| grads.get(x)));
        }
        graphs.push((g, kept));
    }
    for mut drawn in crate::fuse::all() {
        drawn.graph.fuse(&drawn.keep, &StoredEdges::default());
        graphs.push((drawn.graph, drawn.keep));
    }
    let of_kind = |kind| Limits {
        kind,
        ..Limits::default()
    };
    let of_matrices = |side, subgroup| Limits {
        matrices: Matrices::new(side, subgroup),
        variants: VariantTable::all(Variant::Cooperative),
        ..Limits::default()
    };
    let sharing = Limits {
        subgroup: 8,
        ..of_kind(AdapterKind::Cpu)
    };
    let wide = Limits {
        wide: true,
        ..sharing
    };
    let plain = [
        of_kind(AdapterKind::Gpu),
        of_kind(AdapterKind::Cpu),
        sharing,
        wide,
    ];
    let cooperative = [of_matrices(8, 32), of_matrices(16, 32)];
    for (mut g, kept) in graphs {
        let mut launched = |g: &Graph, limits: &[Limits]| {
            for limits in limits {
                let schedule = Schedule::new(g, &kept, limits).unwrap();
                for (_, dispatch) in schedule.launches() {
                    kernels.insert(format!("{:?}", dispatch.kernel), dispatch.kernel.clone());
                }
            }
        };
        launched(&g, &plain);
        g.store_halves(&[]);
        launched(&g, &cooperative);
    }
    kernels.into_values().collect()
}

#[test]
fn every_kernel_passes_naga_and_translates_for_every_backend() {
    for kernel in kernels() {
        let written = |link: &&str| triaxis_shaders::source(link).unwrap().contains("Out4");
        let apart = kernel.link.iter().any(written);
        for [reads, writes] in [[F32, F32], [F16, F16], [F32, F16], [F16, F32]] {
            // Most kernels write what they read. What was laid out for f16 has sizes that are for f16 alone.
            let right = match kernel.formats {
                [F32, F32] => reads == writes || apart,
                own => [reads, writes] == own,
            };
            if right {
                let kernel = Kernel {
                    formats: [reads, writes],
                    ..kernel.clone()
                };
                translate(&kernel, &kernel.source());
            }
        }
    }
}

#[test]
fn cooperative_kernels_are_reached_with_every_text_they_are_joined_with() {
    let all = kernels();
    for side in ["cooperative/eight", "cooperative/sixteen"] {
        for text in [
            "prologue/gate",
            "prologue/normalised",
            "prologue/arriving_normalised",
            "epilogue/bias",
            "epilogue/residual",
            "epilogue/gradient_normalised",
            "epilogue/tile_statistics",
            "epilogue/tile_sums",
        ] {
            let joined = |k: &Kernel| k.link.contains(&side) && k.link.contains(&text);
            assert!(all.iter().any(joined), "{side} with {text}");
        }
        let joins = |k: &Kernel| {
            k.link.contains(&side) && k.constants.iter().any(|c| c.0 == "JOINED" && c.1 > 1.0)
        };
        assert!(all.iter().any(joins), "{side} with joined groups");
    }
}

#[test]
fn what_networks_and_their_gradients_are_made_of_can_be_stored_as_f16() {
    let mut able = BTreeSet::new();
    for case in crate::ops::all() {
        let (mut g, _, y) = crate::check::drawn(&case);
        if case.differences != Differences::None {
            let dy = g.input("dy", g.shape(y));
            gradients(&mut g, y, dy).unwrap();
        }
        g.store_halves(&[]);
        for id in g.nodes() {
            let node = g.node(id);
            let mut values = node.inputs.iter().chain(&node.outputs);
            if values.any(|&v| g.dtype(v) == F16) {
                able.insert(node.op.name());
            }
        }
    }
    let expected = [
        "activation",
        "activation_grad",
        "add",
        "augment",
        "avg_pool",
        "avg_pool_grad",
        "batch_norm_apply",
        "batch_norm_grad_input",
        "batch_norm_grad_sums",
        "batch_norm_statistics",
        "bias",
        "column_sum",
        "conv2d",
        "conv2d_fused",
        "conv2d_grad_input",
        "conv2d_grad_weight",
        "depthwise",
        "depthwise_fused",
        "depthwise_grad_input",
        "depthwise_grad_weight",
        "drop_path",
        "dropout",
        "gate",
        "gate_grad_scale",
        "global_avg_pool",
        "global_avg_pool_grad",
        "max_pool",
        "max_pool_grad",
        "mixup",
        "mixup_grad",
        "scale",
        "softmax_cross_entropy_grad",
    ];
    let missing: Vec<_> = expected.iter().filter(|n| !able.contains(*n)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn kernels_of_no_operator_translate_too() {
    let matrices = |of| vec!["bench/multiply_matrices", "cooperative/enable", of];
    for (link, entry) in [
        (vec!["doctor/pack", "storage/f16"], "pack"),
        (vec!["bench/multiply"], "multiply"),
        (matrices("cooperative/eight"), "multiply_matrices"),
        (matrices("cooperative/sixteen"), "multiply_matrices"),
    ] {
        let kernel = Kernel {
            link,
            entry,
            constants: Vec::new(),
            formats: [F32; 2],
            wide: false,
        };
        translate(&kernel, &kernel.source());
    }
}

fn translate(kernel: &Kernel, text: &str) {
    let name = format!("{} of {:?}", kernel.entry, kernel.link);
    let module = naga::front::wgsl::parse_str(text)
        .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(text)));
    let joins = |texts: &[&str]| texts.iter().any(|text| kernel.link.contains(text));
    let cooperative = joins(&["cooperative/enable"]);
    let mut beyond = Capabilities::empty();
    if joins(&["lanes/four", "lanes/eight", "lanes/weight"]) {
        beyond |= Capabilities::SUBGROUP;
    }
    if cooperative {
        beyond |= Capabilities::COOPERATIVE_MATRIX
            | Capabilities::SHADER_FLOAT16
            | Capabilities::SUBGROUP;
    }
    if kernel.wide {
        beyond |= Capabilities::SHADER_INT64;
    }
    let info = validate(&module, &name, beyond);
    let constants: PipelineConstants = kernel
        .constants
        .iter()
        .map(|&(n, value)| (n.into(), value))
        .collect();
    let entry = Some((naga::ShaderStage::Compute, kernel.entry));
    let (module, _) = process_overrides(&module, &info, entry, &constants)
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let info = validate(&module, &name, beyond);
    within_default_limits(&module, &info, &name);

    let pipeline = spv::PipelineOptions {
        shader_stage: naga::ShaderStage::Compute,
        entry_point: kernel.entry.into(),
    };
    spv::write_vec(&module, &info, &spv::Options::default(), Some(&pipeline))
        .unwrap_or_else(|e| panic!("{name}: SPIR-V: {e}"));
    let options = msl::Options {
        fake_missing_bindings: true,
        lang_version: (2, 4),
        ..Default::default()
    };
    msl::write_string(&module, &info, &options, &msl::PipelineOptions::default())
        .unwrap_or_else(|e| panic!("{name}: MSL: {e}"));
    if cooperative {
        // DX12 has no such matrices.
        return;
    }
    let options = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_0,
        fake_missing_bindings: true,
        special_constants_binding: Some(hlsl::BindTarget {
            space: 9,
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut out = String::new();
    let pipeline = hlsl::PipelineOptions {
        entry_point: Some((naga::ShaderStage::Compute, kernel.entry.into())),
    };
    hlsl::Writer::new(&mut out, &options, &pipeline)
        .write(&module, &info, None)
        .unwrap_or_else(|e| panic!("{name}: HLSL: {e}"));
}

/// By what WebGPU promises on every adapter, and `beyond`.
fn validate(module: &naga::Module, name: &str, beyond: Capabilities) -> ModuleInfo {
    let plain = Capabilities::default() | Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    Validator::new(ValidationFlags::all(), plain | beyond)
        .validate(module)
        .unwrap_or_else(|e| panic!("{name}: {:?}", e.into_inner()))
}

/// What WebGPU promises on every adapter.
fn within_default_limits(module: &naga::Module, info: &ModuleInfo, name: &str) {
    let entry = module
        .entry_points
        .iter()
        .position(|e| name.starts_with(&format!("{} ", e.name)))
        .unwrap();
    let used = info.get_entry_point(entry);
    let (mut buffers, mut workgroup_bytes) = (0, 0);
    for (handle, global) in module.global_variables.iter() {
        if used[handle].is_empty() {
            continue;
        }
        match global.space {
            naga::AddressSpace::Storage { .. } => buffers += 1,
            naga::AddressSpace::WorkGroup => {
                workgroup_bytes += module.types[global.ty].inner.size(module.to_ctx());
            }
            _ => {}
        }
    }
    let threads: u32 = module.entry_points[entry].workgroup_size.iter().product();
    assert!(buffers <= 8, "{name}: {buffers} storage buffers");
    assert!(
        workgroup_bytes <= 16 << 10,
        "{name}: {workgroup_bytes} bytes of workgroup memory"
    );
    assert!(threads <= 256, "{name}: {threads} threads");
}
