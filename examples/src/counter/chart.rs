//! A year of points and stored value as SVG.

use mms_core::{Code, Day, MONEY, POINTS, Turnover};
use std::fmt::Write as _;

const WIDTH: i128 = 720;
const HEIGHT: i128 = 200;
const LEFT: i128 = 90;

/// What members had at the end of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The day.
    pub day: Day,
    /// Stored value, in minor units.
    pub stored: i128,
    /// Points.
    pub points: i128,
}

/// The 365 days up to `day`.
pub(super) fn year(turnover: &Turnover, day: Day) -> Vec<Held> {
    let net = |days: core::ops::RangeInclusive<Day>, code, asset| {
        -turnover.flow(days, None, code, asset).net()
    };
    let stored = [Code::StoredPrincipal, Code::StoredBonus, Code::HeldPrincipal, Code::HeldBonus];
    let points = [Code::Points, Code::PointsPending, Code::PointsHeld];
    let first = day.value().saturating_sub(364);
    let before = Day::FIRST..=Day::new(first.saturating_sub(1));
    let sum = |days: core::ops::RangeInclusive<Day>| {
        let stored: i128 = stored.iter().map(|code| net(days.clone(), *code, MONEY)).sum();
        let points: i128 = points.iter().map(|code| net(days.clone(), *code, POINTS)).sum();
        (stored, points)
    };
    let (mut stored, mut points) = sum(before);
    (first..=day.value())
        .map(Day::new)
        .map(|day| {
            let (more, more_points) = sum(day..=day);
            (stored, points) = (stored + more, points + more_points);
            Held { day, stored, points }
        })
        .collect()
}

/// Two curves, one above the other, each with its own scale.
#[must_use]
pub fn svg(year: &[Held]) -> String {
    let (width, height) = (WIDTH + LEFT + 20, 2 * (HEIGHT + 70));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" \
         fill=\"white\"/>\n"
    );
    curve(
        &mut text,
        year,
        40,
        "stored value",
        "#1b6ca8",
        |held| held.stored,
        |top| format!("{}.{:02}", top / 100, top % 100),
    );
    let points = |held: &Held| held.points;
    curve(&mut text, year, HEIGHT + 110, "points", "#b8561b", points, |top| top.to_string());
    text.push_str("</svg>\n");
    text
}

fn curve(
    text: &mut String,
    year: &[Held],
    top: i128,
    name: &str,
    colour: &str,
    value: impl Fn(&Held) -> i128,
    label: impl Fn(i128) -> String,
) {
    let most = year.iter().map(&value).max().unwrap_or(0).max(1);
    let bottom = top + HEIGHT;
    let days = i128::try_from(year.len()).unwrap_or(1).max(2) - 1;
    let mut points = String::new();
    for (n, held) in (0..).zip(year) {
        let (x, y) = (LEFT + n * WIDTH / days, bottom - value(held).max(0) * HEIGHT / most);
        write!(points, "{x},{y} ").unwrap_or(());
    }
    let (right, middle) = (LEFT + WIDTH, top + HEIGHT / 2);
    writeln!(text, "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{name}</text>", top - 10)
        .unwrap_or(());
    for (y, amount) in [(top, most), (middle, most / 2), (bottom, 0)] {
        writeln!(
            text,
            "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\" stroke=\"#ddd\"/>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6,
            y + 4,
            label(amount),
        )
        .unwrap_or(());
    }
    for (n, held) in (0..).zip(year) {
        if held.day.civil().2 == 1 {
            let x = LEFT + n * WIDTH / days;
            let day = held.day.to_string();
            let month = day.get(..7).unwrap_or(&day);
            writeln!(
                text,
                "<text x=\"{x}\" y=\"{}\" font-size=\"9\" text-anchor=\"middle\">{month}</text>",
                bottom + 14,
            )
            .unwrap_or(());
        }
    }
    writeln!(
        text,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
        points.trim_end(),
    )
    .unwrap_or(());
}
