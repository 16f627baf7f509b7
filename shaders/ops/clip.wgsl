// Gradients that are too large, made smaller where they lie: each number alone, or those of each output of a layer
// together, measured against the weights that make it.
//   x, gradients arenas; scale [1, 1, 1, 1], that of the loss: limits grow with it

// A number that is not finite stays as it is, so that the step is not taken.
fn unfit(x: vec4<f32>) -> vec4<bool> {
    return (bitcast<vec4<u32>>(x) & vec4(0x7f800000u)) == vec4(0x7f800000u);
}

struct Params { vec4s: u32, limit: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read_write> values: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> scale: array<vec4<f32>>;

// -limit..limit. One thread four numbers.
@compute @workgroup_size(64)
fn clip_value(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let g = values[i];
    let limit = vec4(scale[0].x * p.limit);
    values[i] = select(clamp(g, -limit, limit), g, unfit(g));
}

// gradient *= min(1, share * max(|x|, epsilon) / max(|gradient|, 1e-6)), lengths over a unit: a column of `rows`
// numbers, 4 * c4 columns side by side, or the whole tensor.
struct Unit { rows: u32, c4: u32, share: f32, epsilon: f32 }
@group(0) @binding(15) var<uniform> u: Unit;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> gradients: array<vec4<f32>>;

var<workgroup> squares_x: array<vec4<f32>, 64>;
var<workgroup> squares_g: array<vec4<f32>, 64>;

// The sums of squares over a column of vec4s, in the first place of both arrays.
fn measure(column: u32, lane: u32) {
    var sum_x = vec4(0.0);
    var sum_g = vec4(0.0);
    for (var row = lane; row < u.rows; row += 64u) {
        let weight = x[row * u.c4 + column];
        let g = gradients[row * u.c4 + column];
        sum_x += weight * weight;
        sum_g += g * g;
    }
    squares_x[lane] = sum_x;
    squares_g[lane] = sum_g;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            squares_x[lane] += squares_x[lane + half];
            squares_g[lane] += squares_g[lane + half];
        }
    }
    workgroupBarrier();
}

fn shrink(column: u32, lane: u32, sum_x: vec4<f32>, sum_g: vec4<f32>) {
    let most = scale[0].x * u.share * max(sqrt(sum_x), vec4(u.epsilon));
    let length = sqrt(sum_g);
    let factor = select(vec4(1.0), most / max(length, vec4(scale[0].x * 1e-6)), length > most);
    for (var row = lane; row < u.rows; row += 64u) {
        gradients[row * u.c4 + column] *= factor;
    }
}

// One workgroup four columns, one thread every 64th row of them.
@compute @workgroup_size(64)
fn clip_columns(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) lane: u32) {
    let column = workgroup_index(group, groups);
    if column >= u.c4 { return; }
    measure(column, lane);
    shrink(column, lane, squares_x[0], squares_g[0]);
}

// One workgroup in all, for a tensor that is one unit: a bias, a scale.
@compute @workgroup_size(64)
fn clip_whole(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    if workgroup_index(group, groups) > 0u { return; }
    measure(0u, lane);
    let sum_x = vec4(dot(squares_x[0], vec4(1.0)));
    shrink(0u, lane, sum_x, vec4(dot(squares_g[0], vec4(1.0))));
}
