// Numbers as f16, two in a word. Joined wherever anything is stored so.

// Beyond 65,504 WGSL leaves the conversion indeterminate; this makes it infinity, which loss scaling looks for.
fn halves_of(value: vec4<f32>) -> vec2<u32> {
    let infinity = select(vec4(0x7c00u), vec4(0xfc00u), value < vec4(0.0));
    let packed = vec2(pack2x16float(clamp(value.xy, vec2(-65504.0), vec2(65504.0))),
                      pack2x16float(clamp(value.zw, vec2(-65504.0), vec2(65504.0))));
    let finite = vec4(packed.x & 0xffffu, packed.x >> 16u, packed.y & 0xffffu, packed.y >> 16u);
    let halves = select(finite, infinity, abs(value) >= vec4(65520.0));
    return vec2(halves.x | (halves.y << 16u), halves.z | (halves.w << 16u));
}
