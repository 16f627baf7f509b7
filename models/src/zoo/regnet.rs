//! RegNet X and Y as pycls released them (<https://arxiv.org/abs/2003.13678>), torchvision's three that differ, and the
//! networks of *Fast and Accurate Model Scaling* (<https://arxiv.org/abs/2103.06877>).

use super::{Entry, Source, Status, imagenet};
use crate::regnet::line;
use crate::{Line, Network, RegNet, Spec};

#[rustfmt::skip] // A network a line.
pub(super) const ENTRIES: &[Entry] = &[
    x("regnetx_002", &["DDS RegNetX-200MF"], line(13, 24, 36.44, 2.49, 8)),
    x("regnetx_004", &["DDS RegNetX-400MF"], line(22, 24, 24.48, 2.54, 16)),
    x("regnetx_006", &["DDS RegNetX-600MF"], line(16, 48, 36.97, 2.24, 24)),
    x("regnetx_008", &["DDS RegNetX-800MF", "regnet_x_800mf"], line(16, 56, 35.73, 2.28, 16)),
    x("regnetx_016", &["DDS RegNetX-1.6GF", "regnet_x_1_6gf"], line(18, 80, 34.01, 2.25, 24)),
    x("regnetx_032", &["DDS RegNetX-3.2GF", "regnet_x_3_2gf"], line(25, 88, 26.31, 2.25, 48)),
    x("regnetx_040", &["DDS RegNetX-4.0GF"], line(23, 96, 38.65, 2.43, 40)),
    x("regnetx_064", &["DDS RegNetX-6.4GF"], line(17, 184, 60.83, 2.07, 56)),
    x("regnetx_080", &["DDS RegNetX-8.0GF", "regnet_x_8gf"], line(23, 80, 49.56, 2.88, 120)),
    x("regnetx_120", &["DDS RegNetX-12GF"], line(19, 168, 73.36, 2.37, 112)),
    x("regnetx_160", &["DDS RegNetX-16GF", "regnet_x_16gf"], line(22, 216, 55.59, 2.1, 128)),
    x("regnetx_320", &["DDS RegNetX-32GF", "regnet_x_32gf"], line(23, 320, 69.86, 2.0, 168)),
    y("regnety_002", &["DDS RegNetY-200MF"], line(13, 24, 36.44, 2.49, 8)),
    y("regnety_004", &["DDS RegNetY-400MF", "regnet_y_400mf"], line(16, 48, 27.89, 2.09, 8)),
    y("regnety_006", &["DDS RegNetY-600MF"], line(15, 48, 32.54, 2.32, 16)),
    y("regnety_008", &["DDS RegNetY-800MF"], line(14, 56, 38.84, 2.4, 16)),
    y("regnety_016", &["DDS RegNetY-1.6GF", "regnet_y_1_6gf"], line(27, 48, 20.71, 2.65, 24)),
    y("regnety_032", &["DDS RegNetY-3.2GF", "regnet_y_3_2gf"], line(21, 80, 42.63, 2.66, 24)),
    y("regnety_040", &["DDS RegNetY-4.0GF", "RegNetY-4GF-224"], line(22, 96, 31.41, 2.24, 64)),
    y("regnety_064", &["DDS RegNetY-6.4GF"], line(25, 112, 33.22, 2.27, 72)),
    y("regnety_080", &["DDS RegNetY-8.0GF"], line(17, 192, 76.82, 2.19, 56)),
    y("regnety_120", &["DDS RegNetY-12GF"], line(19, 168, 73.36, 2.37, 112)),
    y("regnety_160", &["DDS RegNetY-16GF", "regnet_y_16gf"], line(18, 200, 106.23, 2.48, 112)),
    y("regnety_320", &["DDS RegNetY-32GF", "regnet_y_32gf"], line(20, 232, 115.89, 2.53, 232)),
    // The three lines above that torchvision rounds to other widths.
    from(torchvision_x, "regnetx_004_tv", &["regnet_x_400mf"], line(22, 24, 24.48, 2.54, 16)),
    from(torchvision_y, "regnety_008_tv", &["regnet_y_800mf"], line(14, 56, 38.84, 2.4, 16)),
    from(torchvision_y, "regnety_080_tv", &["regnet_y_8gf"], line(17, 192, 76.82, 2.19, 56)),
    // ClassyVision's bodies with timm's heads.
    Entry::spec_of("regnetz_005", &["RegNetZ-500MF-h1024"], || z(224, Z_500MF, 1024)),
    Entry::spec_of("regnetz_040", &["RegNetZ-4GF-h0"], || z(256, Z_4GF, 0)),
    Entry::spec_of("regnetz_040_h", &["RegNetZ-4GF-h1536"], || z(256, Z_4GF, 1536)),
    Entry::spec_of("regnety_500mf", &["RegNetY-500MF"], RegNet::y_500mf).status(Status::Reconstructed),
    Entry::spec_of("regnety_4gf", &["RegNetY-4GF"], RegNet::y_4gf).status(Status::Reconstructed),
    Entry::spec_of("regnetz_500mf", &["RegNetZ-500MF"], RegNet::z_500mf).status(Status::Reconstructed),
    Entry::spec_of("regnetz_4gf", &["RegNetZ-4GF"], RegNet::z_4gf).status(Status::Reconstructed),
    Entry::spec_of("regnetz_4gf_h1024", &["RegNetZ-4GF-h1024"], || z(256, Z_4GF, 1024))
        .status(Status::Variant),
    Entry::spec_of("regnetz_4gf_224", &["RegNetZ-4GF-224-candA", "RegNetZ-4GF-224"], || {
        z(224, line(26, 56, 14.9, 2.156, 16), 1000)
    })
    .status(Status::Candidate),
    Entry::spec_of("regnetz_4gf_224b", &["RegNetZ-4GF-224-candB"], || {
        z(224, line(21, 72, 20.0, 2.008, 16), 1000)
    })
    .status(Status::Candidate),
    Entry::spec_of("regnetz_g1_500mf", &["RegNetZ-G1-500MF-standin", "RegNetZ-G1-500MF"], || {
        z(224, Line { group_width: 1, ..Z_500MF }, 1000)
    })
    .status(Status::StandIn),
];

/// ClassyVision's regnet_z_500mf.
const Z_500MF: Line = line(21, 16, 10.7, 2.51, 4);
/// ClassyVision's regnet_z_4gf.
const Z_4GF: Line = line(28, 48, 14.5, 2.226, 8);

const fn x(name: &'static str, aliases: &'static [&'static str], line: Line) -> Entry {
    from(RegNet::x, name, aliases, line)
}

const fn y(name: &'static str, aliases: &'static [&'static str], line: Line) -> Entry {
    from(RegNet::y, name, aliases, line)
}

const fn from(
    net: fn(Line) -> RegNet,
    name: &'static str,
    aliases: &'static [&'static str],
    line: Line,
) -> Entry {
    Entry {
        name,
        aliases,
        status: Status::Released,
        source: Source::Line(net, line),
    }
}

fn torchvision_x(line: Line) -> RegNet {
    RegNet {
        stages: line.torchvision_stages(),
        ..RegNet::x(line)
    }
}

fn torchvision_y(line: Line) -> RegNet {
    RegNet {
        stages: line.torchvision_stages(),
        ..RegNet::y(line)
    }
}

fn z(resolution: usize, line: Line, head: usize) -> Spec {
    imagenet(resolution, Network::RegNet(RegNet::z(line, head)))
}
