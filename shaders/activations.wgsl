// Activation functions, chosen by a number that is an `override` where they are used.

const IDENTITY: u32 = 0u;
const RELU: u32 = 1u;
const SILU: u32 = 2u;
const SIGMOID: u32 = 3u;
const HARD_SWISH: u32 = 4u;
const RELU6: u32 = 5u;

fn activate(kind: u32, x: vec4<f32>) -> vec4<f32> {
    switch kind {
        case RELU: { return max(x, vec4(0.0)); }
        case SILU: { return x / (1.0 + exp(-x)); }
        case SIGMOID: { return 1.0 / (1.0 + exp(-x)); }
        case HARD_SWISH: { return x * clamp(x / 6.0 + 0.5, vec4(0.0), vec4(1.0)); }
        case RELU6: { return clamp(x, vec4(0.0), vec4(6.0)); }
        default: { return x; }
    }
}

// The derivative at x.
fn activate_grad(kind: u32, x: vec4<f32>) -> vec4<f32> {
    switch kind {
        case RELU: { return select(vec4(0.0), vec4(1.0), x > vec4(0.0)); }
        case SILU: {
            let s = 1.0 / (1.0 + exp(-x));
            return s * (1.0 + x * (1.0 - s));
        }
        case SIGMOID: {
            let s = 1.0 / (1.0 + exp(-x));
            return s * (1.0 - s);
        }
        case HARD_SWISH: {
            let inner = select(vec4(0.0), x / 3.0 + 0.5, x > vec4(-3.0));
            return select(inner, vec4(1.0), x >= vec4(3.0));
        }
        case RELU6: {
            let inside = (x > vec4(0.0)) & (x < vec4(6.0));
            return select(vec4(0.0), vec4(1.0), inside);
        }
        default: { return vec4(1.0); }
    }
}
