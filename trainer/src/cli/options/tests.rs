use clap::Parser;

use super::*;
use crate::recipe::{Augment, ClipMode, ModelEma, Optimizer, Place, Schedule};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    recipe: RecipeOptions,
}

fn recipe(words: &str) -> Result<Recipe> {
    let words = ["train"].into_iter().chain(words.split_whitespace());
    Line::try_parse_from(words).unwrap().recipe.recipe()
}

#[test]
fn without_options_the_recipe_is_the_default() {
    assert_eq!(recipe("").unwrap(), Recipe::default());
    let words = "--recipe fast-scaling --scale off --aa off --crop-rule timm --train-interpolation bilinear \
                 --lighting 0 --crop-pct 1 --grad-accum-steps 1 --precise-bn 0 --amp=false";
    assert_eq!(recipe(words).unwrap(), Recipe::default());
    assert!(recipe("--amp").unwrap().amp && recipe("--recipe fast-scaling").unwrap().amp);
}

#[test]
fn schedule_1x_2x_4x_are_100_200_400_epochs_of_the_same_curve() {
    for (length, epochs) in [("1x", 100), ("2x", 200), ("4x", 400)] {
        let got = recipe(&format!("--recipe fast-scaling --schedule {length}")).unwrap();
        let expected = Recipe {
            epochs,
            ..recipe("--recipe fast-scaling").unwrap()
        };
        assert_eq!(got, expected);
    }
    let both = ["train", "--schedule", "1x", "--epochs", "3"];
    assert!(Line::try_parse_from(both).is_err());
    assert!(Line::try_parse_from(["train", "--schedule", "3x"]).is_err());
}

#[test]
fn augmentations_have_timms_options() {
    let got = recipe(
        "--recipe cifar --scale 0.2 0.9 --ratio 0.5 2 --aa rand-m9-mstd0.5-inc1 --train-interpolation random",
    );
    let augment = got.unwrap().augment;
    assert_eq!(
        (augment.scale, augment.ratio),
        (Some([0.2, 0.9]), [0.5, 2.0])
    );
    assert_eq!(augment.aa.as_deref(), Some("rand-m9-mstd0.5-inc1"));
    assert_eq!(augment.train_interpolation, crate::data::Resampling::Random);
    let jitter = |words| recipe(words).unwrap().augment.color_jitter;
    assert_eq!(jitter("--color-jitter 0.4"), [0.4, 0.4, 0.4, 0.0]);
    assert_eq!(
        jitter("--color-jitter 0.1 0.2 0.3 0.05"),
        [0.1, 0.2, 0.3, 0.05]
    );
    let words = "--augment gpu --reprob 0.25 --remode rand --recount 2 --lighting 0.1 --cutmix 1 --cutmix-minmax 0.2 0.8 \
                 --mixup-prob 0.9 --mixup-switch-prob 0.4";
    let expected = Augment {
        device: Place::Gpu,
        reprob: 0.25,
        remode: crate::data::EraseMode::Rand,
        recount: 2,
        lighting: 0.1,
        cutmix: 1.0,
        cutmix_minmax: Some([0.2, 0.8]),
        mixup_prob: 0.9,
        mixup_switch_prob: 0.4,
        ..Augment::default()
    };
    assert_eq!(recipe(words).unwrap().augment, expected);
    let refused = |words| recipe(words).unwrap_err().to_string();
    assert!(refused("--scale 0.5").starts_with("--scale 0.5: is no range."));
    assert!(
        refused("--color-jitter 0.1 0.1")
            .starts_with("--color-jitter: expected one, three or four numbers, got 2.")
    );
    assert_eq!(
        refused("--crop-rule pycsl"),
        "--crop-rule: cannot be \"pycsl\". Did you mean `pycls`?"
    );
}

#[test]
fn options_change_single_numbers_of_a_built_in_recipe() {
    let got = recipe(
        "--recipe efficientnet --opt rmsproptf --opt-eps 0.01 --opt-alpha 0.95 --momentum 0.8 --decay-rate 0.9 \
         --warmup-lr 1e-4 --sched-on-updates=false --model-ema-decay 0.5 --weight-decay 0 --decay-bias false --epochs 4",
    )
    .unwrap();
    let Optimizer::RmspropTf(opt) = &got.opt else {
        panic!("{:?}", got.opt);
    };
    assert_eq!((opt.eps, opt.alpha, opt.momentum), (0.01, 0.95, 0.8));
    let Schedule::Step(step) = &got.sched else {
        panic!("{:?}", got.sched);
    };
    assert_eq!((step.decay_epochs, step.decay_rate), (2.4, 0.9));
    let ModelEma::Decay(ema) = &got.model_ema else {
        panic!("{:?}", got.model_ema);
    };
    assert_eq!((ema.decay, ema.warmup), (0.5, true));
    assert_eq!(got.warmup_lr, Some(1e-4));
    assert_eq!(got.weight_decay, Some(0.0));
    assert!(!got.sched_on_updates && !got.decay_bias);
    // Four epochs would be all warm-up.
    assert_eq!(got.warmup_epochs, 1.0);
    let other = recipe("--recipe efficientnet --opt adamw --opt-betas 0.8 0.9").unwrap();
    assert!(matches!(other.opt, Optimizer::AdamW(adamw) if adamw.betas == [0.8, 0.9]));
}

#[test]
fn fine_tuning_freezes_decays_and_clips_as_it_is_told() {
    let got = recipe(
        "--recipe finetune --initial-checkpoint run --freeze blocks.0 *.bn1 --layer-decay 0.9 --clip-grad 0.02 \
         --clip-mode agc --grad-accum-steps 3 --grad-checkpointing --swa-start 2 --precise-bn 64 --patience 5",
    )
    .unwrap();
    assert_eq!(got.initial_checkpoint.as_deref(), Some("run"));
    assert_eq!(got.freeze, ["blocks.0", "*.bn1"]);
    assert_eq!((got.layer_decay, got.clip_grad), (0.9, Some(0.02)));
    assert_eq!(got.clip_mode, ClipMode::Agc);
    assert_eq!((got.grad_accum_steps, got.precise_bn), (3, 64));
    assert_eq!(got.images_an_update(), 192);
    assert!(got.grad_checkpointing && got.patience == 5);
    // Beside what the recipe has.
    assert_eq!(got.swa_start, Some(2));
    assert_eq!(
        got.model_ema,
        recipe("--recipe finetune").unwrap().model_ema
    );
    let both = recipe("--model-ema-decay 0.5 --swa-start 1").unwrap();
    assert!(matches!(both.model_ema, ModelEma::Decay(_)) && both.swa_start == Some(1));
    assert!(matches!(got.opt, Optimizer::AdamW(_)));
    let error = recipe("--clip-mode aggc").unwrap_err().to_string();
    assert!(error.contains("Did you mean `agc`?"), "{error}");
}

#[test]
fn an_option_of_another_choice_is_refused_by_name() {
    for (words, option) in [
        ("--opt adamw --nesterov false", "--nesterov"),
        ("--opt-eps 1", "--opt-eps"),
        ("--opt-betas 0.1 0.2", "--opt-betas"),
        ("--opt-alpha 0.1", "--opt-alpha"),
        ("--decay-rate 0.5", "--decay-rate"),
        ("--sched cosine --sched-beta 0.5", "--sched-beta"),
        ("--model-ema-warmup", "--model-ema-warmup"),
        ("--model-ema off --model-ema-period 3", "--model-ema-period"),
    ] {
        let error = recipe(words).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with(option), "{error}");
    }
}
