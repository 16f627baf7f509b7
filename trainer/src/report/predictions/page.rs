//! The part of the report page that shows predictions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Predictions, Sample};
use crate::data::Picture;
use crate::explain::png;
use crate::report::chart::escape;

/// Classes of which the whole matrix is drawn.
const MATRIX: usize = 40;
/// Rows of a list that would be longer.
const LISTED: usize = 20;
/// Longest side of a picture, in pixels.
const SIDE: u32 = 96;

/// What the page's style sheet needs besides.
pub(in crate::report) const STYLE: &str = "\
.matrix{padding:14px;overflow-x:auto}.matrix table{width:auto;border-collapse:separate;border-spacing:2px}\
.matrix th,.matrix td{border:0;padding:0;font-size:12px}.matrix td{min-width:30px;height:28px;text-align:center;border-radius:4px;\
background:color-mix(in srgb,var(--mark) calc(var(--s)*1%),var(--ground))}.matrix td.full{color:var(--card)}\
.matrix tbody th{padding-right:8px;font-weight:400}.matrix thead th{height:6.5em;vertical-align:bottom;text-align:left;font-weight:400}\
.matrix thead span{display:block;width:30px;writing-mode:vertical-rl;transform:rotate(180deg);max-height:11em;overflow:hidden}\
.bar{position:relative;min-width:110px}.bar i{position:absolute;left:12px;top:9px;height:12px;border-radius:3px;background:var(--mark);opacity:.75}\
.shots{display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));padding:14px}\
.shots figure{margin:0;font-size:12px;line-height:1.35;overflow-wrap:anywhere}\
.shots img{display:block;width:100%;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;border-radius:6px;background:var(--ground)}\
.shots small{color:var(--soft)}.two{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));align-items:start}";

/// The section, or nothing where nothing was asked.
pub(in crate::report) fn html(all: &Predictions) -> String {
    if all.is_empty() {
        return String::new();
    }
    let whose = all.weights.words();
    let confusions = match all.classes.len() {
        0..=MATRIX => matrix(all),
        _ => pairs(all),
    };
    format!(
        "<h2>Predictions</h2>\n<p class=\"lead\">By {whose} at the end, of the validation pictures.</p>\n\
         <div class=\"two\">\n<div class=\"card\">{confusions}</div>\n<div class=\"card wide\">{}</div>\n</div>\n{}{}",
        by_class(all),
        shots(all, "Surest mistakes", &all.mistakes),
        shots(all, "Told rightly", &all.hits),
    )
}

fn name(all: &Predictions, class: usize) -> String {
    all.classes
        .get(class)
        .map_or_else(|| class.to_string(), |name| escape(name))
}

/// Every class (a row) against what it was taken for (a column), shaded by its share of the row.
fn matrix(all: &Predictions) -> String {
    let classes = 0..all.classes.len();
    let heads: String = classes
        .clone()
        .map(|said| format!("<th><span>{}</span></th>", name(all, said)))
        .collect();
    let totals = all.by_class();
    let mut rows = String::new();
    for class in classes.clone() {
        let cells: String = classes
            .clone()
            .map(|said| {
                let count = all.count(class, said);
                let share = 100 * count / totals[class].0.max(1);
                let full = if share > 55 { " class=\"full\"" } else { "" };
                let text = if count > 0 {
                    count.to_string()
                } else {
                    String::new()
                };
                let title = format!(
                    "{} taken for {}: {count}",
                    name(all, class),
                    name(all, said)
                );
                format!("<td{full} style=\"--s:{share}\" title=\"{title}\">{text}</td>")
            })
            .collect();
        rows += &format!("<tr><th>{}</th>{cells}</tr>\n", name(all, class));
    }
    format!(
        "<div class=\"matrix\"><table>\n<thead><tr><th></th>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n\
         <p><small>A row for each class, a column for what it was taken for.</small></p></div>"
    )
}

/// The most frequent confusions, where a matrix would be too large to look at.
fn pairs(all: &Predictions) -> String {
    let pairs = all.confusions();
    let rows: String = pairs
        .iter()
        .take(LISTED)
        .map(|&(class, said, count)| {
            let (class, said) = (name(all, class), name(all, said));
            format!("<tr><td>{class}</td><td>{said}</td><td>{count}</td></tr>\n")
        })
        .collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th>class</th><th>taken for</th><th>pictures</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table></div>"
    )
}

/// Accuracy class by class, the worst first; of many classes, the worst ones.
fn by_class(all: &Predictions) -> String {
    let mut classes: Vec<(usize, u64, f64)> = all
        .by_class()
        .into_iter()
        .enumerate()
        .filter(|(_, (pictures, _))| *pictures > 0)
        .map(|(class, (pictures, right))| (class, pictures, 100.0 * right as f64 / pictures as f64))
        .collect();
    classes.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)));
    let left_out = match classes.len() {
        0..=MATRIX => 0,
        count => count - LISTED,
    };
    classes.truncate(classes.len() - left_out);
    let rows: String = classes
        .iter()
        .map(|&(class, pictures, top1)| {
            let name = name(all, class);
            let width = format!("calc((100% - 24px)*{:.4})", top1 / 100.0);
            format!(
                "<tr><td>{name}</td><td>{pictures}</td><td>{top1:.1}</td><td class=\"bar\"><i style=\"width:{width}\"></i></td></tr>\n"
            )
        })
        .collect();
    let more = match left_out {
        0 => String::new(),
        count => format!(
            "<p style=\"padding:0 12px\"><small>{count} classes with more are left out.</small></p>"
        ),
    };
    format!(
        "<table>\n<thead><tr><th>class</th><th>pictures</th><th>top-1 %</th><th></th></tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table>{more}"
    )
}

fn shots(all: &Predictions, title: &str, samples: &[Sample]) -> String {
    if samples.is_empty() {
        return String::new();
    }
    let figures: String = samples
        .iter()
        .map(|sample| {
            let (class, said) = (name(all, sample.class as usize), name(all, sample.said as usize));
            let verdict = match class == said {
                true => said,
                false => format!("{said} <small>for</small> {class}"),
            };
            let source = STANDARD.encode(png(&small(&sample.picture)));
            let percent = 100.0 * sample.probability;
            let label = escape(&sample.name);
            format!(
                "<figure title=\"{label}\"><img alt=\"{label}\" src=\"data:image/png;base64,{source}\">\
                 {verdict} <small>{percent:.0}&nbsp;%</small></figure>\n"
            )
        })
        .collect();
    format!("<h2>{title}</h2>\n<div class=\"card shots\">\n{figures}</div>\n")
}

/// The picture, no larger than it is shown.
fn small(picture: &Picture) -> Picture {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let whole = image::RgbImage::from_raw(width, height, picture.rgb.clone());
    let longest = width.max(height);
    let Some(whole) = whole.filter(|_| longest > SIDE) else {
        return picture.clone();
    };
    let side = |x: u32| (x * SIDE / longest).max(1);
    let small = image::imageops::thumbnail(&whole, side(width), side(height));
    Picture {
        width: small.width() as usize,
        height: small.height() as usize,
        rgb: small.into_raw(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::some;
    use super::*;

    #[test]
    fn a_matrix_accuracies_and_pictures_are_shown() {
        let page = html(&some());
        for part in [
            "title=\"dog taken for cat: 2\">2</td>",
            "<tr><td>cat</td><td>2</td><td>100.0</td>",
            "<tr><td>&lt;cow&gt;</td><td>1</td><td>0.0</td>",
            "src=\"data:image/png;base64,iVBORw0KGgo",
            "cat <small>for</small> dog <small>100&nbsp;%</small>",
            "Surest mistakes",
            "Told rightly",
        ] {
            assert!(page.contains(part), "{part:?} is missing:\n{page:.3000}");
        }
        assert!(!page.contains("<cow>"), "names are text");
        assert!(html(&Predictions::default()).is_empty());
    }

    #[test]
    fn of_many_classes_the_worst_and_the_most_confused_are_listed() {
        let mut all = some();
        all.classes = (0..100).map(|class| format!("class {class}")).collect();
        let picture = all.hits[0].picture.clone();
        for class in 0..100u32 {
            let mut logits = [0.0; 100];
            logits[((class + class % 2) % 100) as usize] = 1.0;
            let logits = &logits;
            let answer = super::super::Answer { class, logits };
            all.add(answer, || (String::new(), picture.clone()));
        }
        let page = html(&all);
        assert!(page.contains("<tr><td>class 1</td><td>class 0</td><td>2</td></tr>"));
        assert!(page.contains("80 classes with more are left out"));
        assert!(!page.contains("class=\"matrix\""));
    }

    #[test]
    fn pictures_are_no_larger_than_they_are_shown() {
        let shrunk = small(&some().hits[0].picture);
        assert_eq!((shrunk.width, shrunk.height), (96, 48));
        assert_eq!(shrunk.rgb.len(), 96 * 48 * 3);
        assert_eq!(small(&shrunk), shrunk);
    }
}
