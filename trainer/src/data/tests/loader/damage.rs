//! Pictures that cannot be read, and workers that panic.

use super::*;

#[test]
fn training_replaces_a_damaged_picture_by_the_next_good_one() {
    let clean = all(&loader(numbers(400), options(8)).1, 2, 0);
    let order = indices(&clean);
    let damaged = vec![order[20] as usize, order[21] as usize, order[399] as usize];
    for workers in [1, 4] {
        let mut data = numbers(400);
        data.damaged.clone_from(&damaged);
        let (_, loader) = loader(
            data,
            LoaderOptions {
                workers,
                ..options(8)
            },
        );
        let mut expected = order.clone();
        (expected[20], expected[21], expected[399]) = (order[22], order[22], order[0]);
        assert_eq!(indices(&all(&loader, 2, 0)), expected);
        let damage = loader.damage();
        assert_eq!(damage.count, 3);
        assert!(damage.examples[0].contains("number-"), "{damage:?}");
        // A second epoch finds the same ones, and counts them once.
        assert_eq!(all(&loader, 3, 0).len(), 50);
        assert_eq!(loader.damage().count, 3);
    }
}

#[test]
fn a_picture_that_could_be_read_the_next_time_is_damaged_no_more() {
    // More than 1 % in all, never in one epoch.
    let (data, loader) = loader(numbers(400), options(8));
    for epoch in 0..8 {
        *data.stumbles.lock().unwrap() = vec![13 * epoch as usize];
        assert_eq!(all(&loader, epoch, 0).len(), 50);
        assert!(loader.damage().count <= 1, "{:?}", loader.damage());
    }
    assert_eq!(all(&loader, 8, 0).len(), 50);
    assert_eq!(loader.damage().count, 0);
}

#[test]
fn evaluation_leaves_damaged_pictures_out() {
    let mut data = numbers(300);
    data.damaged = vec![0, 1, 299];
    let (_, loader) = loader(data, evaluation(2));
    let batches = all(&loader, 0, 0);
    assert_eq!(batches[0].valid, 0);
    assert_eq!(batches[0].images, [0; 200]);
    assert_eq!(
        (batches[149].valid, &batches[149].indices[..]),
        (1, &[298, 298][..])
    );
    assert!(indices(&batches).into_iter().eq(2..299));
}

#[test]
fn gray_stands_in_for_damaged_pictures_under_their_labels() {
    let damaged = vec![0, 7, 299];
    let gray = [128, 128, 128, 0].repeat(25);
    let augmentation = Augmentation {
        policy: Some("rand-m9-mstd0.5".parse().unwrap()),
        ..Augmentation::default()
    };
    for options in [
        options(10),
        evaluation(7),
        LoaderOptions {
            augmentation: Some(augmentation),
            workers: 1,
            ..options(10)
        },
    ] {
        let clean = all(&loader(numbers(300), options.clone()).1, 1, 0);
        let mut data = numbers(300);
        data.damaged.clone_from(&damaged);
        let stand_in = StandIn::Gray;
        let (_, loader) = loader(
            data,
            LoaderOptions {
                stand_in,
                ..options
            },
        );
        let mut seen = 0;
        for (clean, got) in clean.iter().zip(all(&loader, 1, 0)) {
            assert_eq!((clean.valid, &clean.labels), (got.valid, &got.labels));
            assert_eq!(clean.indices, got.indices);
            for (i, &index) in got.indices[..got.valid].iter().enumerate() {
                let picture = |batch: &Batch| batch.images[i * 100..][..100].to_vec();
                let wanted = match damaged.contains(&(index as usize)) {
                    true => gray.clone(),
                    false => picture(clean),
                };
                assert!(picture(&got) == wanted, "picture {index}");
                seen += 1;
            }
        }
        assert_eq!((seen, loader.damage().count), (300, 3));
    }
}

#[test]
fn gray_has_the_same_cap_as_leaving_out() {
    let mut data = numbers(200);
    data.damaged = vec![3, 50, 120];
    let stand_in = StandIn::Gray;
    let (_, loader) = loader(
        data,
        LoaderOptions {
            stand_in,
            ..options(10)
        },
    );
    let error = loader.epoch(0, 0).find_map(Result::err).unwrap();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("3 of 200"), "{error}");
}

#[test]
fn more_than_1_percent_damaged_ends_with_exit_3_at_the_same_batch() {
    for workers in [1, 2, 8] {
        let mut data = numbers(200);
        data.damaged = vec![3, 50, 120];
        let (_, loader) = loader(
            data,
            LoaderOptions {
                workers,
                ..evaluation(10)
            },
        );
        let results: Vec<_> = loader.epoch(0, 0).collect();
        assert_eq!(results.len(), 13);
        let error = results.last().unwrap().as_ref().unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let message = error.to_string();
        assert!(
            message.contains("3 of 200") && message.contains("number-50"),
            "{message}"
        );
    }
}

#[test]
fn data_that_is_all_damaged_is_an_error_not_a_long_search() {
    let mut data = numbers(5_000);
    data.damaged = (0..5_000).collect();
    let (data, loader) = loader(
        data,
        LoaderOptions {
            workers: 1,
            ..options(10)
        },
    );
    assert!(matches!(
        loader.epoch(0, 0).next(),
        Some(Err(DataError::TooManyDamaged { .. }))
    ));
    assert!(data.read.load(Ordering::Relaxed) < 1_000);
}

#[test]
fn a_panic_in_a_worker_is_an_error_that_names_the_picture() {
    for workers in [1, 4] {
        let mut data = numbers(100);
        data.panics = Some(57);
        let (_, loader) = loader(
            data,
            LoaderOptions {
                workers,
                ..evaluation(10)
            },
        );
        let results: Vec<_> = loader.epoch(0, 0).collect();
        assert_eq!(results.len(), 6);
        let message = results[5].as_ref().unwrap_err().to_string();
        assert!(
            message.contains("`number-57`") && message.contains("cursed"),
            "{message}"
        );
    }
}
