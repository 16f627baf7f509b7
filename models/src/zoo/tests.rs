use std::collections::BTreeSet;

use triaxis_engine::{Graph, Mode, NodeId};

use super::*;
use crate::Model;

#[test]
fn a_misspelled_name_is_answered_with_the_likely_ones() {
    let error = |name| zoo(name).unwrap_err().to_string();
    assert_eq!(
        error("efficentnet_b0"),
        "no model is named `efficentnet_b0`: did you mean `efficientnet_b0`, `efficientnet_b1` or `efficientnet_b2`? \
         `triaxis models` lists all names, and a path that ends in .toml names a file"
    );
    let alias = error("EN-B0>16GF");
    assert!(alias.contains("did you mean `EN-B0->16GF`"), "{alias}");
    assert_eq!(
        error("qqq"),
        "no model is named `qqq`: `triaxis models` lists all names, and a path that ends in .toml names a file"
    );
}

#[test]
fn a_name_means_one_network_in_upper_and_lower_case() {
    let known: Vec<String> = entries()
        .flat_map(|e| [&[e.name], e.aliases].concat())
        .map(str::to_lowercase)
        .collect();
    let unique: BTreeSet<_> = known.iter().collect();
    assert_eq!(unique.len(), known.len());
    for entry in entries() {
        for name in [&[entry.name], entry.aliases].concat() {
            assert_eq!(zoo(&name.to_uppercase()).unwrap().name, entry.name);
            assert_eq!(zoo(&name.to_lowercase()).unwrap().name, entry.name);
        }
    }
}

#[test]
fn every_network_can_be_built_at_its_resolution() {
    for entry in entries() {
        let checked = entry.spec().and_then(|spec| spec.check());
        checked.unwrap_or_else(|e| panic!("{}: {e}", entry.name));
    }
}

#[test]
fn what_is_scaled_says_from_what() {
    for entry in entries() {
        let scaled = matches!(entry.status, Status::Fitted | Status::Nominal);
        assert_eq!(scaled, entry.scaled_from().is_some(), "{}", entry.name);
    }
    let names = names();
    let of = |status| entries().filter(move |e| e.status == status).count();
    assert_eq!(Status::ALL.map(of).iter().sum::<usize>(), names.len());
}

#[test]
fn b1_is_b0_with_a_tenth_more_depth_rounded_up() {
    let Network::EfficientNet(b1) = zoo("efficientnet_b1").unwrap().network else {
        panic!("b1 is an EfficientNet");
    };
    let depths: Vec<usize> = b1.stages.iter().map(|s| s.depth).collect();
    assert_eq!(depths, [2, 3, 3, 4, 4, 5, 2]);
}

fn train_graph(name: &str) -> Graph {
    let mut spec = zoo(name).unwrap();
    spec.network.set_drop(0.0, 0.2);
    let mut g = Graph::new(Mode::Train);
    let images = g.input("images", [2, 64, 64, 3]);
    spec.forward(&mut g, images).unwrap();
    g
}

#[test]
fn the_last_residual_block_drops_at_timms_rate() {
    // `drop_path_rate=0.2` in timm 1.0.31. B0's last residual block is the fifteenth of sixteen.
    for (name, scope, rate) in [
        ("regnety_004", "s4.b6", "0.2"),
        ("regnetz_005", "s4.b7", "0.2"),
        ("resnet18", "layer4.1", "0.2"),
        ("resnet50", "layer4.2", "0.2"),
        ("efficientnet_b0", "blocks.5.3", "0.175"),
    ] {
        let g = train_graph(name);
        let drops = |id: &NodeId| g.node(*id).op.name() == "drop_path";
        let last = g.node(g.nodes().rfind(drops).unwrap());
        assert_eq!(last.scope, scope, "{name}");
        let op = format!("{:?}", last.op);
        assert!(op.contains(&format!("rate: {rate},")), "{name}: {op}");
    }
}

#[test]
fn linear_blocks_without_a_head_are_activated_before_the_mean_as_timms() {
    for (name, scope, op) in [
        ("regnetz_040", "final_conv", "activation"),
        ("regnetz_040_h", "final_conv.bn", "batch_norm"),
        ("regnety_040", "s4.b2", "activation"),
    ] {
        let g = train_graph(name);
        let pools = |id: &NodeId| g.node(*id).op.name() == "global_avg_pool";
        let pool = g.node(g.nodes().rfind(pools).unwrap());
        let makes = |id: &NodeId| g.node(*id).outputs.contains(&pool.inputs[0]);
        let before = g.node(g.nodes().find(makes).unwrap());
        assert_eq!(before.scope, scope, "{name}");
        assert!(before.op.name().starts_with(op), "{name}: {:?}", before.op);
    }
}
