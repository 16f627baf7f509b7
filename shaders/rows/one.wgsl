// Output pixels that a thread of the blocked convolution makes: of images of one pixel, and few of them.

const ROWS: u32 = 1u;
