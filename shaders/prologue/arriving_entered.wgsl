// What a kernel of a weight's gradient makes of its second operand as it reads it, where that is the first one again:
// the same. Joined with the texts that enter and scale the first one.

alias Arriving = Entry;

fn arriving_of(c: u32, c4: u32) -> Arriving {
    return entry_of(c, c4);
}

fn arrive(stored: vec4<f32>, at: u32, arriving: Arriving) -> vec4<f32> {
    return enter(stored, arriving) * factor_of(at / (p.oh * p.ow * p.co4), at % p.co4);
}
