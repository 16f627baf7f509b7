// y = (moved and flipped picture / 255 - mean) / std.
//   pictures [N, H, W, 3] bytes, a pixel a word; y [N, H, W, 3]
//   key [1, 1, 1, 4] and indices [N, 1, 1, 1] whole numbers; drawn for a picture: (rows, columns, 1 if flipped, 0)

// `unflipped` of 2^24 pictures stay as they are.
struct Draw { images: u32, crop: u32, unflipped: u32, name: u32 }
@group(0) @binding(15) var<uniform> q: Draw;

@group(0) @binding(0) var<storage, read> key: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> indices: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> drawn: array<vec4<i32>>;

// One thread a picture.
@compute @workgroup_size(64)
fn augment_draw(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= q.images { return; }
    let words = draw(key[0], indices[i].x, q.name, 0u);
    // The upper 16 bits of a word times the number of shifts: a whole number in -crop..=crop.
    let shift = vec2<i32>(((words.xy >> vec2(16u)) * (2u * q.crop + 1u)) >> vec2(16u)) - vec2(i32(q.crop));
    drawn[i] = vec4(shift, select(0, 1, words.z >> 8u >= q.unflipped), 0);
}

// `scale` and `offset` are zero in the fourth lane, which is padding; `fill` is a pixel outside of the picture.
struct Params { pixels: u32, h: u32, w: u32, first: u32, scale: vec4<f32>, offset: vec4<f32>, fill: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> pictures: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<Act4>;
@group(0) @binding(2) var<storage, read> draws: array<vec4<i32>>;

fn normalised(word: u32) -> Act4 {
    let bytes = (vec4(word) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u);
    return pack4(vec4<f32>(bytes) * p.scale + p.offset);
}

// One thread a pixel.
@compute @workgroup_size(64)
fn augment(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
           @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.pixels { return; }
    let column = i % p.w;
    let row = i / p.w % p.h;
    let image = i / p.w / p.h;
    let moved = draws[p.first + image];
    // Above and left of the edge wraps to a huge number, so one comparison checks both sides.
    let from_row = row + u32(moved.x);
    let from_column = select(column, p.w - 1u - column, moved.z == 1) + u32(moved.y);
    var word = p.fill;
    if from_row < p.h && from_column < p.w {
        word = pictures[(image * p.h + from_row) * p.w + from_column];
    }
    y[i] = normalised(word);
}

// Nothing random. One thread a pixel.
@compute @workgroup_size(64)
fn augment_normalise(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                     @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.pixels { return; }
    y[i] = normalised(pictures[i]);
}
