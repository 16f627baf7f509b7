// The gradients around a pointwise convolution r = a W and the batch norm behind it, without r: what r was needed for
// are sums that the gradient of W by dz, G = a^T dz, and the Gram matrix A = a^T a have. With the coefficients of the
// batch norm and dr = scale * (dz - constant - slope * (r - mean)),
//   dgamma = inv_std * (sum_i W * G - mean * dbeta) + centre * dbeta
//   da = dz (scale W)^T + a (-scale * slope * W) W^T + (scale * (slope * mean - constant)) W^T
//   dW = scale * (G - s constant - slope * (A W - s mean)), where s is the sum of a over all pixels.
//   weight, products G, AW [CIN, COUT]; of_forward, of_gradient [5, COUT], as `batch_norm` lists them

// `of_image`: pixels that a mean is of.
struct Params { cin: u32, co4: u32, of_image: f32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> products: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> of_forward: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dbeta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dgamma: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 64>;

// One workgroup four channels, one thread every 64th row.
@compute @workgroup_size(64)
fn batch_norm_gram_grad_gamma(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                              @builtin(local_invocation_index) lane: u32) {
    let c = workgroup_index(group, groups);
    var sum = vec4(0.0);
    if c < p.co4 {
        for (var i = lane; i < p.cin; i += 64u) {
            sum += weight[i * p.co4 + c] * products[i * p.co4 + c];
        }
    }
    sums[lane] = sum;
    workgroupBarrier();
    if lane != 0u || c >= p.co4 { return; }
    for (var i = 1u; i < 64u; i++) { sum += sums[i]; }
    let mean = of_forward[c];
    let inv_std = of_forward[3u * p.co4 + c];
    let centre = of_forward[4u * p.co4 + c];
    dgamma[c] = inv_std * (sum - mean * dbeta[c]) + centre * dbeta[c];
}

@group(0) @binding(1) var<storage, read> of_gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> scaled: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> sloped: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> shift: array<vec4<f32>>;

struct Numbers { mean: vec4<f32>, scale: vec4<f32>, constant: vec4<f32>, slope: vec4<f32> }

// Of the channels from 4 * c on, as `batch_norm_grad_coefficients` makes them.
fn numbers_of(c: u32) -> Numbers {
    return Numbers(of_gradient[c], of_gradient[p.co4 + c], of_gradient[3u * p.co4 + c], of_gradient[4u * p.co4 + c]);
}

// One thread four channels of a row.
@compute @workgroup_size(64)
fn batch_norm_gram_weights(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                           @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.cin * p.co4 { return; }
    let c = thread % p.co4;
    let batch = numbers_of(c);
    let scaled_weight = batch.scale * weight[thread];
    scaled[thread] = scaled_weight;
    sloped[thread] = -batch.slope * scaled_weight;
    if thread < p.co4 { shift[c] = batch.scale * (batch.slope * batch.mean - batch.constant); }
}

@group(0) @binding(0) var<storage, read> by_gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> by_output: array<vec4<f32>>;
// [1, 1, 1, CIN]: the sum of the images' means.
@group(0) @binding(3) var<storage, read> means: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dweight: array<vec4<f32>>;

// One thread four channels of a row.
@compute @workgroup_size(64)
fn batch_norm_gram_grad_weight(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                               @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.cin * p.co4 { return; }
    let c = thread % p.co4;
    let row = thread / p.co4;
    let batch = numbers_of(c);
    let sum = p.of_image * means[row / 4u][row % 4u];
    let of_output = by_output[thread] - batch.mean * sum;
    dweight[thread] = batch.scale * (by_gradient[thread] - batch.constant * sum - batch.slope * of_output);
}
