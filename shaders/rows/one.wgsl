// The same for images of one pixel, and few of them: see `alone`.

const ROWS: u32 = 1u;
