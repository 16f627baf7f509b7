// What a kernel makes of a number as it reads it: itself.

alias Entry = u32;

fn entry_of(c: u32, c4: u32) -> Entry {
    return 0u;
}

fn enter(stored: vec4<f32>, entry: Entry) -> vec4<f32> {
    return stored;
}
