// merged[r, i] = sum of parts[t, i] over the FAN_IN rows t from r * FAN_IN on: one stage of a merge.
//   parts [COUNT, VEC4S] and merged [ceil(COUNT / FAN_IN), VEC4S], in vec4s

override FAN_IN: u32 = 32u;

struct Params { vec4s: u32, count: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> merged: array<vec4<f32>>;

// The rows of a column that one thread sums.
fn sum_of_rows(column: u32, row: u32) -> vec4<f32> {
    let rows = min(FAN_IN, p.count - row * FAN_IN);
    let end = (row * FAN_IN + rows) * p.vec4s + column;
    var i = end - rows * p.vec4s;
    // Four sums side by side: their loads do not wait for one another.
    var a = vec4(0.0);
    var b = vec4(0.0);
    var c = vec4(0.0);
    var d = vec4(0.0);
    for (; i + 3u * p.vec4s < end; i += 4u * p.vec4s) {
        a += parts[i];
        b += parts[i + p.vec4s];
        c += parts[i + 2u * p.vec4s];
        d += parts[i + 3u * p.vec4s];
    }
    for (; i < end; i += p.vec4s) {
        a += parts[i];
    }
    return (a + b) + (c + d);
}

// One thread four numbers of a row of the result.
@compute @workgroup_size(64)
fn sum(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
       @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    let row = thread / p.vec4s;
    if row * FAN_IN >= p.count { return; }
    merged[thread] = sum_of_rows(thread % p.vec4s, row);
}

// Two tensors lie side by side in a row: the first half of the columns is one's, the rest the other's.
@group(0) @binding(2) var<storage, read_write> merged_beside: array<vec4<f32>>;

// The one stage of a merge of few rows.
@compute @workgroup_size(64)
fn sum_two(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
           @builtin(local_invocation_index) lane: u32) {
    let column = thread_index(group, groups, lane);
    if column >= p.vec4s { return; }
    let sum = sum_of_rows(column, 0u);
    let half = p.vec4s / 2u;
    if column < half { merged[column] = sum; } else { merged_beside[column - half] = sum; }
}

// The last stage of a merge of many rows: one workgroup four columns, 16 threads each.

const COLUMNS: u32 = 4u;
const LANES: u32 = 16u;

var<workgroup> shared_sums: array<vec4<f32>, 64>;

// The sum of a column, in the lane that is the column's first; `column` is beyond the last where there is none.
fn sum_of_column(column: u32, lane: u32) -> vec4<f32> {
    var a = vec4(0.0);
    var b = vec4(0.0);
    if column < p.vec4s {
        var row = lane / COLUMNS;
        for (; row + LANES < p.count; row += 2u * LANES) {
            a += parts[row * p.vec4s + column];
            b += parts[(row + LANES) * p.vec4s + column];
        }
        if row < p.count { a += parts[row * p.vec4s + column]; }
    }
    shared_sums[lane] = a + b;
    for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
        workgroupBarrier();
        if lane / COLUMNS < apart { shared_sums[lane] += shared_sums[lane + apart * COLUMNS]; }
    }
    return shared_sums[lane];
}

@compute @workgroup_size(64)
fn sum_last(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let column = workgroup_index(group, groups) * COLUMNS + lane % COLUMNS;
    let sum = sum_of_column(column, lane);
    if lane < COLUMNS && column < p.vec4s { merged[column] = sum; }
}

@compute @workgroup_size(64)
fn sum_last_two(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) lane: u32) {
    let column = workgroup_index(group, groups) * COLUMNS + lane % COLUMNS;
    let sum = sum_of_column(column, lane);
    if lane >= COLUMNS || column >= p.vec4s { return; }
    let half = p.vec4s / 2u;
    if column < half { merged[column] = sum; } else { merged_beside[column - half] = sum; }
}
