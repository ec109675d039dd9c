//! Figures, what was promised for them, and the table of both.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What is promised, of which of the figures.
#[derive(Clone, Copy)]
pub(crate) enum Budget {
    /// The median is at most so much.
    Median(f64),
    /// The median and the 99th percentile are.
    Both(f64, f64),
    /// The greatest is.
    Most(f64),
    /// Nothing is promised.
    None,
}

/// One line of the table.
pub(crate) struct Figure {
    what: String,
    unit: &'static str,
    budget: Budget,
    sorted: Vec<f64>,
}

/// All lines.
#[derive(Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    /// Takes measurements in and says them at once: a run that is broken off has told what it knew.
    #[expect(clippy::print_stdout, reason = "this program is there to print")]
    pub(crate) fn add(&mut self, what: &str, unit: &'static str, budget: Budget, values: impl IntoIterator<Item = f64>) {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let figure = Figure { what: what.to_owned(), unit, budget, sorted };
        println!("{}", figure.line());
        self.0.push(figure);
    }

    pub(crate) fn head() -> String {
        format!("{:<58} {:>16} {:>10} {:>10} {:>10} {:>10} {:>5}  {}", "what", "budget", "min", "median", "p99", "max", "n", "verdict")
    }

    pub(crate) fn json(&self) -> Value {
        let figures = self.0.iter().map(|figure| {
            json!({
                "what": figure.what, "unit": figure.unit, "budget": figure.budget.text(), "n": figure.sorted.len(), "min": figure.at(0.0),
                "median": figure.at(0.5), "p99": figure.at(0.99), "max": figure.at(1.0), "holds": figure.holds(),
            })
        });
        Value::Array(figures.collect())
    }
}

impl Figure {
    /// The value below which this share of all lies.
    fn at(&self, share: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among a few hundred")]
        let place = (last as f64 * share).ceil() as usize;
        self.sorted.get(place).copied().unwrap_or(f64::NAN)
    }

    fn holds(&self) -> Option<bool> {
        match self.budget {
            Budget::Median(median) => Some(self.at(0.5) <= median),
            Budget::Both(median, most) => Some(self.at(0.5) <= median && self.at(0.99) <= most),
            Budget::Most(most) => Some(self.at(1.0) <= most),
            Budget::None => None,
        }
    }

    fn line(&self) -> String {
        let verdict = match self.holds() {
            Some(true) => "holds",
            Some(false) => "OVER",
            None => "",
        };
        let mut line = format!("{:<58} {:>16}", self.what, format!("{} {}", self.budget.text(), self.unit));
        for share in [0.0, 0.5, 0.99, 1.0] {
            let _ = write!(line, " {:>10.2}", self.at(share));
        }
        let _ = write!(line, " {:>5}  {verdict}", self.sorted.len());
        line
    }
}

impl Budget {
    fn text(self) -> String {
        match self {
            Self::Median(median) => format!("{median}"),
            Self::Both(median, most) => format!("{median}/{most}"),
            Self::Most(most) => format!("≤{most}"),
            Self::None => "–".to_owned(),
        }
    }
}
