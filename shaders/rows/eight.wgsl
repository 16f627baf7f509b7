// Output pixels that a thread of the blocked convolution makes.

const ROWS: u32 = 8u;
