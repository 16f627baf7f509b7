//! A real browser, where one is installed, opens pages: it finds an element for everything that is written, and no text of a
//! picture that lies upon another or outside of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Measures all texts of pictures as they are drawn, and writes what is wrong at the page's end.
const MEASURE: &str = r#"<script>
const wrong = [];
for (const svg of document.querySelectorAll("svg")) {
  const name = svg.getAttribute("aria-label"), frame = svg.getBoundingClientRect();
  const scale = frame.width / svg.viewBox.baseVal.width;
  const texts = [...svg.querySelectorAll("text")].filter(text => text.textContent.trim());
  const boxes = texts.map(text => text.getBoundingClientRect());
  texts.forEach((text, i) => {
    const a = boxes[i];
    if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1)
      wrong.push(`${name}: "${text.textContent}" is cut off`);
    for (let j = 0; j < i; j++) {
      const b = boxes[j];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > scale && high > 4 * scale) wrong.push(`${name}: "${text.textContent}" upon "${texts[j].textContent}"`);
    }
  });
}
for (const card of document.querySelectorAll(".card"))
  if (getComputedStyle(card).overflowX === "hidden" && card.scrollWidth > card.clientWidth + 1) wrong.push("a card hides its end");
if (document.documentElement.scrollWidth > window.innerWidth) wrong.push("the page is wider than the window");
const end = document.createElement("pre");
end.id = "wrong";
end.textContent = wrong.join("\n") || "nothing";
document.body.append(end);
</script>"#;

/// Opens `page` where a browser is installed, and counts its elements of these kinds.
#[track_caller]
pub(crate) fn seen(page: &Path, tags: &[&str]) {
    let written = fs::read_to_string(page).unwrap();
    for tag in tags {
        assert!(written.contains(tag), "{tag} is not in {}", page.display());
    }
    let measured = page.with_extension("measured.html");
    let (body, end) = written.rsplit_once("</body>").expect("a page has an end");
    fs::write(&measured, format!("{body}{MEASURE}</body>{end}")).unwrap();
    let options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--window-size=1280,900",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ];
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let started = browsers.iter().find_map(|browser| {
        let mut command = Command::new(browser);
        let command = command
            .args(options)
            .arg(format!("file://{}", measured.display()));
        command.stderr(Stdio::null()).output().ok()
    });
    let Some(output) = started.filter(|output| output.status.success()) else {
        let required = std::env::var_os("TRIAXIS_BROWSER").is_some();
        assert!(!required, "no browser answers: install Chromium");
        eprintln!("no browser answers: {} was not opened", page.display());
        return;
    };
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let (drawn, script) = dom
        .split_once("<script>")
        .expect("the script is in the page");
    for tag in tags {
        let counts = [drawn, &written].map(|text| text.matches(tag).count());
        assert_eq!(counts[0], counts[1], "{tag} in {}", page.display());
    }
    let wrong = script
        .split("<pre id=\"wrong\">")
        .nth(1)
        .expect("the script ran");
    let wrong = wrong.split("</pre>").next().unwrap();
    assert_eq!(wrong, "nothing", "{}:\n{wrong}", page.display());
}

/// Opens the pictures of a folder, all on one page.
#[track_caller]
pub(crate) fn pictures_seen(folder: &Path, names: &[&str]) {
    let read = |name: &&str| fs::read_to_string(folder.join(name)).unwrap();
    let all: String = names.iter().map(read).collect();
    let page = folder.join("pictures.html");
    fs::write(&page, format!("<!doctype html>\n<body>\n{all}</body>\n")).unwrap();
    seen(&page, &["<svg", "<text"]);
}
