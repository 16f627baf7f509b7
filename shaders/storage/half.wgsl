// Numbers as f16, two in a word. Joined wherever anything is stored so.

// Beyond 65,504 WGSL leaves the conversion indeterminate; this makes it infinity, which loss scaling looks for, and
// what is not a number stays so. Bits are compared: a compiler may take it that numbers are finite.
fn halves_of(value: vec4<f32>) -> vec2<u32> {
    let bits = bitcast<vec4<u32>>(value);
    let magnitude = bits & vec4(0x7fffffffu);
    let sign = (bits >> vec4(16u)) & vec4(0x8000u);
    let beyond = select(vec4(0x7c00u), vec4(0x7e00u), magnitude > vec4(0x7f800000u)) | sign;
    let packed = vec2(pack2x16float(clamp(value.xy, vec2(-65504.0), vec2(65504.0))),
                      pack2x16float(clamp(value.zw, vec2(-65504.0), vec2(65504.0))));
    let finite = vec4(packed.x & 0xffffu, packed.x >> 16u, packed.y & 0xffffu, packed.y >> 16u);
    // From 65,520 on, the nearest f16 is infinity.
    let halves = select(finite, beyond, magnitude >= vec4(0x477ff000u));
    return vec2(halves.x | (halves.y << 16u), halves.z | (halves.w << 16u));
}
