// merged[r, i] = sum of parts[t, i] over the FAN_IN rows t from r * FAN_IN on: one stage of a merge.
//   parts [COUNT, VEC4S] and merged [ceil(COUNT / FAN_IN), VEC4S], in vec4s

override FAN_IN: u32 = 32u;

struct Params { vec4s: u32, count: u32 }
@group(0) @binding(15) var<uniform> p: Params;

@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> merged: array<vec4<f32>>;

// One thread four numbers of a row of the result.
@compute @workgroup_size(64)
fn sum(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
       @builtin(local_invocation_index) lane: u32) {
    let thread = thread_index(group, groups, lane);
    let row = thread / p.vec4s;
    if row * FAN_IN >= p.count { return; }
    let rows = min(FAN_IN, p.count - row * FAN_IN);
    let end = (row * FAN_IN + rows) * p.vec4s + thread % p.vec4s;
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
    merged[thread] = (a + b) + (c + d);
}

// The last stage, which sums all rows, of two tensors that lie side by side in a row: the first `first_vec4s` columns
// are one's, the rest the other's.
//   parts [COUNT, VEC4S]

const COLUMNS: u32 = 4u;
const LANES: u32 = 16u;

struct LastParams { vec4s: u32, first_vec4s: u32, count: u32 }
@group(0) @binding(15) var<uniform> q: LastParams;

@group(0) @binding(1) var<storage, read_write> sums: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sums_beside: array<vec4<f32>>;

var<workgroup> shared_sums: array<vec4<f32>, 64>;

// The sum of a column, in the lane that is the column's first; `column` is beyond the last where there is none.
fn sum_of_column(column: u32, lane: u32) -> vec4<f32> {
    var a = vec4(0.0);
    var b = vec4(0.0);
    if column < q.vec4s {
        var row = lane / COLUMNS;
        for (; row + LANES < q.count; row += 2u * LANES) {
            a += parts[row * q.vec4s + column];
            b += parts[(row + LANES) * q.vec4s + column];
        }
        if row < q.count { a += parts[row * q.vec4s + column]; }
    }
    shared_sums[lane] = a + b;
    for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
        workgroupBarrier();
        if lane / COLUMNS < apart { shared_sums[lane] += shared_sums[lane + apart * COLUMNS]; }
    }
    return shared_sums[lane];
}

// One workgroup four columns, 16 threads each.
@compute @workgroup_size(64)
fn sum_last(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
            @builtin(local_invocation_index) lane: u32) {
    let column = workgroup_index(group, groups) * COLUMNS + lane % COLUMNS;
    let sum = sum_of_column(column, lane);
    if lane < COLUMNS && column < q.vec4s { sums[column] = sum; }
}

@compute @workgroup_size(64)
fn sum_last_two(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) lane: u32) {
    let column = workgroup_index(group, groups) * COLUMNS + lane % COLUMNS;
    let sum = sum_of_column(column, lane);
    if lane >= COLUMNS || column >= q.vec4s { return; }
    if column < q.first_vec4s {
        sums[column] = sum;
    } else {
        sums_beside[column - q.first_vec4s] = sum;
    }
}
