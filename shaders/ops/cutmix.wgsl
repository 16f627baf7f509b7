// y_i = x_partner(i) within a rectangle and x_i outside of it, and its gradient: outside, image j gets dy_j, within the
// rectangle the sum of dy_i of each image i whose partner it is.
//   x, y, dy, dx [N, H, W, C]; partner [N, 1, 1, 1] whole numbers; rectangle [1, 1, 1, 4]: left, top, right, bottom, of
//   which the last two are the first outside

// `image4` vec4s an image, `row4` a row, `c4` a pixel; `first` the image that the written range begins with.
struct Params { vec4s: u32, image4: u32, row4: u32, c4: u32, first: u32, images: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<Act4>;
@group(0) @binding(1) var<storage, read> partner: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> rectangle: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> y: array<Act4>;

// An index beyond the batch is taken for the last image.
fn partner_of(image: u32) -> u32 {
    return min(partner[image].x, p.images - 1u);
}

// Whether the vec4 at this place of an image lies in the rectangle.
fn inside(place: u32) -> bool {
    let pixel = vec2(place % p.row4 / p.c4, place / p.row4);
    return all(pixel >= rectangle[0].xy) && all(pixel < rectangle[0].zw);
}

// One thread four channels of a pixel.
@compute @workgroup_size(64)
fn cutmix(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
          @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let image = p.first + i / p.image4;
    let place = i % p.image4;
    let from_image = select(image, partner_of(image), inside(place));
    y[i] = pack4(unpack4(x[from_image * p.image4 + place]));
}

@group(0) @binding(0) var<storage, read> dy: array<Act4>;
@group(0) @binding(3) var<storage, read_write> dx: array<Act4>;

@compute @workgroup_size(64)
fn cutmix_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
               @builtin(local_invocation_index) lane: u32) {
    let i = thread_index(group, groups, lane);
    if i >= p.vec4s { return; }
    let image = p.first + i / p.image4;
    let place = i % p.image4;
    if !inside(place) {
        dx[i] = pack4(unpack4(dy[image * p.image4 + place]));
        return;
    }
    var sum = vec4(0.0);
    for (var other = 0u; other < p.images; other++) {
        if partner_of(other) == image {
            sum += unpack4(dy[other * p.image4 + place]);
        }
    }
    dx[i] = pack4(sum);
}
