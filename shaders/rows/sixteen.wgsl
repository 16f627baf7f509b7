// Output pixels that a thread of the blocked convolution makes, where four share what they read.

const ROWS: u32 = 16u;
