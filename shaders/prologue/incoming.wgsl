// A gradient as it is read: what is stored. Joined with `batch_norm`.

fn incoming(at: u32, c: u32, images: Images) -> vec4<f32> {
    return unpack4(dy[at]);
}
