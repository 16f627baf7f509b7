//! A device that is lost or too small is an error that says what to do, never a panic.

use triaxis::engine::{
    AdapterKind, Arena, DType, Error, Gpu, GpuOptions, Graph, Limits, Mode, ParameterOptions, Plan,
    ops,
};

fn doubling(g: &mut Graph, side: usize) -> [triaxis::engine::Value; 2] {
    let x = g.input("x", [1, side, side, 4]);
    [x, ops::add(g, x, x).unwrap()]
}

#[test]
fn a_lost_device_is_an_error_at_the_next_run() {
    // A device of its own: the other tests go on with theirs.
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    let mut g = Graph::new(Mode::Evaluate);
    let [x, y] = doubling(&mut g, 2);
    let mut plan = Plan::compile(&gpu, &g, &[y]).unwrap();
    plan.write(x, &[1.0; 16]).unwrap();
    plan.run().unwrap();
    assert_eq!(plan.read(y).unwrap(), [2.0; 16]);
    gpu.lose();
    let error = plan.run().and_then(|()| gpu.wait()).unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error:?}");
    assert!(error.to_string().contains("triaxis doctor"), "{error}");
}

#[test]
fn a_plan_beyond_the_memory_limit_says_what_it_needs_and_what_there_is() {
    let options = GpuOptions {
        memory_limit: Some(1 << 20),
        ..GpuOptions::default()
    };
    let gpu = Gpu::open(&options).unwrap();
    let mut g = Graph::new(Mode::Evaluate);
    let [_, y] = doubling(&mut g, 256);
    let error = Plan::compile(&gpu, &g, &[y]).unwrap_err().to_string();
    // Two tensors of 256 x 256 x 4 numbers of 4 bytes.
    assert!(
        error.contains("2.0 MiB") && error.contains("1.0 MiB"),
        "{error}"
    );
}

#[test]
fn an_adapter_that_is_not_there_is_named_with_those_that_are() {
    let options = GpuOptions {
        adapter: Some("abacus".into()),
        ..GpuOptions::default()
    };
    let error = Gpu::open(&options).unwrap_err().to_string();
    assert!(
        error.contains("abacus") && error.contains("there are:"),
        "{error}"
    );
}

#[test]
fn submits_are_shorter_where_a_watchdog_may_wait_for_them() {
    let mut g = Graph::new(Mode::Evaluate);
    let [x, mut y] = doubling(&mut g, 4);
    for _ in 0..9 {
        y = ops::add(&mut g, y, y).unwrap();
    }
    // Ten additions that move two thirds of what a submit may.
    let of = |kind| {
        let limits = Limits {
            kind,
            bytes: 3 * 4 * 4 * 4 * 4 * 3 / 2,
            ..*crate::gpu().limits()
        };
        let mut plan = Plan::compile(&crate::gpu().with_limits(limits), &g, &[y]).unwrap();
        plan.write(x, &[1.0; 64]).unwrap();
        plan.run().unwrap();
        assert_eq!(plan.read(y).unwrap(), [1024.0; 64]);
        plan.submits()
    };
    assert_eq!(of(AdapterKind::Gpu), 10);
    assert_eq!(of(AdapterKind::Cpu), 1);
}

#[test]
fn a_value_that_is_not_kept_is_neither_read_nor_written() {
    let mut g = Graph::new(Mode::Evaluate);
    let [x, a] = doubling(&mut g, 2);
    let b = ops::add(&mut g, a, a).unwrap();
    let c = ops::add(&mut g, b, b).unwrap();
    let mut plan = Plan::compile(crate::gpu(), &g, &[b]).unwrap();
    plan.write(x, &[1.0; 16]).unwrap();
    plan.run().unwrap();
    // `a` lies in a pool, `c` nobody asked for, so that it lies nowhere.
    for value in [a, c] {
        let refused = [
            plan.read(value).map(drop),
            plan.read_later(value).map(drop),
            plan.read_padded(value).map(drop),
            plan.write(value, &[5.0; 16]),
            plan.write_raw(value, &[0; 64]),
            plan.write_images(value, 0, &[0; 64]),
        ];
        for refused in refused {
            let error = refused.unwrap_err();
            assert!(matches!(error, Error::NotKept(_)), "{error}");
            assert!(error.to_string().contains("name it when compiling"));
        }
    }
    assert_eq!(plan.read(x).unwrap(), [1.0; 16]);
    assert_eq!(plan.read(b).unwrap(), [4.0; 16]);
}

#[test]
fn memory_that_ran_out_is_told_once_and_a_lost_device_for_ever() {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    let mut g = Graph::new(Mode::Evaluate);
    let [x, y] = doubling(&mut g, 2);
    let mut plan = Plan::compile(&gpu, &g, &[y]).unwrap();
    plan.write(x, &[1.0; 16]).unwrap();
    gpu.exhaust();
    let error = plan.run().unwrap_err();
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error:?}");
    plan.run().unwrap();
    assert_eq!(plan.read(y).unwrap(), [2.0; 16]);
    gpu.exhaust();
    assert!(Plan::compile(&gpu, &g, &[y]).is_err());
    Plan::compile(&gpu, &g, &[y]).unwrap();
    gpu.lose();
    for _ in 0..2 {
        let error = plan.run().and_then(|()| gpu.wait()).unwrap_err();
        assert!(matches!(error, Error::DeviceLost { .. }), "{error:?}");
    }
}

#[test]
fn bytes_of_a_wrong_length_are_told_as_bytes_and_as_many_as_were_given() {
    let mut g = Graph::new(Mode::Evaluate);
    // Three images of 2 x 2 pixels, whose three channels are filled up to four.
    let x = g.input_of("pictures", [3, 2, 2, 3], DType::U8);
    let plan = Plan::compile(crate::gpu(), &g, &[]).unwrap();
    plan.write_raw(x, &[0; 48]).unwrap();
    plan.write_images(x, 1, &[0; 32]).unwrap();
    let told = |refused: triaxis::engine::Result<()>| refused.unwrap_err().to_string();
    assert_eq!(
        told(plan.write_raw(x, &[0; 36])),
        "pictures (3×2×2×3) takes 48 bytes, got 36 bytes"
    );
    for (first, given, most) in [(0, 17, 3), (1, 48, 2), (3, 16, 0), (usize::MAX, 0, 0)] {
        assert_eq!(
            told(plan.write_images(x, first, &vec![0; given])),
            format!(
                "pictures (3×2×2×3) takes whole images of 16 bytes, at most {most} of them from image {first} on, got \
                 {given} bytes"
            )
        );
    }
    assert_eq!(
        told(plan.write_u32(x, &[0; 35])),
        "pictures holds 36 numbers (3×2×2×3), got 35"
    );
}

#[test]
fn a_read_gives_its_numbers_once_and_says_so() {
    let mut g = Graph::new(Mode::Evaluate);
    let [x, y] = doubling(&mut g, 2);
    let options = ParameterOptions::default();
    g.parameter("weight", [1, 1, 1, 3], options).unwrap();
    let mut plan = Plan::compile(crate::gpu(), &g, &[y]).unwrap();
    plan.write(x, &[1.0; 16]).unwrap();
    plan.run().unwrap();
    let mut read = plan.read_later(y).unwrap();
    let mut arena = plan.export_later(&Arena::Parameters).unwrap();
    crate::gpu().wait().unwrap();
    assert_eq!(read.poll().unwrap().unwrap(), [2.0; 16]);
    assert_eq!(arena.poll().unwrap().unwrap().len(), 1);
    let again = [
        read.poll().map(drop),
        arena.poll().map(drop),
        read.wait().map(drop),
        arena.wait().map(drop),
    ];
    for again in again {
        let error = again.unwrap_err();
        assert!(matches!(error, Error::Given), "{error}");
    }
}
