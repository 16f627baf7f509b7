// The loss's scale for the next step: times `growth` after `interval` good steps in a row, times `backoff` after a step
// that was not taken because its gradients were not finite.
//   norm [1, 1, 1, 4]: (norm, flawed, clip, go); scale [1, 1, 1, 1]
//   steps [1, 1, 1, 4]: (good steps since the scale last changed, steps not taken, 0, 0)

// 2^100: far from what f32 holds, with a gradient beside it.
const LARGEST: f32 = 1.2676506e30;

struct Params { interval: f32, growth: f32, backoff: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> norm: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> scale: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> steps: array<vec4<f32>>;

// One thread in all.
@compute @workgroup_size(64)
fn loss_scale(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    // One sum of several batches has one scale.
    if thread_index(group, groups, lane) > 0u || norm[0].w < 0.0 { return; }
    let before = scale[0].x;
    let good = steps[0].x + 1.0;
    let missed = steps[0].y;
    if norm[0].w == 0.0 {
        scale[0] = vec4(p.backoff * before, 0.0, 0.0, 0.0);
        steps[0] = vec4(0.0, missed + 1.0, 0.0, 0.0);
    } else if good >= p.interval {
        scale[0] = vec4(min(p.growth * before, LARGEST), 0.0, 0.0, 0.0);
        steps[0] = vec4(0.0, missed, 0.0, 0.0);
    } else {
        steps[0] = vec4(good, missed, 0.0, 0.0);
    }
}
