//! Templates such as `{service}-{environment}`: how a service, an environment, a placement and a part are read out of a name or a path.
//!
//! `{environment}` takes only words that the landscape knows (the longest that fits), `{service}` any text within one path segment, `*` any text
//! within one path segment, also none, `**` any text. A field that stands twice must read the same twice. Templates know nothing of applications.

use std::fmt;

use crate::domain::words::{Meaning, Pattern, Words, after, heads};

/// Wildcards that one template may have: more make matching slow and its result surprising.
const WILDCARDS: usize = 3;

/// What a template can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `{service}`
    Service,
    /// `{environment}`
    Environment,
    /// `{placement}`
    Placement,
    /// `{part}`
    Part,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(Box<str>),
    Field(Field),
    Any,
    AnyDeep,
}

/// A template, ready to be matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    written: Box<str>,
    tokens: Vec<Token>,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateFault {
    /// A brace without its partner.
    OpenBrace,
    /// A field that does not exist.
    UnknownField(Box<str>),
    /// Two fields or wildcards with nothing between them: nobody can say where one ends.
    Adjoining,
    /// More wildcards than allowed.
    TooManyWildcards,
    /// Nothing in it can be read.
    NoField,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenBrace => write!(formatter, "a brace is not closed"),
            Self::UnknownField(name) => {
                write!(formatter, "there is no field {{{name}}}: use {{service}}, {{environment}}, {{placement}} or {{part}}")
            }
            Self::Adjoining => write!(formatter, "two fields or wildcards touch: put text between them, so that it is clear where one ends"),
            Self::TooManyWildcards => write!(formatter, "more than {WILDCARDS} wildcards"),
            Self::NoField => write!(formatter, "it reads nothing: use {{service}}, {{environment}}, {{placement}} or {{part}}"),
        }
    }
}

/// What a template may rely on while it reads.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'w> {
    /// The words of the landscape.
    pub words: &'w Words,
    /// What a part may be called.
    pub parts: &'w [Pattern],
    /// Placements and parts that nobody declared are taken as they are. Only where text is delimited: in paths, not in names.
    pub free: bool,
    /// Take any text for an environment: to tell a person which word was not known.
    pub any_environment: bool,
}

/// What a template read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures<'w, 't> {
    /// The service.
    pub service: Option<&'t str>,
    /// The environment, and the placement where the word says it.
    pub environment: Option<&'w Meaning>,
    /// The placement.
    pub placement: Option<&'t str>,
    /// The part.
    pub part: Option<&'t str>,
    /// A word that stands where an environment should.
    pub unknown_environment: Option<&'t str>,
}

impl Template {
    /// Reads a template as it is written in the configuration.
    pub fn parse(written: &str) -> Result<Self, TemplateFault> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut rest = written;
        while let Some(first) = rest.chars().next() {
            let (token, after) = match first {
                '{' => {
                    let (name, after) = rest.split_once('}').ok_or(TemplateFault::OpenBrace)?;
                    let field = match name.trim_start_matches('{') {
                        "service" => Field::Service,
                        "environment" => Field::Environment,
                        "placement" => Field::Placement,
                        "part" => Field::Part,
                        other => return Err(TemplateFault::UnknownField(other.into())),
                    };
                    (Token::Field(field), after)
                }
                '}' => return Err(TemplateFault::OpenBrace),
                '*' => {
                    let after = rest.trim_start_matches('*');
                    (if rest.len() - after.len() > 1 { Token::AnyDeep } else { Token::Any }, after)
                }
                _ => {
                    let end = rest.find(['{', '}', '*']).unwrap_or(rest.len());
                    let (literal, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                    (Token::Literal(literal.into()), after)
                }
            };
            if !matches!(token, Token::Literal(_)) && tokens.last().is_some_and(|last| !matches!(last, Token::Literal(_))) {
                return Err(TemplateFault::Adjoining);
            }
            tokens.push(token);
            rest = after;
        }
        if tokens.iter().filter(|token| matches!(token, Token::Any | Token::AnyDeep)).count() > WILDCARDS {
            return Err(TemplateFault::TooManyWildcards);
        }
        if !tokens.iter().any(|token| matches!(token, Token::Field(_))) {
            return Err(TemplateFault::NoField);
        }
        Ok(Self { written: written.into(), tokens })
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// Whether the template reads this field.
    #[must_use]
    pub fn reads(&self, field: Field) -> bool {
        self.tokens.contains(&Token::Field(field))
    }

    /// Reads the whole of `text`; `None` where it does not fit.
    #[must_use]
    pub fn capture<'w, 't: 'w>(&self, text: &'t str, reading: &Reading<'w>) -> Option<Captures<'w, 't>> {
        let mut captures = Captures::default();
        run(&self.tokens, text, reading, &mut captures).then_some(captures)
    }
}

/// Matches the tokens one after another and goes back where the rest does not fit. What was captured on a way that led nowhere is taken back.
fn run<'w, 't: 'w>(tokens: &[Token], text: &'t str, reading: &Reading<'w>, captures: &mut Captures<'w, 't>) -> bool {
    let Some((token, tokens)) = tokens.split_first() else { return text.is_empty() };
    match token {
        Token::Literal(literal) => after(text, literal).is_some_and(|rest| run(tokens, rest, reading, captures)),
        Token::Any => run(tokens, text, reading, captures) || heads(text).any(|(_, rest)| run(tokens, rest, reading, captures)),
        Token::AnyDeep => {
            let cuts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            cuts.filter_map(|at| text.split_at_checked(at)).any(|(_, rest)| run(tokens, rest, reading, captures))
        }
        Token::Field(Field::Service) => free(captures.service, text, |taken, rest| {
            let before = captures.service.replace(taken);
            run(tokens, rest, reading, captures) || {
                captures.service = before;
                false
            }
        }),
        Token::Field(Field::Part) => free(captures.part, text, |taken, rest| {
            if !(reading.parts.iter().any(|part| part.matches(taken)) || reading.free && reading.parts.is_empty()) {
                return false;
            }
            let before = captures.part.replace(taken);
            run(tokens, rest, reading, captures) || {
                captures.part = before;
                false
            }
        }),
        Token::Field(Field::Placement) => {
            let mut take = |taken, rest| {
                let before = captures.placement.replace(taken);
                run(tokens, rest, reading, captures) || {
                    captures.placement = before;
                    false
                }
            };
            reading.words.placement_starts(text).any(|(taken, rest)| take(taken, rest))
                || reading.free && heads(text).any(|(taken, rest)| take(taken, rest))
        }
        Token::Field(Field::Environment) => environment(tokens, text, reading, captures),
    }
}

/// Tries every length of a field that takes any text; a second time, what it read the first time.
fn free<'t>(before: Option<&'t str>, text: &'t str, mut take: impl FnMut(&'t str, &'t str) -> bool) -> bool {
    match before {
        Some(same) => after(text, same).is_some_and(|rest| take(same, rest)),
        None => heads(text).any(|(taken, rest)| take(taken, rest)),
    }
}

fn environment<'w, 't: 'w>(tokens: &[Token], text: &'t str, reading: &Reading<'w>, captures: &mut Captures<'w, 't>) -> bool {
    if reading.any_environment {
        return free(captures.unknown_environment, text, |taken, rest| {
            let before = captures.unknown_environment.replace(taken);
            run(tokens, rest, reading, captures) || {
                captures.unknown_environment = before;
                false
            }
        });
    }
    for (meaning, rest) in reading.words.starts(text) {
        let before = captures.environment;
        let Some(agreed) = agree(before, meaning) else { continue };
        captures.environment = Some(agreed);
        if run(tokens, rest, reading, captures) {
            return true;
        }
        captures.environment = before;
    }
    false
}

/// The more exact of two meanings that agree.
pub(crate) fn agree<'w>(first: Option<&'w Meaning>, second: &'w Meaning) -> Option<&'w Meaning> {
    let Some(first) = first else { return Some(second) };
    if first.environment != second.environment {
        return None;
    }
    match (&first.placement, &second.placement) {
        (Some(one), Some(other)) if one != other => None,
        (None, Some(_)) => Some(second),
        _ => Some(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        let meaning = |environment: &str, placement: Option<&str>| Meaning { environment: environment.into(), placement: placement.map(Into::into) };
        let words = [
            ("dev", meaning("dev", None)),
            ("production", meaning("production", None)),
            ("prod", meaning("production", None)),
            ("production-eu", meaning("production", Some("eu"))),
            ("pr-*", meaning("preview", None)),
        ];
        Words::new(words.map(|(word, meaning)| (word.into(), meaning)), ["eu".into()]).0
    }

    fn read(template: &str, text: &str) -> Option<String> {
        let words = words();
        let parts = [Pattern::new("api"), Pattern::new("worker*")];
        let reading = Reading { words: &words, parts: &parts, free: text.contains('/'), any_environment: false };
        let captures = Template::parse(template).unwrap().capture(text, &reading)?;
        let environment = captures.environment.map_or("-", |meaning| meaning.environment.as_wire());
        let placement = captures.placement.or(captures.environment.and_then(|meaning| meaning.placement.as_ref()).map(PlacementName::as_wire));
        Some(format!("{} {environment} {} {}", captures.service.unwrap_or("-"), placement.unwrap_or("-"), captures.part.unwrap_or("-")))
    }
    use crate::domain::names::PlacementName;

    #[test]
    fn names_and_paths_are_read() {
        for (template, text, expected) in [
            ("{service}-{environment}", "svc-0001-production-eu", Some("svc-0001 production eu -")),
            ("{service}-{environment}", "checkout-service-dev", Some("checkout-service dev - -")),
            ("{service}-{environment}", "checkout-sandbox", None),
            ("{service}-{environment}", "dev", None),
            ("{service}-{environment}", "-dev", None),
            ("{service}-{environment}", "checkout-pr-17", Some("checkout preview - -")),
            ("{environment}-{service}", "production-eu-checkout", Some("checkout production eu -")),
            ("{environment}-{service}", "prod-checkout", Some("checkout production - -")),
            ("{service}-{part}-{environment}", "checkout-worker-2-production", Some("checkout production - worker-2")),
            ("{service}-{part}-{environment}", "checkout-service-production", None),
            ("{service}-{environment}-{placement}", "checkout-prod-eu", Some("checkout production eu -")),
            ("{service}-{environment}-{placement}", "checkout-prod-mars", None),
            ("{service}", "checkout", Some("checkout - - -")),
            ("apps/{service}/overlays/{environment}", "apps/checkout/overlays/production-eu", Some("checkout production eu -")),
            ("apps/{service}/overlays/{environment}", "apps/shop/checkout/overlays/dev", None),
            ("**/{service}/overlays/{environment}", "apps/shop/checkout/overlays/dev", Some("checkout dev - -")),
            ("{environment}/{placement}/{service}", "prod/mars/checkout", Some("checkout production mars -")),
            ("{service}/{part}/*", "checkout/api/x", Some("checkout - - api")),
            ("{service}/{service}-{environment}.yaml", "a/a-dev.yaml", Some("a dev - -")),
            ("{service}/{service}-{environment}.yaml", "a/b-dev.yaml", None),
            ("{environment}/{service}/values-{environment}.yaml", "prod/a/values-production-eu.yaml", Some("a production eu -")),
            ("{environment}/{service}/values-{environment}.yaml", "dev/a/values-production-eu.yaml", None),
        ] {
            assert_eq!(read(template, text).as_deref(), expected, "{template} {text}");
        }
    }

    #[test]
    fn a_template_that_cannot_work_is_refused() {
        for (template, fault) in [
            ("{service", TemplateFault::OpenBrace),
            ("service}", TemplateFault::OpenBrace),
            ("{svc}", TemplateFault::UnknownField("svc".into())),
            ("{service}{environment}", TemplateFault::Adjoining),
            ("{service}*", TemplateFault::Adjoining),
            ("a", TemplateFault::NoField),
            ("*a*b*c*{service}", TemplateFault::Adjoining),
            ("*a*b*c*d{service}", TemplateFault::TooManyWildcards),
        ] {
            assert_eq!(Template::parse(template), Err(fault), "{template}");
        }
    }
}
