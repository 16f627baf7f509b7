use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::numbered;
use crate::data::{
    Augmentation, Batch, CropRule, DataError, Dataset, Fingerprint, Loader, LoaderOptions, Picture,
    ResizedCrop, StandIn, Synthetic,
};

mod damage;

/// Numbered pictures, some of which fail.
#[derive(Default)]
struct Numbers {
    count: usize,
    damaged: Vec<usize>,
    /// Those that cannot be read the first time.
    stumbles: Mutex<Vec<usize>>,
    panics: Option<usize>,
    delay: Duration,
    read: AtomicUsize,
    classes: Vec<String>,
}

impl Dataset for Numbers {
    fn len(&self) -> usize {
        self.count
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
    fn label(&self, index: usize) -> usize {
        index % 3
    }
    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        // Workers finish in an order of their own.
        thread::sleep(self.delay * (index as u32 % 3));
        assert_ne!(Some(index), self.panics, "this picture is cursed");
        let mut stumbles = self.stumbles.lock().unwrap();
        if let Some(at) = stumbles.iter().position(|&other| other == index) {
            stumbles.remove(at);
            return Err(DataError::Read {
                path: self.name(index).into(),
                source: io::ErrorKind::TimedOut.into(),
            });
        }
        if self.damaged.contains(&index) {
            return Err(DataError::Damaged {
                path: self.name(index).into(),
                format: "PNG",
                reason: "made so".into(),
            });
        }
        Ok(numbered(index))
    }
    fn name(&self, index: usize) -> String {
        format!("number-{index}")
    }
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint {
            pictures: self.count,
            bytes: 0,
            hash: "numbers".into(),
        }
    }
}

fn numbers(count: usize) -> Numbers {
    Numbers {
        count,
        ..Numbers::default()
    }
}

fn options(batch: usize) -> LoaderOptions {
    LoaderOptions {
        batch,
        side: 5,
        workers: 3,
        seed: 42,
        ..LoaderOptions::default()
    }
}

fn evaluation(batch: usize) -> LoaderOptions {
    LoaderOptions {
        shuffle: false,
        drop_last: false,
        ..options(batch)
    }
}

fn loader(data: Numbers, options: LoaderOptions) -> (Arc<Numbers>, Loader) {
    let data = Arc::new(data);
    let loader = Loader::new(Arc::clone(&data) as Arc<dyn Dataset>, options).unwrap();
    (data, loader)
}

fn all(loader: &Loader, epoch: u32, first: usize) -> Vec<Batch> {
    loader.epoch(epoch, first).map(Result::unwrap).collect()
}

fn indices(batches: &[Batch]) -> Vec<u32> {
    batches
        .iter()
        .flat_map(|batch| &batch.indices[..batch.valid])
        .copied()
        .collect()
}

#[test]
fn batches_are_the_same_with_1_2_and_8_workers() {
    let batches = |workers, cache_bytes| {
        let mut data = numbers(103);
        data.delay = Duration::from_micros(200);
        let (_, loader) = loader(
            data,
            LoaderOptions {
                workers,
                cache_bytes,
                queue: 3,
                ..options(10)
            },
        );
        (all(&loader, 0, 0), all(&loader, 1, 0))
    };
    let one = batches(1, 0);
    assert_eq!(one.0.len(), 10);
    assert_ne!(indices(&one.0), indices(&one.1));
    for (workers, cache_bytes) in [(2, 0), (8, 0), (1, 1 << 20), (8, 1 << 20), (0, 0)] {
        assert!(
            batches(workers, cache_bytes) == one,
            "{workers} workers, cache of {cache_bytes}"
        );
    }
}

#[test]
fn a_batch_holds_the_pictures_it_names() {
    let (_, loader) = loader(numbers(300), options(7));
    for batch in all(&loader, 5, 0) {
        assert_eq!((batch.valid, batch.images.len()), (7, 7 * 5 * 5 * 4));
        for (i, image) in batch.images.chunks_exact(100).enumerate() {
            let index = batch.indices[i] as usize;
            let rgb: Vec<u8> = image
                .chunks_exact(4)
                .flat_map(|pixel| pixel[..3].to_vec())
                .collect();
            assert_eq!(rgb, numbered(index).rgb);
            assert!(image.chunks_exact(4).all(|pixel| pixel[3] == 0));
            assert_eq!(batch.labels[i] as usize, index % 3);
        }
    }
}

#[test]
fn an_epoch_is_a_permutation_and_resumes_at_any_batch() {
    let (_, loader) = loader(numbers(60), options(6));
    let whole = all(&loader, 3, 0);
    let mut seen = indices(&whole);
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..60));
    for first in 0..=11 {
        assert_eq!(all(&loader, 3, first), whole[first.min(10)..]);
    }
}

#[test]
fn evaluation_shows_every_picture_once_and_pads() {
    let (_, loader) = loader(numbers(10), evaluation(4));
    let batches = all(&loader, 0, 0);
    assert!(indices(&batches).into_iter().eq(0..10));
    let last = &batches[2];
    assert_eq!((last.valid, &last.indices[..]), (2, &[8, 9, 9, 9][..]));
    assert_eq!(last.images[100..200], last.images[300..400]);
    assert_eq!(last.images.len(), 400);
}

#[test]
fn augmented_batches_are_the_same_with_any_workers_cache_and_first_batch() {
    let augmentation = Augmentation {
        crop: Some(ResizedCrop {
            scale: [0.2, 1.0],
            ratio: [0.75, 1.5],
            rule: CropRule::Pycls,
        }),
        policy: Some("rand-m9-mstd0.5".parse().unwrap()),
        ..Augmentation::default()
    };
    let batches = |augmentation: &Augmentation, workers, cache_bytes, first| {
        let (_, loader) = loader(
            numbers(103),
            LoaderOptions {
                augmentation: Some(augmentation.clone()),
                workers,
                cache_bytes,
                ..options(10)
            },
        );
        // The first epoch fills the cache.
        (all(&loader, 0, 0), all(&loader, 1, first))
    };
    for augmentation in [
        Augmentation {
            crop: None,
            ..augmentation.clone()
        },
        augmentation,
    ] {
        let one = batches(&augmentation, 1, 0, 0);
        // Each picture is the same at the start, and another one in each epoch.
        let picture = |batches: &[Batch], index| {
            let place = indices(batches).iter().position(|&i| i == index)?;
            Some(batches[place / 10].images[place % 10 * 100..][..100].to_vec())
        };
        let changed = (0..103)
            .filter(|&i| picture(&one.0, i) != picture(&one.1, i))
            .count();
        assert!(changed > 50, "{changed}");
        // Room for all, for some and for no picture.
        for (workers, cache_bytes) in [(2, 0), (8, 1 << 20), (3, 60 * 75), (0, 1 << 20)] {
            let got = batches(&augmentation, workers, cache_bytes, 0);
            assert!(got == one, "{workers} workers, cache of {cache_bytes}");
        }
        assert!(batches(&augmentation, 2, 0, 4).1 == one.1[4..]);
    }
}

#[test]
fn dropping_an_epoch_stops_its_threads() {
    let mut data = numbers(3_000);
    data.delay = Duration::from_millis(20);
    let (data, loader) = loader(
        data,
        LoaderOptions {
            batch: 1_000,
            workers: 2,
            ..options(1)
        },
    );
    let epoch = loader.epoch(0, 0);
    thread::sleep(Duration::from_millis(60));
    let started = Instant::now();
    drop(epoch);
    // A batch would take 20 seconds; one picture 40 ms.
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    let read = data.read.load(Ordering::Relaxed);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(read, data.read.load(Ordering::Relaxed));
}

#[test]
fn no_more_than_the_queue_is_prepared_ahead() {
    let (data, loader) = loader(
        numbers(1_000),
        LoaderOptions {
            queue: 2,
            workers: 4,
            cache_bytes: 0,
            ..options(10)
        },
    );
    let mut epoch = loader.epoch(0, 0);
    epoch.next().unwrap().unwrap();
    thread::sleep(Duration::from_millis(100));
    assert!(data.read.load(Ordering::Relaxed) <= 30);
}

#[test]
fn pictures_are_cached_only_where_the_whole_set_fits() {
    for (cache_bytes, reads) in [(60 * 100, 60), (60 * 100 - 1, 120)] {
        let (data, loader) = loader(
            numbers(60),
            LoaderOptions {
                cache_bytes,
                ..options(10)
            },
        );
        let first = all(&loader, 0, 0);
        assert_eq!(first.len(), 6);
        assert_eq!(all(&loader, 1, 0).len(), 6);
        assert_eq!(data.read.load(Ordering::Relaxed), reads);
        assert_eq!(all(&loader, 0, 0), first);
    }
}

#[test]
fn sizes_that_cannot_work_are_usage_errors() {
    let refused = |count, options| {
        let error = Loader::new(Arc::new(numbers(count)), options)
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    assert!(refused(10, options(11)).contains("only 10 pictures"));
    refused(0, evaluation(1));
    refused(10, options(0));
    refused(
        10,
        LoaderOptions {
            side: 0,
            ..options(1)
        },
    );
    refused(
        10,
        LoaderOptions {
            side: 16_385,
            ..options(1)
        },
    );
}

#[test]
fn pictures_of_another_size_are_fitted() {
    let data = Arc::new(Synthetic::new(0, "train", 20, 32));
    let loader = Loader::new(
        data,
        LoaderOptions {
            side: 16,
            ..options(10)
        },
    )
    .unwrap();
    let batches = all(&loader, 0, 0);
    assert_eq!(
        (batches.len(), batches[0].images.len()),
        (2, 10 * 16 * 16 * 4)
    );
}
