// The last stages of every long sum: y[b, i, j] = sum of x[b, r, j] over the 32 rows r from 32 * i on.
//   x [B, ROWS, WIDTH], y [B, ceil(ROWS / 32), WIDTH], in vec4s

const FAN_IN: u32 = 32u;

struct Params { threads: u32, rows: u32, width: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

// One thread four numbers of y.
@compute @workgroup_size(64)
fn sum_rows(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    if thread >= p.threads { return; }
    let rows_after = (p.rows + FAN_IN - 1u) / FAN_IN;
    let place = thread / p.width;
    let batch = place / rows_after;
    let first = place % rows_after * FAN_IN;
    let last = min(first + FAN_IN, p.rows);
    var sum = vec4(0.0);
    for (var row = first; row < last; row += 1u) {
        sum += x[(batch * p.rows + row) * p.width + thread % p.width];
    }
    y[thread] = sum;
}
