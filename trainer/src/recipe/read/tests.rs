use super::*;

fn refused(text: &str) -> String {
    let error = Recipe::parse(text, "recipe.toml").expect_err("this recipe must be refused");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn a_recipe_survives_toml() {
    let recipe = Recipe {
        img_size: Some(224),
        // Not the default, which is what files leave out.
        lr_base_size: None,
        clip_grad: Some(1.5),
        opt: Optimizer::RmspropTf(RmspropTf::default()),
        sched: Schedule::Step(Step {
            decay_epochs: 2.4,
            decay_rate: 0.97,
        }),
        model_ema: ModelEma::Off,
        ..Recipe::default()
    };
    assert_eq!(
        Recipe::parse(&recipe.to_toml(), "args.toml").unwrap(),
        recipe
    );
}

#[test]
fn what_is_left_out_keeps_its_default() {
    let recipe = Recipe::parse(
        "lr = 1\nopt = { name = \"sgd\", nesterov = false }\n",
        "recipe.toml",
    )
    .unwrap();
    assert_eq!(recipe.lr, 1.0);
    assert_eq!(
        recipe.opt,
        Optimizer::Sgd(Sgd {
            momentum: 0.9,
            nesterov: false
        })
    );
    assert_eq!(recipe.epochs, Recipe::default().epochs);
}

#[test]
fn a_typo_is_told_with_its_line_and_the_nearest_name() {
    let text = refused("lr = 1.0\nepochs = 3\nwarmup_epoch = 2\n");
    assert!(
        text.contains("line 3") && text.contains("`warmup_epochs`?"),
        "{text}"
    );
    let text = refused("seed = 1\n[opt]\nname = \"sgd\"\nmomentun = 0.9\n");
    assert!(
        text.contains("line 4") && text.contains("`momentum`?"),
        "{text}"
    );
    let text = refused("[opt]\nname = \"adam\"\n");
    assert!(
        text.contains("line 2") && text.contains("`adamw`?"),
        "{text}"
    );
    let text = refused("[sched]\nname = \"cosine\"\nbeta = 0.1\n");
    assert!(
        text.contains("line 3") && text.contains("sched = cosine"),
        "{text}"
    );
}

#[test]
fn a_value_of_another_kind_is_told_with_its_line() {
    let text = refused("\nlr = \"fast\"\n");
    assert!(
        text.contains("line 2") && text.contains("a number, got a string"),
        "{text}"
    );
    let text = refused("[opt]\nname = \"sgd\"\nmomentum = true\n");
    assert!(
        text.contains("line 3") && text.contains("a number, got a boolean"),
        "{text}"
    );
    let text = refused("epochs = -1\n");
    assert!(
        text.contains("line 1") && text.contains("epochs = -1"),
        "{text}"
    );
    let text = refused("opt = \"sgd\"\n");
    assert!(text.contains("opt = { name = \"sgd\""), "{text}");
    let text = refused("epochs = = 3\n");
    assert!(text.contains("line 1"), "{text}");
}

#[test]
fn a_file_that_is_no_recipe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.bin");
    assert_eq!(Recipe::load(&path).unwrap_err().exit_code(), 2);
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(
        Recipe::load(&path)
            .unwrap_err()
            .to_string()
            .contains("not UTF-8")
    );
    std::fs::write(&path, vec![b'#'; (LARGEST + 1) as usize]).unwrap();
    assert!(
        Recipe::load(&path)
            .unwrap_err()
            .to_string()
            .contains("1 MiB")
    );
}

#[test]
fn settings_are_equal_for_networks_trained_alike() {
    let recipe = Recipe::default();
    let other = Recipe {
        model: "resnet50".into(),
        num_classes: Some(7),
        seed: 43,
        ..recipe.clone()
    };
    assert_ne!(recipe.hash(), other.hash());
    assert_eq!(recipe.settings(), other.settings());
    let longer = Recipe {
        epochs: recipe.epochs + 1,
        ..recipe.clone()
    };
    assert_ne!(recipe.settings(), longer.settings());
}

#[test]
fn the_hash_follows_what_decides_the_result_only() {
    let recipe = Recipe::default();
    assert_eq!(
        recipe.hash(),
        Recipe {
            workers: 9,
            ..recipe.clone()
        }
        .hash()
    );
    let other = Recipe {
        seed: 43,
        opt: Optimizer::AdamW(AdamW::default()),
        ..recipe.clone()
    };
    assert_ne!(recipe.hash(), other.hash());
    let differences: Vec<String> = recipe
        .differences(&other)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        differences.contains(&"seed: 42 -> 43".to_owned()),
        "{differences:?}"
    );
    assert!(
        differences.contains(&"opt.momentum: 0.9 -> none".to_owned()),
        "{differences:?}"
    );
}

#[test]
fn choices_are_found_by_name_with_their_defaults() {
    assert_eq!(
        "sgd".parse::<Optimizer>().unwrap(),
        Optimizer::Sgd(Sgd::default())
    );
    assert_eq!("cosine".parse::<Schedule>().unwrap(), Schedule::Cosine);
    assert_eq!("off".parse::<ModelEma>().unwrap(), ModelEma::Off);
    let error = "cosin".parse::<Schedule>().unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("`cosine`?"), "{error}");
}

#[test]
fn the_mean_of_epochs_stands_beside_the_moving_average() {
    let text = "swa_start = 3\nmodel_ema = { name = \"decay\", decay = 0.5 }\n";
    let recipe = Recipe::parse(text, "r.toml").unwrap();
    assert_eq!(recipe.swa_start, Some(3));
    assert!(matches!(&recipe.model_ema, ModelEma::Decay(ema) if ema.decay == 0.5));
    assert_eq!(
        Recipe::parse(&recipe.to_toml(), "args.toml").unwrap(),
        recipe
    );
    // Once it was one of its kinds.
    let of_recipe = Recipe::parse("model_ema = { name = \"swa\", start = 3 }\n", "r.toml");
    let of_option = "swa".parse::<ModelEma>();
    for text in [
        of_recipe.unwrap_err().to_string(),
        of_option.unwrap_err().to_string(),
    ] {
        assert!(
            text.contains("cannot be \"swa\"") && text.contains("swa_start"),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_count_is_refused_in_words() {
    for line in ["epochs = -24", "seed = -1"] {
        let text = refused(&format!("{line}\n"));
        assert!(text.contains("line 1: "), "{text}");
        assert!(text.contains("expected a whole number from 0 on"), "{text}");
    }
}
