// Random numbers as a function of a key and a counter, Philox4x32-10 (Salmon et al. 2011): the same words as
// `engine/src/philox.rs` gives, where the counter's layout is explained.

// The 64 bits of a * b, low word first, from products of 16-bit halves: WGSL has no wider integers.
fn multiply_wide(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
    return vec2(a * b, (a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u));
}

fn philox(key: vec2<u32>, counter: vec4<u32>) -> vec4<u32> {
    var k = key;
    var c = counter;
    for (var round = 0u; round < 10u; round++) {
        let a = multiply_wide(c.x, 0xd2511f53u);
        let b = multiply_wide(c.z, 0xcd9e8d57u);
        c = vec4(b.y ^ c.y ^ k.x, b.x, a.y ^ c.w ^ k.y, a.x);
        k += vec2(0x9e3779b9u, 0xbb67ae85u);
    }
    return c;
}

// A number in [0, 1) from the upper 24 bits of a word.
fn unit(word: u32) -> f32 {
    return f32(word >> 8u) * (1.0 / 16777216.0);
}

// The words at a place: `key` is seed (low, high), epoch, 0; `image` an index in the data set, `name` the hash of what
// draws, `index` the place in the image.
fn draw(key: vec4<u32>, image: u32, name: u32, index: u32) -> vec4<u32> {
    return philox(key.xy, vec4(index, image, key.z, name));
}
