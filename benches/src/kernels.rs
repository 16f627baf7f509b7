//! Every kernel of the timed cases.

use triaxis::engine::{Graph, Mode, Plan, Value, gradients};
use triaxis_tests::{gpu, ops};

/// Times all.
pub(crate) fn run() {
    for case in ops::conv2d::timed(8) {
        let mut g = Graph::new(Mode::Train);
        let xs: Vec<Value> = (0..)
            .zip(&case.inputs)
            .map(|(i, x)| g.input_of(&format!("x{i}"), x.shape, x.dtype))
            .collect();
        let y = (case.apply)(&mut g, &xs).expect("case");
        let dy = g.input("dy", g.shape(y));
        let grads = gradients(&mut g, y, dy).expect("grads");
        let kept: Vec<Value> = [y]
            .into_iter()
            .chain(xs.iter().filter_map(|&x| grads.get(x)))
            .collect();
        let mut plan = Plan::compile(gpu(), &g, &kept).expect("plan");
        for v in xs.iter().chain([&dy]) {
            plan.write(*v, &vec![0.5; g.shape(*v).count()])
                .expect("write");
        }
        plan.run().expect("run");
        let profile = plan.profile().expect("profile");
        for row in profile.rows {
            println!(
                "{:40} {:28} {:8.2} ms {:7.2} GFLOP/s {:6.2} GB/s",
                case.name,
                row.kernel,
                row.seconds * 1e3,
                2e-9 * row.work as f64 / row.seconds,
                1e-9 * row.bytes as f64 / row.seconds
            );
        }
    }
}
