use resvg::tiny_skia::Pixmap;

use super::*;

fn chart(title: &str) -> Chart {
    let style = Style {
        colour: "#0072B2",
        dash: Dash::Dashed,
        mark: Mark::Cross,
        bold: true,
        marked: true,
    };
    let axis = |label: &str, scale, percent| Axis {
        label: label.into(),
        scale,
        range: None,
        percent,
    };
    Chart {
        title: title.into(),
        subtitle: String::new(),
        x: axis("latency, ms", Scale::Linear, false),
        y: axis("share", Scale::Logarithmic, true),
        series: vec![Series {
            name: "a & b".into(),
            style,
            points: vec![(0.0, 1.0), (25.0, 0.1), (80.0, 0.001)],
        }],
        band: Some(Band {
            from: 10.0,
            to: 20.0,
            name: "nothing arrives".into(),
        }),
    }
}

#[test]
fn a_chart_has_its_words_axes_and_lines() {
    let svg = picture::svg(&chart("1 < 2"));
    assert!(svg.contains("<title>1 &lt; 2</title>"));
    assert!(svg.contains(">a &amp; b</text>"));
    assert!(svg.contains(">latency, ms</text>"));
    assert!(svg.contains(">0.1 %</text>"));
    assert!(svg.contains(">80</text>"));
    assert!(svg.contains(r##"stroke="#0072B2" stroke-width="3""##));
    assert!(svg.contains("nothing arrives"));
}

/// Pixels that are not white in the strip where the title stands.
fn ink_of_title(title: &str) -> usize {
    let png = raster::png(&picture::svg(&chart(title))).unwrap();
    let pixels = Pixmap::decode_png(&png).unwrap();
    let width = pixels.width();
    let strip = pixels.pixels().iter().enumerate();
    let strip = strip.filter(|(index, _)| {
        let (x, y) = (*index as u32 % width, *index as u32 / width);
        (40..width - 40).contains(&x) && (36..72).contains(&y)
    });
    strip.filter(|(_, pixel)| pixel.red() < 128).count()
}

#[test]
fn words_appear_in_the_png() {
    assert_eq!(ink_of_title(""), 0);
    assert!(ink_of_title("one line") > 200);
    assert!(ink_of_title("two words and more of them") > 2 * ink_of_title("one line"));
}

#[test]
fn both_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    write(&chart("title"), &folder.path().join("chart")).unwrap();
    let svg = std::fs::read_to_string(folder.path().join("chart.svg")).unwrap();
    let png = std::fs::read(folder.path().join("chart.png")).unwrap();
    assert!(svg.starts_with("<svg"));
    assert!(png.starts_with(b"\x89PNG"));
}
