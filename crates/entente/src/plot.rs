//! Draws lines over time as SVG 1.1, for reports: no more than a frame, ticks, lines and bands.

use std::fmt::Write;

/// Sizes in pixels.
const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
/// Colours that are told apart in print and by most who see colours otherwise (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// One line: its name, and its points as seconds and value; where the value is none the line has a gap.
pub struct Line {
    /// What stands in the legend.
    pub name: String,
    /// Points in order of time.
    pub points: Vec<(f64, Option<f64>)>,
}

/// A stretch of time that is shaded: its name, from and to in seconds.
pub type Band = (String, f64, f64);

/// Draws a figure; `unit` stands at the upright axis, which begins at zero.
pub fn figure(title: &str, unit: &str, lines: &[Line], bands: &[Band]) -> String {
    let values = || lines.iter().flat_map(|l| &l.points);
    let end = values().map(|p| p.0).fold(1.0, f64::max);
    let (step, top) = scale(values().filter_map(|p| p.1).fold(0.0, f64::max));
    let x = |t: f64| LEFT + t / end * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| HEIGHT - BOTTOM - v / top * (HEIGHT - TOP - BOTTOM);
    let mut out = String::new();
    let mut put = |text: String| writeln!(out, "{text}").expect("writing into memory cannot fail");
    put(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\
         <title>{0}</title><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/><text x=\"{LEFT}\" y=\"16\" font-size=\"14\">{0}</text>",
        escape(title)
    ));
    for (name, from, to) in bands {
        let (a, b) = (x(*from), x(to.min(end)));
        put(format!(
            "<rect x=\"{a:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"#000\" opacity=\"0.07\"><title>{}</title></rect>",
            (b - a).max(1.0),
            HEIGHT - TOP - BOTTOM,
            escape(name)
        ));
    }
    let mut v = 0.0;
    while v <= top * 1.0001 {
        put(format!(
            "<path d=\"M{LEFT} {0:.1}H{1}\" stroke=\"#ccc\"/><text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
            y(v),
            WIDTH - RIGHT,
            LEFT - 6.0,
            y(v) + 4.0,
            short(v)
        ));
        v += step;
    }
    let (t_step, _) = scale(end);
    let mut t = 0.0;
    while t <= end {
        put(format!("<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", x(t), HEIGHT - BOTTOM + 16.0, short(t)));
        t += t_step;
    }
    put(format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">seconds</text><text x=\"6\" y=\"{}\">{}</text>",
        WIDTH - RIGHT,
        HEIGHT - 6.0,
        TOP - 8.0,
        escape(unit)
    ));
    for (i, line) in lines.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let mut path = String::new();
        let mut pen = 'M';
        for (t, v) in &line.points {
            match v {
                Some(v) => {
                    let _ = write!(path, "{pen}{:.1} {:.1}", x(*t), y(*v)); // into memory
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        put(format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"));
        let at = WIDTH - RIGHT - 120.0 * (lines.len() - i) as f64;
        put(format!("<path d=\"M{at} 26h18\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{}\" y=\"30\">{}</text>", at + 24.0, escape(&line.name)));
    }
    put("</svg>".to_owned());
    out
}

/// Returns a step of 1, 2 or 5 times a power of ten, and the first multiple of it that is not below the most.
fn scale(most: f64) -> (f64, f64) {
    let rough = most.max(1e-9) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= rough * 0.999).unwrap_or(power);
    (step, (most / step).ceil().max(1.0) * step)
}

fn short(v: f64) -> String {
    if v >= 1000.0 || v.fract().abs() < 1e-9 { format!("{v:.0}") } else { format!("{v:.2}").trim_end_matches('0').to_owned() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_hold_what_they_show() {
        for (most, wanted) in [(0.0, 2e-9), (7.0, 2.0), (10.0, 2.0), (430.0, 100.0), (1.2, 0.5)] {
            let (step, top) = scale(most);
            assert!((step - wanted).abs() < 1e-12 + wanted * 1e-6 || most == 0.0, "{most}: {step}");
            assert!(top >= most && top - step < most.max(step));
        }
    }

    #[test]
    fn a_figure_has_its_lines_with_gaps_and_nothing_unescaped() {
        let line = Line { name: "a<b".to_owned(), points: vec![(0.0, Some(1.0)), (1.0, None), (2.0, Some(3.0)), (3.0, Some(2.0))] };
        let svg = figure("R & D", "MB", &[line], &[("cut".to_owned(), 1.0, 2.0)]);
        assert!(svg.contains("R &amp; D") && svg.contains("a&lt;b") && svg.ends_with("</svg>\n"));
        let path = svg.lines().find(|l| l.contains("stroke-width=\"1.5\"")).unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
    }
}
