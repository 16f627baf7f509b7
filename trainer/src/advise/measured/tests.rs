//! Files of measurements: read as they were written, and nothing else is.

use super::*;
use crate::advise::Demand;

fn place() -> Place {
    Place {
        adapter: "An Adapter (9000)".into(),
        driver: "driver 1".into(),
        clock: "wall".into(),
        fuse: true,
        matrix_units: false,
        kernels: Kernels::default(),
    }
}

fn point(phase: Phase, amp: bool, network: &str) -> Point {
    Point {
        phase,
        amp,
        network: network.into(),
        resolution: 64,
        batch: 2,
        seconds: 0.125,
        demand: Demand {
            dispatches: 700.0,
            matrix: 1.5e9,
            ..Demand::default()
        },
    }
}

#[test]
fn measurements_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("advise/here.toml");
    assert_eq!(Measured::load(&path).unwrap(), None);
    let mut measured = Measured::empty(place());
    measured.replace(vec![
        point(Phase::Train, false, "a"),
        point(Phase::Train, false, "b"),
    ]);
    measured.replace(vec![point(Phase::Infer, false, "a")]);
    measured.replace(vec![point(Phase::Train, false, "c")]);
    measured.save(&path).unwrap();
    let read = Measured::load(&path).unwrap().unwrap();
    assert_eq!(read, measured);
    read.expect(&place(), &path).unwrap();
    let names: Vec<&str> = read
        .of(Phase::Train, false)
        .iter()
        .map(|p| p.network.as_str())
        .collect();
    assert_eq!(names, ["c"], "the new ones take the place of the old");
    assert_eq!(read.of(Phase::Infer, false).len(), 1);
    assert_eq!(read.model(Phase::Train, true).unwrap(), None);
    assert_eq!(place().file(), Path::new("advise/an-adapter-9000.toml"));
}

#[test]
fn files_of_others_are_refused_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("here.toml");
    let refused = |text: &str| {
        fs::write(&path, text).unwrap();
        let error = Measured::load(&path).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        error.to_string()
    };
    let newer = refused("format = 3\nversion = \"9.0.0\"\nmore = 1\n");
    assert!(
        newer.contains("triaxis 9.0.0 wrote it in layout 3"),
        "{newer}"
    );
    for wrong in [
        "[[[",
        "",
        "format = \"x\"\n",
        "format = 1\nversion = \"0.1.0\"\nplace = 3\n",
    ] {
        assert!(
            refused(wrong).contains("a file that `triaxis advise` wrote"),
            "{wrong}"
        );
    }
}

#[test]
fn measurements_of_another_place_are_not_taken() {
    let known = Measured::empty(place());
    let refused = |measured: &Measured, here: &Place| {
        let error = measured.expect(here, Path::new("here.toml")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    let other = Place {
        adapter: "Another".into(),
        ..place()
    };
    let text = refused(&known, &other);
    assert!(
        text.contains("adapter An Adapter (9000), and this is Another"),
        "{text}"
    );
    assert!(
        text.contains("another adapter") || text.contains("another file"),
        "{text}"
    );
    let newer = Place {
        driver: "driver 2".into(),
        ..place()
    };
    assert!(refused(&known, &newer).contains("--remeasure"));
    let with_matrices = Place {
        matrix_units: true,
        ..place()
    };
    assert!(refused(&known, &with_matrices).contains("--matrix-units"));
    let unfused = Place {
        fuse: false,
        ..place()
    };
    assert!(refused(&known, &unfused).contains("--no-fuse"));
    let old = Measured {
        version: "0.0.1".into(),
        ..known
    };
    assert!(refused(&old, &place()).contains("triaxis 0.0.1"));
    let of_other_kernels = Measured {
        format: 1,
        ..Measured::empty(place())
    };
    assert!(refused(&of_other_kernels, &place()).contains("layout 1"));
}
