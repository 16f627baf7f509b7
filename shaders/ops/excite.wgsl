// Squeeze-and-excite's two layers, which make a factor for each channel from its mean, a workgroup an image:
//   raw = x W1 + b1, hidden = a(raw), y = sigmoid(hidden W2 + b2)
//   x, y [N, 1, 1, C]; W1 [1, 1, C, S]; b1, raw, hidden [., 1, 1, S]; W2 [1, 1, S, C]; b2 [1, 1, 1, C]
// All is f32. What a workgroup wrote it reads again behind a barrier. Where the rows of a weight end before a group of
// four channels does, the last row stands for those that are missing: they are multiplied by zero.

override ACTIVATION: u32 = 0u;

const THREADS: u32 = 64u;

struct Params { images: u32, channels: u32, squeezed: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w1: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b1: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> w2: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> b2: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> raw: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> hidden: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;

var<workgroup> parts: array<vec4<f32>, THREADS>;

// Where the rows of four channels begin, in a matrix of so many rows of `width` vectors.
fn rows_of(c: u32, rows: u32, width: u32) -> vec4<u32> {
    return min(vec4(4u * c) + vec4(0u, 1u, 2u, 3u), vec4(rows - 1u)) * width;
}

// The squeezed vectors that a workgroup makes at once, each by several threads.
fn at_once(s4: u32) -> u32 {
    return min(s4, THREADS);
}

// The sum of what the threads of one column left, in the first of them.
fn summed(lane: u32, columns: u32) -> vec4<f32> {
    var sum = parts[lane];
    for (var i = lane + columns; i < THREADS / columns * columns; i += columns) {
        sum += parts[i];
    }
    return sum;
}

@compute @workgroup_size(64)
fn excite(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
          @builtin(local_invocation_index) lane: u32) {
    let image = workgroup_index(group, groups);
    if image >= p.images { return; }
    let c4 = (p.channels + 3u) / 4u;
    let s4 = (p.squeezed + 3u) / 4u;
    let width = at_once(s4);
    let splits = THREADS / width;
    for (var first = 0u; first < s4; first += width) {
        let s = first + lane % width;
        var sum = vec4(0.0);
        if s < s4 && lane < splits * width {
            for (var c = lane / width; c < c4; c += splits) {
                let v = x[image * c4 + c];
                let row = rows_of(c, p.channels, s4) + s;
                sum += v.x * w1[row.x] + v.y * w1[row.y] + v.z * w1[row.z] + v.w * w1[row.w];
            }
        }
        parts[lane] = sum;
        workgroupBarrier();
        if lane < width && s < s4 {
            let sum = summed(lane, width) + b1[s];
            raw[image * s4 + s] = sum;
            hidden[image * s4 + s] = keep_lanes(activate(ACTIVATION, sum), s, p.squeezed);
        }
        workgroupBarrier();
    }
    storageBarrier();
    for (var c = lane; c < c4; c += THREADS) {
        var sum = b2[c];
        for (var s = 0u; s < s4; s++) {
            let v = hidden[image * s4 + s];
            let row = rows_of(s, p.squeezed, c4) + c;
            sum += v.x * w2[row.x] + v.y * w2[row.y] + v.z * w2[row.z] + v.w * w2[row.w];
        }
        y[image * c4 + c] = keep_lanes(activate(SIGMOID, sum), c, p.channels);
    }
}

@group(0) @binding(0) var<storage, read> factors: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> squeezed: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> squeezing: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> exciting: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> d2: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> d1: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4<f32>>;

// From y, dy, raw, W1 and W2 the gradients of the two sums, d2 [N, 1, 1, C] and d1 [N, 1, 1, S], and of x. The same
// workgroups.
@compute @workgroup_size(64)
fn excite_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
               @builtin(local_invocation_index) lane: u32) {
    let image = workgroup_index(group, groups);
    if image >= p.images { return; }
    let c4 = (p.channels + 3u) / 4u;
    let s4 = (p.squeezed + 3u) / 4u;
    let width = at_once(s4);
    let splits = THREADS / width;
    for (var c = lane; c < c4; c += THREADS) {
        let factor = factors[image * c4 + c];
        d2[image * c4 + c] = dy[image * c4 + c] * factor * (1.0 - factor);
    }
    storageBarrier();
    for (var first = 0u; first < s4; first += width) {
        let s = first + lane % width;
        var sum = vec4(0.0);
        if s < s4 && lane < splits * width {
            let row = rows_of(s, p.squeezed, c4);
            for (var c = lane / width; c < c4; c += splits) {
                let d = d2[image * c4 + c];
                sum += vec4(dot(d, exciting[row.x + c]), dot(d, exciting[row.y + c]),
                            dot(d, exciting[row.z + c]), dot(d, exciting[row.w + c]));
            }
        }
        parts[lane] = sum;
        workgroupBarrier();
        if lane < width && s < s4 {
            let d = summed(lane, width) * activate_grad(ACTIVATION, squeezed[image * s4 + s]);
            d1[image * s4 + s] = keep_lanes(d, s, p.squeezed);
        }
        workgroupBarrier();
    }
    storageBarrier();
    for (var c = lane; c < c4; c += THREADS) {
        let row = rows_of(c, p.channels, s4);
        var sum = vec4(0.0);
        for (var s = 0u; s < s4; s++) {
            let d = d1[image * s4 + s];
            sum += vec4(dot(d, squeezing[row.x + s]), dot(d, squeezing[row.y + s]),
                        dot(d, squeezing[row.z + s]), dot(d, squeezing[row.w + s]));
        }
        dx[image * c4 + c] = keep_lanes(sum, c, p.channels);
    }
}

struct Layer { images: u32, rows: u32, row4s: u32, width: u32 }
@group(0) @binding(15) var<uniform> layer: Layer;

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> d: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dw: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> db: array<vec4<f32>>;

// Of one layer, from what it reads, [N, 1, 1, ROWS], and the gradient of its sums. One thread four rows of four
// columns, or four numbers of the bias.
@compute @workgroup_size(64)
fn excite_grad_weight(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                      @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    let column = thread % layer.width;
    let row4 = thread / layer.width;
    if row4 > layer.row4s { return; }
    if row4 == layer.row4s {
        var sum = vec4(0.0);
        for (var image = 0u; image < layer.images; image++) {
            sum += d[image * layer.width + column];
        }
        db[column] = sum;
        return;
    }
    var sums = mat4x4<f32>();
    for (var image = 0u; image < layer.images; image++) {
        let v = input[image * layer.row4s + row4];
        let of_sum = d[image * layer.width + column];
        sums += mat4x4(v.x * of_sum, v.y * of_sum, v.z * of_sum, v.w * of_sum);
    }
    let row = 4u * row4;
    dw[row * layer.width + column] = sums[0];
    if row + 1u < layer.rows { dw[(row + 1u) * layer.width + column] = sums[1]; }
    if row + 2u < layer.rows { dw[(row + 2u) * layer.width + column] = sums[2]; }
    if row + 3u < layer.rows { dw[(row + 3u) * layer.width + column] = sums[3]; }
}
