// y = a + b, element by element: residuals, and gradients of what is read twice.
// Joined with two texts of `prologue/`, which find a and b in what is stored, two of `epilogue/`, which finish a sum
// and a gradient, and one of `epilogue/strip_...`, which says what a thread leaves besides.
//   a, b, y [N, H, W, C]

// A thread takes every `step`th vec4, which are of the same channels; `first_row` is the first thread's place among
// those of all image ranges, a row a pixel's channels.
struct Params { vec4s: u32, c4: u32, step: u32, first_row: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> a: array<Act4>;
@group(0) @binding(1) var<storage, read> b: array<Act4>;
@group(0) @binding(2) var<storage, read_write> y: array<Act4>;

// One thread four channels of a pixel, again and again.
@compute @workgroup_size(64)
fn add(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
       @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.step { return; }
    let c = thread % p.c4;
    let entry = entry_of(c, p.c4);
    let second = second_entry_of(c, p.c4);
    let ending = ending_of(c, p.c4);
    for (var i = thread; i < p.vec4s; i += p.step) {
        let sum = enter(unpack4(a[i]), entry) + enter_second(unpack4(b[i]), second);
        let made = end_gradient(finish(sum, i, c, 4u * p.c4), i, ending);
        y[i] = pack4(made.stored);
        sum_up(0u, made);
    }
    leave_gradient(0u, p.first_row + thread / p.c4, c, p.c4, ending);
}
