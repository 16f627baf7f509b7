// Output pixels that a thread of the blocked convolution makes, where eight share what they read.

const ROWS: u32 = 32u;
