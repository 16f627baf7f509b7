// Output pixels that a thread of the blocked convolution makes, where four share what they read or there are few.

const ROWS: u32 = 16u;
