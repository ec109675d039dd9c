//! The steps of a canary as worlds write them: `10%`, `pause`, `pause 30s`, `analysis`. It knows nothing of what carries them out.

use std::time::Duration;

use super::span;

/// One step of a Rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// So many pods of a hundred.
    Weight(u8),
    /// For so long; without a length until a person goes on.
    Pause(Option<Duration>),
    /// The error rate and the latency are looked at.
    Analysis,
}

/// Reads a step.
pub(super) fn parse(text: &str) -> Result<Step, String> {
    let wrong = || format!("'{text}' is no step of a canary: use '10%', 'pause', 'pause 30s' or 'analysis'");
    if let Some(weight) = text.strip_suffix('%') {
        return weight.parse().ok().filter(|weight| *weight <= 100).map(Step::Weight).ok_or_else(wrong);
    }
    match text.split_once(' ') {
        None if text == "pause" => Ok(Step::Pause(None)),
        None if text == "analysis" => Ok(Step::Analysis),
        Some(("pause", length)) => span::parse(length.trim()).map(|length| Step::Pause(Some(length))),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_everything_else_is_told() {
        assert_eq!(parse("10%"), Ok(Step::Weight(10)));
        assert_eq!(parse("pause"), Ok(Step::Pause(None)));
        assert_eq!(parse("pause 30s"), Ok(Step::Pause(Some(Duration::from_secs(30)))));
        assert_eq!(parse("analysis"), Ok(Step::Analysis));
        assert_eq!(parse("pause 30"), Err("'30' has no unit of time: use ms, s, m or h".to_owned()));
        for text in ["101%", "%", "stop", "", "analysis now"] {
            assert_eq!(parse(text), Err(format!("'{text}' is no step of a canary: use '10%', 'pause', 'pause 30s' or 'analysis'")));
        }
    }
}
