// y_i = lambda * x_i + (1 - lambda) * x_partner(i), and its gradient: image j gets lambda * dy_j, and
// (1 - lambda) * dy_i of each image i whose partner it is.
//   x, y, dy, dx [N, H, W, C]; partner [N, 1, 1, 1] whole numbers; lambda [1, 1, 1, 1]

// `image4` vec4s an image; `first` the image that the written range begins with.
struct Params { vec4s: u32, image4: u32, first: u32, images: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> partner: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> lambda: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<Act4>;

// An index beyond the batch is taken for the last image.
fn partner_of(image: u32) -> u32 {
    return min(partner[image].x, p.images - 1u);
}

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn mixup(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
         @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let image = p.first + i / p.image4;
    let inside = i % p.image4;
    let own = lambda[0].x * unpack4(x[image * p.image4 + inside]);
    let other = (1.0 - lambda[0].x) * unpack4(x[partner_of(image) * p.image4 + inside]);
    y[i] = pack4(own + other);
}

@group(0) @binding(0) var<storage, read> dy: array<Act4>;
@group(0) @binding(3) var<storage, read_write> dx: array<Act4>;

@compute @workgroup_size(64)
fn mixup_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let image = p.first + i / p.image4;
    let inside = i % p.image4;
    var sum = lambda[0].x * unpack4(dy[image * p.image4 + inside]);
    for (var other = 0u; other < p.images; other++) {
        if partner_of(other) == image {
            sum += (1.0 - lambda[0].x) * unpack4(dy[other * p.image4 + inside]);
        }
    }
    dx[i] = pack4(sum);
}
