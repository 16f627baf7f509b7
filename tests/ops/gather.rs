//! `engine::ops::gather`: pictures in any order, some of them twice, out of a data set of any length.

use triaxis::engine::ops::{Augment, augment, gather};
use triaxis::engine::{DType, Shape};

use super::augment::bytes;
use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    vec![
        case("the only picture", [1, 1, 1, 3], &[0]),
        case("some of seven", [7, 5, 7, 3], &[6, 0, 3, 3]),
        case("more than there are", [2, 3, 2, 3], &[1, 0, 1, 1, 0]),
        case(
            "a place behind the data",
            [3, 2, 2, 3],
            &[2, 3, 4_000_000_000],
        ),
    ]
}

/// Pictures of 224 and of 32 pixels a side, a batch of `n` out of twice as many.
pub fn timed(n: usize) -> Vec<Case> {
    let places: Vec<u32> = (0..n as u32).map(|i| 2 * i + i % 2).rev().collect();
    vec![
        case("224", [2 * n, 224, 224, 3], &places),
        case("32", [2 * n, 32, 32, 3], &places),
    ]
}

/// Leaves bytes as they are: what is gathered is looked at as `augment` normalises it.
fn plain() -> Augment {
    Augment {
        mean: [0.0; 3],
        std: [1.0 / 255.0; 3],
        ..Augment::default()
    }
}

fn case(name: &str, shape: [usize; 4], places: &[u32]) -> Case {
    let [m, h, w, c] = shape;
    Case {
        name: format!("gather {name}"),
        inputs: vec![
            Input::whole(shape, DType::U8, bytes(Shape(shape).count())),
            Input::whole(
                [places.len(), 1, 1, 1],
                DType::U32,
                places.iter().map(|&place| f64::from(place)).collect(),
            ),
        ],
        apply: Box::new(|g, v| {
            let pictures = gather(g, v[0], v[1])?;
            augment(g, pictures, plain())
        }),
        reference: Box::new(move |v| {
            let picture = |place: &f64| {
                let place = (*place as usize).min(m - 1);
                v[0][place * h * w * c..][..h * w * c].to_vec()
            };
            v[1].iter().flat_map(picture).collect()
        }),
        differences: Differences::None,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{DType, Graph, Limits, Mode, Plan, ops};

    use crate::gpu;

    #[test]
    fn gather_matches_reference() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn a_data_set_longer_than_a_binding_is_read_in_parts_and_written_in_parts() {
        // 40 pictures of 4 KiB where a binding holds ten.
        let limits = Limits {
            binding: 40 << 10,
            ..*gpu().limits()
        };
        let mut g = Graph::new(Mode::Evaluate);
        let data = g.input_of("data", [40, 32, 32, 3], DType::U8);
        let places = g.input_of("places", [4, 1, 1, 1], DType::U32);
        let pictures = ops::gather(&mut g, data, places).unwrap();
        let y = ops::augment(&mut g, pictures, super::plain()).unwrap();
        let plan = Plan::compile(&gpu().with_limits(limits), &g, &[y]);
        let mut plan = plan.unwrap();
        let traffic = plan.traffic();
        let rows = traffic.rows.iter().filter(|row| row.kernel == "gather");
        let bytes: Vec<u64> = rows.map(|row| row.bytes).collect();
        // A quarter of the pictures, all places, what is gathered.
        assert_eq!(bytes, [4096 + 4 * 16 + 4 * 4096; 4]);
        assert_eq!(plan.memory().inputs, 40 * 4096 + 4 * 16);
        for picture in (0..40).rev() {
            plan.write_images(data, picture, &[picture as u8 + 1; 4096])
                .unwrap();
        }
        plan.write_u32(places, &[39, 0, 10, 9]).unwrap();
        plan.run().unwrap();
        let got = plan.read(y).unwrap();
        for (image, byte) in got.chunks_exact(3 * 1024).zip([40.0, 1.0, 11.0, 10.0]) {
            assert!(image.iter().all(|x| (x - byte).abs() < 1e-3), "byte {byte}");
        }
    }

    #[test]
    fn images_are_written_whole_and_where_there_are_some() {
        let mut g = Graph::new(Mode::Evaluate);
        let data = g.input_of("data", [3, 2, 2, 3], DType::U8);
        let places = g.input_of("places", [1, 1, 1, 1], DType::U32);
        let y = ops::gather(&mut g, data, places).unwrap();
        let plan = Plan::compile(gpu(), &g, &[y]).unwrap();
        plan.write_images(data, 1, &[7; 32]).unwrap();
        for (first, count) in [(0, 15), (2, 32), (4, 16)] {
            let error = plan.write_images(data, first, &vec![0; count]);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(&format!("got {count} bytes")), "{error}");
        }
    }

    #[test]
    fn gather_refuses_what_is_no_data_set_or_no_places() {
        let mut g = Graph::new(Mode::Evaluate);
        let data = g.input_of("data", [3, 2, 2, 3], DType::U8);
        let numbers = g.input("numbers", [3, 2, 2, 3]);
        let grey = g.input_of("grey", [3, 2, 2, 1], DType::U8);
        let places = g.input_of("places", [2, 1, 1, 1], DType::U32);
        let wide = g.input_of("wide", [2, 1, 1, 2], DType::U32);
        for (data, places) in [
            (numbers, places),
            (data, data),
            (grey, places),
            (data, wide),
        ] {
            let error = ops::gather(&mut g, data, places).unwrap_err().to_string();
            assert!(error.starts_with("gather"), "{error}");
        }
    }
}
