//! How long a credential is good for, by what it says of itself. Nothing is verified and nothing of a credential leaves this file but times; one that
//! says nothing readable has no end here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;

use crate::base::Timestamp;

/// How long a credential is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From when on, where it says so.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
}

/// `iat` to `exp` of a JSON web token (RFC 7519, 4.1.4 and 4.1.6).
#[must_use]
pub fn of_token(token: &str) -> Option<Validity> {
    #[derive(Deserialize)]
    struct Claims {
        // Times may be written with a fraction.
        iat: Option<f64>,
        exp: Option<f64>,
    }
    let moment = |seconds: Option<f64>| {
        let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0 && *seconds < 1e11)?;
        #[expect(clippy::cast_possible_truncation, reason = "within the range that was just checked")]
        Timestamp::from_second(seconds as i64).ok()
    };
    let claims = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()?;
    Some(Validity { from: moment(claims.iat), until: moment(claims.exp)? })
}

/// `notBefore` to `notAfter` of the first certificate in a PEM file (RFC 5280, 4.1.2.5).
#[must_use]
pub fn of_certificate(pem: &[u8]) -> Option<Validity> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    // Certificate → TBSCertificate → [version], serial number, algorithm, issuer, validity → notBefore, notAfter.
    let (_, certificate, _) = element(&der)?;
    let (_, mut fields, _) = element(certificate)?;
    if element(fields)?.0 == VERSION {
        fields = element(fields)?.2;
    }
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (_, validity, _) = element(fields)?;
    let (tag, text, rest) = element(validity)?;
    let from = moment(tag, text);
    let (tag, text, _) = element(rest)?;
    Some(Validity { from, until: moment(tag, text)? })
}

/// A time as a certificate writes it.
fn moment(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        // Two digits for the year: up to 49 they are of this century.
        UTC_TIME => format!("{}{text}", if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", &text).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The first element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(digits, _)| digits.len() <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for this test; its key is nowhere.
    const CERTIFICATE: &str = include_str!("../../tests/recordings/certificate.pem");

    #[test]
    fn a_token_says_when_it_ends() {
        let token = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let until = "2026-11-21T15:00:00Z".parse().unwrap();
        let day_before = "2026-11-20T15:00:00Z".parse().unwrap();
        assert_eq!(of_token(&token(r#"{"iat":1795186800,"exp":1795273200,"sub":"a"}"#)), Some(Validity { from: Some(day_before), until }));
        assert_eq!(of_token(&token(r#"{"exp":1795273200.5}"#)), Some(Validity { from: None, until }));
        for none in [token("{}"), token(r#"{"exp":"soon"}"#), token(r#"{"exp":1e99}"#), "opaque".to_owned(), "a.b.c".to_owned(), String::new()] {
            assert_eq!(of_token(&none), None, "{none}");
        }
    }

    #[test]
    fn a_certificate_says_when_it_ends() {
        let whole = of_certificate(CERTIFICATE.as_bytes()).unwrap();
        assert_eq!(whole.until, "2051-07-13T17:24:09Z".parse().unwrap());
        assert!(whole.from.is_some_and(|from| from < whole.until), "{whole:?}");
        assert_eq!(of_certificate(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), None);
        assert_eq!(of_certificate(b""), None);
        // Cut anywhere, it is none, and nothing breaks.
        let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        for length in 0..der.len() {
            let pem = format!(
                "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
                base64::engine::general_purpose::STANDARD.encode(&der[..length])
            );
            assert_eq!(of_certificate(pem.as_bytes()), None);
        }
    }
}
