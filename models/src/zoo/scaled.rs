//! Networks that *Fast and Accurate Model Scaling* (<https://arxiv.org/abs/2103.06877>) scales, Tables 7 and 8.
//!
//! The text says 8, 32 and 4 times; with pycls's rounding the tables' counts come out at other factors, which were
//! probably tuned to whole multiply-adds. Each `fitted` factor lies within the range that gives its table's row:
//! 10.98 to 11.06, 47.89 to 48.12, 8.20 to 8.29, 32.59 to 32.97, 3.92 to 4.18, 8.03 to 8.27, 31.24 to 31.68 and 3.88
//! to 3.89, in this order.

use super::{Entry, Source, Status};

#[rustfmt::skip] // A network a line.
pub(super) const ENTRIES: &[Entry] = &[
    fitted("efficientnet_b0@4gf", &["EN-B0->4GF"], "efficientnet_b0", 11.0),
    fitted("efficientnet_b0@16gf", &["EN-B0->16GF"], "efficientnet_b0", 48.0),
    fitted("regnety_500mf@4gf", &["RegNetY-500MF->4GF"], "regnety_500mf", 8.25),
    fitted("regnety_500mf@16gf", &["RegNetY-500MF->16GF"], "regnety_500mf", 32.75),
    fitted("regnety_4gf@16gf", &["RegNetY-4GF->16GF"], "regnety_4gf", 4.0),
    fitted("regnetz_500mf@4gf", &["RegNetZ-500MF->4GF"], "regnetz_500mf", 8.25),
    fitted("regnetz_500mf@16gf", &["RegNetZ-500MF->16GF"], "regnetz_500mf", 31.5),
    fitted("regnetz_4gf@16gf", &["RegNetZ-4GF->16GF"], "regnetz_4gf", 3.885),
    nominal("regnety_500mf@x8", &["RegNetY-500MF x8"], "regnety_500mf", 8.0),
    nominal("regnety_500mf@x32", &["RegNetY-500MF x32"], "regnety_500mf", 32.0),
    nominal("regnetz_500mf@x8", &["RegNetZ-500MF x8"], "regnetz_500mf", 8.0),
    nominal("regnetz_500mf@x32", &["RegNetZ-500MF x32"], "regnetz_500mf", 32.0),
    nominal("regnetz_4gf@x4", &["RegNetZ-4GF x4"], "regnetz_4gf", 4.0),
];

const fn fitted(
    name: &'static str,
    aliases: &'static [&'static str],
    base: &'static str,
    factor: f64,
) -> Entry {
    Entry {
        name,
        aliases,
        status: Status::Fitted,
        source: Source::Scaled { base, factor },
    }
}

const fn nominal(
    name: &'static str,
    aliases: &'static [&'static str],
    base: &'static str,
    factor: f64,
) -> Entry {
    fitted(name, aliases, base, factor).status(Status::Nominal)
}
