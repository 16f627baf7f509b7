use super::*;

fn table() -> Table {
    Table {
        title: "Counts & powers".into(),
        notes: vec!["A note with 100 % of a|b.".into()],
        columns: vec![
            Column::words("model", "model"),
            Column::numbers("flops", "flops").of("counted"),
            Column::numbers("acts", "acts (M)").of("counted"),
            Column::numbers("difference", "flops").of("difference"),
            Column::numbers("theory", "theory"),
        ],
        rows: vec![
            vec![
                "A->B".into(),
                Cell::Count(1_234_567),
                Cell::Number(0.25, 1),
                Cell::Difference(-0.04, 1),
                Cell::Power(5.0 / 6.0),
            ],
            vec![
                "a_b".into(),
                Cell::Count(9),
                Cell::Absent,
                Cell::Difference(0.1, 1),
                Cell::Power(0.0),
            ],
        ],
    }
}

#[test]
fn text_is_aligned_under_the_names_of_its_groups() {
    let expected = [
        "Counts & powers",
        "",
        "              counted         difference",
        "        -------------------   ----------",
        "model       flops  acts (M)        flops   theory",
        "A->B    1,234,567       0.2            0    s^5/6",
        "a_b             9         -         +0.1        1",
        "",
        "* A note with 100 % of a|b.",
        "",
    ];
    assert_eq!(table().render(Format::Text), expected.join("\n"));
}

#[test]
fn csv_has_bare_numbers_under_keys() {
    assert_eq!(
        table().render(Format::Csv),
        "model,flops,acts,difference,theory\nA->B,1234567,0.2,0.0,0.8333333333333334\na_b,9,,0.1,0\n"
    );
}

#[test]
fn json_is_one_document_with_numbers_as_numbers() {
    let json: serde_json::Value = serde_json::from_str(&table().render(Format::Json)).unwrap();
    assert_eq!(json["rows"][0]["flops"], 1_234_567);
    assert_eq!(json["rows"][1]["acts"], serde_json::Value::Null);
    assert_eq!(json["rows"][1]["difference"], 0.1);
    assert_eq!(json["columns"][1]["group"], "counted");
}

#[test]
fn markdown_escapes_what_would_break_its_rows() {
    let text = table().render(Format::Markdown);
    for part in ["| model | counted: flops |", "| :-- | --: |", "| A->B | "] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.contains("s<sup>5/6</sup>") && text.contains("a\\|b") && text.contains("a\\_b"));
}

#[test]
fn latex_escapes_its_own_signs_and_spans_groups() {
    let text = table().render(Format::Latex);
    for part in [
        "\\caption{Counts \\& powers}",
        " & \\multicolumn{2}{c}{counted} & difference &  \\\\",
        "\\cmidrule(lr){2-3}\\cmidrule(lr){4-4}",
        "A$\\to$B & 1{,}234{,}567 & 0.2 & $0$ & $s^{5/6}$ \\\\",
        "a\\_b & 9 & -- & $+0.1$ & $1$ \\\\",
        "100 \\% of",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let count = |sign: &str| text.matches(sign).count();
    assert_eq!(count("\\begin{"), count("\\end{"));
}

#[test]
fn exponents_are_fractions_where_they_are() {
    assert_eq!(exponent_text(1.0 / 3.0), "1/3");
    assert_eq!(exponent_text(0.6), "3/5");
    assert_eq!(exponent_text(1.0), "1");
    assert_eq!(exponent_text(0.279_408), "0.279");
}
