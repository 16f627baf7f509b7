//! `triaxis cam`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::device::Device;
use super::links::Links;
use super::pictures::{all_usable, each_prepared, files};
use super::print;
use super::target;
use super::trained::{Loaded, Trained};
use crate::data::{Dataset, Files, Picture};
use crate::error::{Error, Result, suggestion};
use crate::explain::{ExplainOptions, Explainer, Map, Method, Wanted, grid, overlay, png};
use crate::npy;
use crate::output::parent;

/// Pictures that the grid shows at most.
const IN_GRID: usize = 16;

/// Options of `triaxis cam`.
#[derive(Debug, Args)]
pub(super) struct Cam {
    /// Pictures: files, folders, patterns such as 'photos/*.jpg', or - for one on standard input
    #[arg(value_name = "PICTURE", required = true)]
    pictures: Vec<PathBuf>,
    #[command(flatten)]
    links: Links,
    #[command(flatten)]
    network: Trained,
    /// Further weights whose maps of the same pictures stand beside in the grid: TinyNet's Figure 4; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Model")]
    beside: Vec<PathBuf>,
    /// How the map is made; CAM needs a network that ends in a mean and a linear layer
    #[arg(long, value_enum, default_value_t = How::Cam, help_heading = "Map")]
    method: How,
    /// Layer whose features are weighed, a name of `triaxis extract --list` [default: the last features]
    #[arg(long, value_name = "NAME", help_heading = "Map")]
    layer: Option<String>,
    /// Classes to explain, by name or number from 0, with commas between several [default: the likeliest one of each
    /// picture]
    #[arg(
        long,
        value_delimiter = ',',
        conflicts_with = "topk",
        help_heading = "Map"
    )]
    classes: Vec<String>,
    /// Likeliest classes to explain of each picture
    #[arg(long, value_name = "COUNT", default_value_t = 1, help_heading = "Map")]
    topk: usize,
    /// Folder to write to: a PICTURE.CLASS.png and .npy for each map, PICTURE.2.CLASS for the first --beside and so on, and
    /// grid.png of the first 16 pictures
    #[arg(short, long, default_value = "cam", help_heading = "Output")]
    output: PathBuf,
    /// Side of the pictures that are written, pixels
    #[arg(
        long,
        value_name = "PIXELS",
        default_value_t = 448,
        help_heading = "Output"
    )]
    size: usize,
    /// How much of the picture the colours cover, from 0 to 1
    #[arg(long, default_value_t = 0.5, help_heading = "Output")]
    opacity: f32,
    /// Print JSON on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    device: Device,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    /// The classifier's weights times the last features
    Cam,
    /// The mean gradients of the class's logit times the features
    GradCam,
    /// The same with weighted positive gradients
    #[value(name = "grad-cam++")]
    GradCamPlusPlus,
}

/// A map that was written.
#[derive(Debug, Serialize)]
struct Row {
    image: String,
    network: String,
    index: usize,
    label: String,
    logit: f32,
    overlay: PathBuf,
    map: PathBuf,
}

impl Cam {
    pub(super) fn run(&self) -> Result<()> {
        self.check()?;
        let files = files(&self.pictures, self.links)?;
        self.check_output(&files)?;
        let mut networks = vec![self.network.load()?];
        for weights in &self.beside {
            networks.push(self.network.of(weights).load()?);
        }
        let options = ExplainOptions {
            method: match self.method {
                How::Cam => Method::Cam,
                How::GradCam => Method::GradCam,
                How::GradCamPlusPlus => Method::GradCamPlusPlus,
            },
            layer: self.layer.clone(),
        };
        let gpu = self.device.open()?;
        fs::create_dir_all(&self.output).map_err(|error| {
            Error::unwritten("--output", "make the folder", &self.output, None, error)
        })?;
        let (mut rows, mut left_out) = (Vec::new(), 0);
        let mut shown: BTreeMap<usize, Vec<Picture>> = BTreeMap::new();
        let names = names(&files);
        for (place, loaded) in networks.iter().enumerate() {
            let wanted = self.wanted(loaded)?;
            let mut explainer = Explainer::new(&gpu, &loaded.spec, &loaded.weights, &options)?;
            left_out = each_prepared(&files, &loaded.preprocess, |i, prepared| {
                let explanation = explainer.explain(&prepared.numbers, &wanted)?;
                let picture = prepared.square(self.size);
                let name = match place {
                    0 => names[i].clone(),
                    place => format!("{}.{}", names[i], place + 1),
                };
                if place == 0 && shown.len() < IN_GRID {
                    shown.insert(i, vec![picture.clone()]);
                }
                for map in &explanation.maps {
                    let over = overlay(&picture, map, self.opacity);
                    let (overlay, numbers) = self.write(&name, loaded, map, &over)?;
                    rows.push(Row {
                        image: files.name(i),
                        network: loaded.spec.name.clone(),
                        index: map.class,
                        label: loaded.label(map.class),
                        logit: explanation.logits[map.class],
                        overlay,
                        map: numbers,
                    });
                    if let Some(line) = shown.get_mut(&i) {
                        line.push(over);
                    }
                }
                Ok(())
            })?;
        }
        let shown: Vec<Vec<Picture>> = shown.into_values().collect();
        if !shown.is_empty() {
            let place = self.output.join("grid.png");
            target::write("--output", "write the map", &place, png(&grid(&shown)))?;
        }
        match self.json {
            true => print::json(&rows)?,
            false => print::text(&text(&rows))?,
        }
        all_usable(&self.pictures, &files, left_out)
    }

    fn check(&self) -> Result<()> {
        if !(1..=4096).contains(&self.size) {
            let help = "Give 1 to 4096";
            return Err(Error::config(
                "--size",
                format!("it is {}", self.size),
                help,
            ));
        }
        if !(0.0..=1.0).contains(&self.opacity) {
            let problem = format!("it is {}", self.opacity);
            return Err(Error::config("--opacity", problem, "Give 0 to 1"));
        }
        Ok(())
    }

    /// Maps are pictures, too: among those that are read, they would be read next time.
    fn check_output(&self, files: &Files) -> Result<()> {
        let pictures: Vec<PathBuf> = (0..files.len()).filter_map(|i| files.path(i)).collect();
        let folders: BTreeSet<&Path> = pictures.iter().map(|path| parent(path)).collect();
        let whole = self.pictures.iter().filter(|given| given.is_dir());
        target::folder("--output", &self.output, folders, whole)
    }

    /// The classes that are asked for, by name before number.
    fn wanted(&self, loaded: &Loaded) -> Result<Wanted> {
        if self.classes.is_empty() {
            return Ok(Wanted::Top(self.topk));
        }
        let names = &loaded.classes;
        let class = |text: &String| {
            let named = names.iter().position(|name| name == text);
            named.or_else(|| text.parse().ok()).ok_or_else(|| {
                let help = match names.is_empty() {
                    true => "Give its number: these weights do not name the classes".into(),
                    false => suggestion(text, names.iter().map(String::as_str)),
                };
                Error::config("--classes", format!("there is no class {text}"), help)
            })
        };
        let classes = self.classes.iter().map(class).collect::<Result<_>>()?;
        Ok(Wanted::These(classes))
    }

    fn write(
        &self,
        name: &str,
        loaded: &Loaded,
        map: &Map,
        over: &Picture,
    ) -> Result<(PathBuf, PathBuf)> {
        let label = file_name(&loaded.label(map.class));
        let file = |end: &str| self.output.join(format!("{name}.{label}.{end}"));
        let (overlay, numbers) = (file("png"), file("npy"));
        target::write("--output", "write the map", &overlay, png(over))?;
        target::write(
            "--output",
            "write the map",
            &numbers,
            npy::encode(&map.sides, &map.data),
        )?;
        Ok((overlay, numbers))
    }
}

/// What the files of each picture begin with: its own name, and its place where others have that name too.
fn names(files: &Files) -> Vec<String> {
    let own = |i: usize| match files.path(i) {
        Some(path) => path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        None => "stdin".into(),
    };
    let stems: Vec<String> = (0..files.len()).map(own).collect();
    let mut count: HashMap<&str, usize> = HashMap::new();
    for stem in &stems {
        *count.entry(stem).or_default() += 1;
    }
    let name = |(i, stem): (usize, &String)| match count[stem.as_str()] {
        1 => stem.clone(),
        _ => format!("{stem}-{i}"),
    };
    stems.iter().enumerate().map(name).collect()
}

/// A label without what means something in paths.
fn file_name(label: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    label
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect()
}

fn text(rows: &[Row]) -> String {
    let name = |path: &Path| path.display().to_string();
    let cells = |row: &Row| {
        let logit = format!("{:.3}", row.logit);
        [
            row.image.clone(),
            row.network.clone(),
            row.label.clone(),
            logit,
            name(&row.overlay),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    print::table(["picture", "network", "class", "logit", "overlay"], &rows)
}
