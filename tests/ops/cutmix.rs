//! `engine::ops::cutmix`: rectangles within, at the edges, empty and whole; an image that is the partner of several.

use triaxis::engine::DType;
use triaxis::engine::ops::cutmix;

use crate::{Case, Differences, Input};

/// The configurations that are checked and timed.
pub fn cases() -> Vec<Case> {
    let all = Differences::All;
    vec![
        case("one image", [1, 1, 1, 1], &[0], [0, 0, 1, 1], all),
        case("within", [3, 5, 7, 6], &[2, 0, 1], [2, 1, 6, 3], all),
        case(
            "a corner, a partner of three",
            [4, 4, 3, 10],
            &[1, 1, 1, 3],
            [1, 2, 3, 4],
            all,
        ),
        case("nothing", [2, 3, 4, 3], &[1, 0], [2, 2, 2, 3], all),
        case("the whole", [2, 3, 4, 3], &[1, 0], [0, 0, 4, 3], all),
        case(
            "pictures",
            [5, 33, 40, 3],
            &[4, 2, 3, 0, 1],
            [7, 9, 31, 20],
            Differences::None,
        ),
    ]
}

/// Pictures of 224 pixels a side, for a batch of `n`.
pub fn timed(n: usize) -> Vec<Case> {
    let partner: Vec<usize> = (0..n).rev().collect();
    vec![case(
        "3_224",
        [n, 224, 224, 3],
        &partner,
        [20, 30, 180, 190],
        Differences::None,
    )]
}

fn case(
    name: &str,
    shape: [usize; 4],
    partner: &[usize],
    rectangle: [usize; 4],
    differences: Differences,
) -> Case {
    let numbers = |of: &[usize]| of.iter().map(|&number| number as f64).collect();
    Case {
        name: format!("cutmix {name}"),
        inputs: vec![
            Input::random(shape),
            Input::whole([shape[0], 1, 1, 1], DType::U32, numbers(partner)),
            Input::whole([1, 1, 1, 4], DType::U32, numbers(&rectangle)),
        ],
        apply: Box::new(|g, v| cutmix(g, v[0], v[1], v[2])),
        reference: Box::new(move |v| {
            let [_, h, w, c] = shape;
            let [left, top, right, bottom] = rectangle;
            let source = |i: usize| {
                let (image, row, column) = (i / c / w / h, i / c / w % h, i / c % w);
                let inside = (left..right).contains(&column) && (top..bottom).contains(&row);
                let from = if inside { v[1][image] as usize } else { image };
                v[0][from * h * w * c + i % (h * w * c)]
            };
            (0..v[0].len()).map(source).collect()
        }),
        differences,
    }
}

#[cfg(test)]
mod tests {
    use triaxis::engine::{DType, Graph, Mode, ops};

    #[test]
    fn cutmix_matches_reference_and_its_differences() {
        crate::check_all(&super::cases());
    }

    #[test]
    fn cutmix_refuses_rectangles_that_are_none() {
        let mut g = Graph::new(Mode::Train);
        let x = g.input("x", [2, 4, 4, 3]);
        let partner = g.input_of("partner", [2, 1, 1, 1], DType::U32);
        let three = g.input_of("three", [1, 1, 1, 3], DType::U32);
        let numbers = g.input("numbers", [1, 1, 1, 4]);
        let mut refused = |rectangle| {
            ops::cutmix(&mut g, x, partner, rectangle)
                .unwrap_err()
                .to_string()
        };
        assert!(
            refused(three).contains("one rectangle 1×1×1×4"),
            "{}",
            refused(three)
        );
        assert_eq!(refused(numbers), "cutmix: numbers is F32, expected U32");
    }
}
