// Output pixels that a thread of the blocked convolution makes, and reads alone: see `alone`.

const ROWS: u32 = 8u;
