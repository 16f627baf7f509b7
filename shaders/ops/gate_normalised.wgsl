// The gradient of `gate` where what is gated is a batch norm that is made as it is read: the pass that makes ds also
// leaves what the batch norm's own gradient needs of x and dy, sums over each image, so that these are read once.
// Joined with `gate`, whose sizes and tensors it shares, and `prologue/normalised`.
//   moments [N, SPLITS, 4, C], and their sums over the splits [N, 1, 4, C]: with the activation's derivative f, sums of
//   f * dy, of f * dy * (x - mean), of f, and of f * (x - mean)

@group(0) @binding(3) var<storage, read_write> moments: array<vec4<f32>>;

// The threads of `gate_grad_scale`.
@compute @workgroup_size(64)
fn gate_normalised_grad_scale(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                              @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let c = thread % p.c4;
    let split = thread / p.c4 % p.splits;
    let image = thread / p.c4 / p.splits;
    let entry = entry_of(c, p.c4);
    var sum = vec4(0.0);
    var sums: array<vec4<f32>, 4>;
    for (var pixel = split; pixel < p.pixels; pixel += p.splits) {
        let i = (image * p.pixels + pixel) * p.c4 + c;
        let distance = unpack4(x[i]) - entry.mean;
        let z = distance * entry.scale + entry.shift;
        let gradient = unpack4(dy[i]);
        let slope = activate_grad(ENTRY_ACTIVATION, z);
        sum += activate(ENTRY_ACTIVATION, z) * gradient;
        sums[0] += slope * gradient;
        sums[1] += slope * gradient * distance;
        sums[2] += slope;
        sums[3] += slope * distance;
    }
    let row = p.first_image * p.splits + thread / p.c4;
    partials[row * p.c4 + c] = sum;
    for (var i = 0u; i < 4u; i++) { moments[(4u * row + i) * p.c4 + c] = sums[i]; }
}

// Of dgamma and dbeta: images, rows of partial sums, and the share of a pixel in a mean.
struct ImageParams { images: u32, rows: u32, c4: u32, share: f32 }
@group(0) @binding(15) var<uniform> of_images: ImageParams;

@group(0) @binding(0) var<storage, read> image_moments: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> normalised_by: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> excitation: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> squeezed: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> image_sums: array<vec4<f32>>;

// dgamma and dbeta of the batch norm, as partial sums [ROWS, 2, C]: the gradient of a pixel is f * (dy * excitation +
// share * squeezed). One thread four channels of every ROWS-th image.
@compute @workgroup_size(64)
fn gate_normalised_grad_sums(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                             @builtin(local_invocation_index) lane: u32) {
    let c4 = of_images.c4;
    let thread = thread_index(group, groups, lane);
    let c = thread % c4;
    let row = thread / c4;
    if row >= of_images.rows { return; }
    var weighted = vec4(0.0);
    var plain = vec4(0.0);
    for (var image = row; image < of_images.images; image += of_images.rows) {
        let gated = excitation[image * c4 + c];
        let spread = of_images.share * squeezed[image * c4 + c];
        let first = 4u * image * c4 + c;
        plain += gated * image_moments[first] + spread * image_moments[first + 2u * c4];
        weighted += gated * image_moments[first + c4] + spread * image_moments[first + 3u * c4];
    }
    image_sums[2u * row * c4 + c] = weighted * normalised_by[3u * c4 + c] + plain * normalised_by[4u * c4 + c];
    image_sums[(2u * row + 1u) * c4 + c] = plain;
}
