//! The offline map: outlines of countries from Natural Earth (public domain), clipped to Europe, North Africa and the Atlantic coast.
//!
//! `data/atlas.py` made `data/atlas.txt`. Units are tenths of a degree of latitude; x grows to the east, y to the south, in every language.

use maud::{Markup, PreEscaped, html};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

struct Country {
    centre: (i32, i32),
    rings: Vec<Vec<(i32, i32)>>,
}

struct Atlas {
    size: (i32, i32),
    countries: BTreeMap<&'static str, Country>,
}

static ATLAS: LazyLock<Atlas> = LazyLock::new(|| {
    let pairs = |text: &str| {
        let n: Vec<i32> = text.split(' ').map(|n| n.parse().expect("atlas.txt holds numbers")).collect();
        n.chunks(2).map(|p| (p[0], p[1])).collect::<Vec<_>>()
    };
    let mut lines = include_str!("../../data/atlas.txt").lines().filter(|l| !l.starts_with('#'));
    let size = pairs(lines.next().expect("atlas.txt has its size"))[0];
    let ring = |text: &str| {
        let mut at = (0, 0);
        let steps = pairs(text).into_iter();
        steps
            .map(|(x, y)| {
                at = (at.0 + x, at.1 + y);
                at
            })
            .collect::<Vec<_>>()
    };
    let country = |line: &'static str| {
        let mut parts = line.split('|');
        let (code, centre, rings) = (parts.next()?, parts.next()?, parts.next()?);
        Some((code, Country { centre: pairs(centre)[0], rings: rings.split('/').filter(|r| !r.is_empty()).map(ring).collect() }))
    };
    Atlas { size, countries: lines.filter_map(country).collect() }
});

/// A mark on the map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Where.
    pub at: (i32, i32),
    /// A letter, number or sign in it.
    pub sign: String,
    /// Words beside it.
    pub label: String,
    /// Its class: `stop`, `holder`, `border` or `pin`.
    pub class: &'static str,
}

/// Returns the point at which a country's marks stand; none for one that is off the map.
pub(super) fn centre(country: &str) -> Option<(i32, i32)> {
    ATLAS.countries.get(country).map(|c| c.centre)
}

/// Returns the point at which the way between two countries leaves one for the other: where they are nearest, close to the straight way.
pub(super) fn between(a: &str, b: &str) -> Option<(i32, i32)> {
    let (one, other) = (ATLAS.countries.get(a)?, ATLAS.countries.get(b)?);
    let square = |p: (i32, i32), q: (i32, i32)| i64::from(p.0 - q.0).pow(2) + i64::from(p.1 - q.1).pow(2);
    let points = |c: &'static Country| c.rings.iter().flatten().copied();
    let detour = |p: (i32, i32)| square(p, one.centre) + square(p, other.centre);
    let pairs = points(one).flat_map(|p| points(other).map(move |q| (p, q)));
    // Vertices of a shared border do not always coincide; a degree apart is as good as none.
    let (p, q) = pairs.min_by_key(|(p, q)| ((square(*p, *q) / 100), detour(*p)))?;
    Some(((p.0 + q.0) / 2, (p.1 + q.1) / 2))
}

/// The least width of what a map shows.
const WIDTH_MIN: i32 = 150;
/// The space around what is marked.
const MARGIN: i32 = 35;

/// Draws the part of the map on which marks stand. `way` joins points by a line; `meant` are countries to be set off.
pub fn map(title: &str, about: &str, meant: &[&str], way: &[(i32, i32)], marks: &[Mark]) -> Markup {
    let points = || marks.iter().map(|m| m.at).chain(way.iter().copied());
    let (w, h) = ATLAS.size;
    let (left, right) = (points().map(|p| p.0).min().unwrap_or(0), points().map(|p| p.0).max().unwrap_or(w));
    let (top, bottom) = (points().map(|p| p.1).min().unwrap_or(0), points().map(|p| p.1).max().unwrap_or(h));
    let width = (right - left + 2 * MARGIN).max((bottom - top + 2 * MARGIN) * 4 / 3).max(WIDTH_MIN).min(w);
    let height = (width * 3 / 4).max(bottom - top + 2 * MARGIN).min(h);
    let x = ((left + right - width) / 2).clamp(0, w - width);
    let y = ((top + bottom - height) / 2).clamp(0, h - height);
    let seen = |ring: &&Vec<(i32, i32)>| {
        let (xs, ys) = (ring.iter().map(|p| p.0), ring.iter().map(|p| p.1));
        xs.clone().max() >= Some(x) && xs.min() <= Some(x + width) && ys.clone().max() >= Some(y) && ys.min() <= Some(y + height)
    };
    let outline = |c: &Country| {
        let mut d = String::new();
        for ring in c.rings.iter().filter(seen) {
            let mut last = (0, 0);
            for (i, p) in ring.iter().enumerate() {
                let _ = write!(d, "{}{} {}", if i == 0 { "M" } else { "l" }, p.0 - last.0, p.1 - last.1);
                last = *p;
            }
            d.push('z');
        }
        d
    };
    let shapes = ATLAS.countries.iter().map(|(code, c)| (*code, outline(c))).filter(|(_, d)| !d.is_empty());
    // Sizes are parts of the width, so that letters are as large on every map.
    let unit = f64::from(width) / 100.0;
    let at = |v: f64| (v * 10.0).round() / 10.0;
    let joined = way.iter().map(|p| format!("{} {}", p.0, p.1)).collect::<Vec<_>>().join(" ");
    html! {
        svg.map xmlns="http://www.w3.org/2000/svg" viewBox=(format!("{x} {y} {width} {height}")) role="img" aria-label=(title) direction="ltr" {
            title { (title) }
            desc { (about) }
            rect.sea x=(x) y=(y) width=(width) height=(height) fill="#e8f0f6" {}
            g stroke="#8a8a8a" stroke-width=(at(unit * 0.25)) stroke-linejoin="round" {
                @for (code, d) in shapes {
                    @let own = meant.contains(&code);
                    path class=(if own { "land meant" } else { "land" }) d=(PreEscaped(d)) fill=(if own { "#e9dcb8" } else { "#f8f8f5" }) {}
                }
            }
            @if way.len() > 1 {
                @let dashes = format!("{} {}", at(unit * 2.0), at(unit));
                polyline.way points=(joined) fill="none" stroke="#1f4e79" stroke-width=(at(unit * 0.8)) stroke-dasharray=(dashes) {}
            }
            @for m in marks {
                @let r = at(unit * if m.class == "border" { 1.4 } else { 2.6 });
                @let far = m.at.0 > x + width * 2 / 3;
                g class=(format!("mark {}", m.class)) {
                    @if m.class == "border" {
                        @let diamond = format!("M{} {}l{r} {r}l-{r} {r}l-{r} -{r}z", m.at.0, f64::from(m.at.1) - r);
                        path d=(diamond) fill="#fff" stroke="#1f4e79" stroke-width=(at(unit * 0.5)) { title { (m.label) } }
                    } @else {
                        @if m.class == "holder" {
                            circle cx=(m.at.0) cy=(m.at.1) r=(at(r * 1.5)) fill="none" stroke="#8b1a1a" stroke-width=(at(unit * 0.7)) {}
                        }
                        circle cx=(m.at.0) cy=(m.at.1) r=(r) fill="#1f4e79" {}
                        @let (x, y) = (f64::from(m.at.0), f64::from(m.at.1));
                        text x=(m.at.0) y=(at(y + unit * 1.2)) font-size=(at(unit * 3.2)) text-anchor="middle" fill="#fff" font-weight="bold" {
                            (m.sign)
                        }
                        text x=(at(x + if far { -unit * 4.6 } else { unit * 4.6 })) y=(at(y + unit * 1.3)) font-size=(at(unit * 3.6))
                            text-anchor=(if far { "end" } else { "start" }) fill="#111" stroke="#fff" stroke-width=(at(unit * 0.8))
                            paint-order="stroke" { (m.label) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_stand_where_they_are() {
        let (ma, es, fr, de) = (centre("MA").unwrap(), centre("ES").unwrap(), centre("FR").unwrap(), centre("DE").unwrap());
        assert!(ma.1 > es.1 && es.1 > fr.1 && fr.1 > de.1, "from south to north");
        assert!(ma.0 < fr.0 && fr.0 < de.0, "from west to east");
        assert_eq!(centre("US"), None, "off the map");
        let strait = between("MA", "ES").unwrap();
        assert!(strait.1 < ma.1 && strait.1 > es.1, "{strait:?}");
        let size = include_str!("../../data/atlas.txt").len();
        assert!(size < 40_000, "{size} bytes");
    }
}
