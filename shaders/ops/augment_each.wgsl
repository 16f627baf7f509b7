// Pictures as a network reads them, each changed as its rows of a table say: a part of it resized and mirrored, its
// colours moved, normalised, lit, and rectangles of it erased.
//   pictures [N, H, W, 3] bytes, a pixel a word; y [N, H, W, 3]
//   key [1, 1, 1, 4] and indices [N, 1, 1, 1] whole numbers
//   table [N, 1, 4 + 2 R, 4]: the part (left, top, width, height); three changes of colour (brightness 1, contrast 2,
//     saturation 3; none 0) and whether it is mirrored; their factors; light; then of each rectangle its left, top,
//     right, bottom, and its colour with the deviation of noise on it
//   greys [N, H] a row's sum of greys; means [N] the rounded mean grey of a picture

const MIRROR = 3u;
const ROWS_BEFORE_RECTANGLES = 4u;

// `scale` and `offset` are zero in the fourth lane, which is padding; `first` is the picture that the range begins
// with.
struct Params {
    pixels: u32, h: u32, w: u32, first: u32, scale: vec4<f32>, offset: vec4<f32>, rows: u32, name: u32,
}
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> pictures: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> means: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> key: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> indices: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> y: array<Act4>;

// A row of the table, of a picture of the range.
fn cell(image: u32, row: u32) -> vec4<f32> {
    return table[(p.first + image) * p.rows + row];
}

// Red, green, blue and 0, from 0 to 255.
fn bytes_at(image: u32, column: u32, row: u32) -> vec4<f32> {
    let word = pictures[(image * p.h + row) * p.w + column];
    return vec4<f32>((vec4(word) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u));
}

// Two neighbours along a side, weighed; the result is a byte, as Pillow's passes have it.
fn between(a: vec4<f32>, b: vec4<f32>, share: f32) -> vec4<f32> {
    return floor(a * (1.0 - share) + b * share + 0.5);
}

// The pixel of the resized and mirrored part: bilinear, which is all there is to it where a part is not shrunk.
fn sampled(image: u32, column: u32, row: u32) -> vec4<f32> {
    let part = cell(image, 0u);
    let mirrored = cell(image, 1u)[MIRROR] > 0.0;
    let place = vec2(f32(select(column, p.w - 1u - column, mirrored)), f32(row));
    let at = (place + 0.5) * part.zw / vec2(f32(p.w), f32(p.h)) - 0.5;
    let near = floor(at);
    let low = vec2<u32>(part.xy + clamp(near, vec2(0.0), part.zw - 1.0));
    let high = vec2<u32>(part.xy + clamp(near + 1.0, vec2(0.0), part.zw - 1.0));
    let share = at - near;
    let upper = between(bytes_at(image, low.x, low.y), bytes_at(image, high.x, low.y), share.x);
    let lower = between(bytes_at(image, low.x, high.y), bytes_at(image, high.x, high.y), share.x);
    return between(upper, lower, share.y);
}

// Luma of ITU-R BT.601, rounded.
fn grey(bytes: vec4<f32>) -> u32 {
    let rgb = vec4<u32>(bytes);
    return (rgb.x * 19595u + rgb.y * 38470u + rgb.z * 7471u + 0x8000u) >> 16u;
}

// The changes of colour, those before the contrast only if so asked.
fn toned(image: u32, bytes: vec4<f32>, mean: f32, before_contrast: bool) -> vec4<f32> {
    let kinds = cell(image, 1u);
    let factors = cell(image, 2u);
    var value = bytes;
    for (var i = 0u; i < 3u; i++) {
        var dull = 0.0;
        if kinds[i] == 2.0 {
            if before_contrast { break; }
            dull = mean;
        } else if kinds[i] == 3.0 {
            dull = f32(grey(value));
        }
        // What follows the point falls off, as Pillow has it.
        let changed = floor(clamp(dull + factors[i] * (value - dull), vec4(0.0), vec4(255.0)));
        value = select(value, changed, kinds[i] > 0.0);
    }
    return value;
}

// A number of the standard normal distribution from two words (Box and Muller 1958).
fn normal(words: vec2<u32>) -> f32 {
    return sqrt(-2.0 * log(1.0 - unit(words.x))) * cos(6.283185307179586 * unit(words.y));
}

// One thread a pixel.
@compute @workgroup_size(64)
fn augment_each(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.pixels { return; }
    let column = i % p.w;
    let row = i / p.w % p.h;
    let image = i / p.w / p.h;
    let mean = f32(means[p.first + image].x);
    let bytes = toned(image, sampled(image, column, row), mean, false);
    // Light is on a scale where white is 1.
    var value = (bytes + 255.0 * cell(image, 3u)) * p.scale + p.offset;
    let place = vec2(f32(column), f32(row));
    for (var r = ROWS_BEFORE_RECTANGLES; r < p.rows; r += 2u) {
        let rectangle = cell(image, r);
        if all(place >= rectangle.xy) && all(place < rectangle.zw) {
            let colour = cell(image, r + 1u);
            let words = draw(key[0], indices[p.first + image].x, p.name, (r * p.h + row) * p.w + column);
            let again = draw(key[0], indices[p.first + image].x, p.name, ((r + 1u) * p.h + row) * p.w + column);
            let noise = vec4(normal(words.xy), normal(words.zw), normal(again.xy), 0.0);
            value = vec4(colour.xyz, 0.0) + colour.w * noise;
        }
    }
    y[i] = pack4(value);
}

@group(0) @binding(2) var<storage, read_write> greys: array<vec4<u32>>;

// The greys of a row as the contrast meets them, 0 where there is none. One thread a row.
@compute @workgroup_size(64)
fn augment_each_greys(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                      @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.pixels { return; }
    let row = i % p.h;
    let image = i / p.h;
    var sum = 0u;
    let columns = select(0u, p.w, any(cell(image, 1u).xyz == vec3(2.0)));
    for (var column = 0u; column < columns; column++) {
        sum += grey(toned(image, sampled(image, column, row), 0.0, true));
    }
    greys[p.first * p.h + i] = vec4(sum, 0u, 0u, 0u);
}

@group(0) @binding(0) var<storage, read> rows_greys: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> rounded: array<vec4<u32>>;

// The mean, half up. One thread a picture.
@compute @workgroup_size(64)
fn augment_each_means(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                      @builtin(local_invocation_index) lane: u32) {
    let image = thread_index(group, groups, lane);
    if image >= p.pixels { return; }
    var sum = 0u;
    for (var row = 0u; row < p.h; row++) {
        sum += rows_greys[image * p.h + row].x;
    }
    rounded[image] = vec4((2u * sum + p.h * p.w) / (2u * p.h * p.w), 0u, 0u, 0u);
}
