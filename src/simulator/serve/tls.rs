//! The certificate that the simulated clusters show: made anew for each world, for loopback only, and told to clients in the kubeconfig. It is its own
//! authority; its key never leaves the process.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

// Tags of DER.
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const NAME: u8 = 0x06;
const INTEGER: u8 = 0x02;
const TEXT: u8 = 0x0c;
const TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const HOST_NAME: u8 = 0x82;
const HOST_ADDRESS: u8 = 0x87;

// Names of X.509, as they are written.
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    /// In PEM.
    pub(super) certificate: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// A new key, and a certificate for it. The error says what failed.
    pub(super) fn generate() -> Result<Self, String> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(|_unspecified| "no key could be made")?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).map_err(|error| error.to_string())?;
        let unsigned = unsigned(key.public_key().as_ref());
        let signature = key.sign(&random, &unsigned).map_err(|_unspecified| "the certificate could not be signed")?;
        let certificate = der(SEQUENCE, &[&unsigned, &algorithm(), &bits(signature.as_ref())]);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines(&STANDARD.encode(&certificate)));
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![CertificateDer::from(certificate)], key))
            .map_err(|error| error.to_string())?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate: pem })
    }
}

/// What is signed. The certificate is no authority for others: some clients refuse one that is both.
fn unsigned(public_key: &[u8]) -> Vec<u8> {
    let common_name = der(SEQUENCE, &[&der(NAME, &[COMMON_NAME]), &der(TEXT, &[b"tiphys simulator"])]);
    let name = der(SEQUENCE, &[&der(SET, &[&common_name])]);
    // Whatever time it is: the world's own is not the wall's.
    let validity = der(SEQUENCE, &[&der(TIME, &[b"200101000000Z"]), &der(TIME, &[b"491231235959Z"])]);
    let key_kind = der(SEQUENCE, &[&der(NAME, &[EC_PUBLIC_KEY]), &der(NAME, &[PRIME256V1])]);
    let hosts = der(SEQUENCE, &[&der(HOST_ADDRESS, &[&[127, 0, 0, 1]]), &der(HOST_NAME, &[b"localhost"])]);
    let alternative = der(SEQUENCE, &[&der(NAME, &[ALTERNATIVE_NAMES]), &der(OCTETS, &[&hosts])]);
    // From the key, so that certificates of two worlds differ; begins with a byte that keeps it positive.
    let serial: Vec<u8> = std::iter::once(1).chain(public_key.iter().skip(1).take(15).copied()).collect();
    der(
        SEQUENCE,
        &[
            &der(VERSION, &[&der(INTEGER, &[&[2]])]),
            &der(INTEGER, &[&serial]),
            &algorithm(),
            &name,
            &validity,
            &name,
            &der(SEQUENCE, &[&key_kind, &bits(public_key)]),
            &der(EXTENSIONS, &[&der(SEQUENCE, &[&alternative])]),
        ],
    )
}

fn algorithm() -> Vec<u8> {
    der(SEQUENCE, &[&der(NAME, &[ECDSA_WITH_SHA256])])
}

/// A string of bits that fills its bytes.
fn bits(bytes: &[u8]) -> Vec<u8> {
    der(BITS, &[&[0], bytes])
}

/// One value: its tag, its length, its parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    // Nothing here is longer than two bytes can say.
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    match length {
        0..=127 => out.push(low),
        128..=255 => out.extend([0x81, low]),
        _ => out.extend([0x82, high, low]),
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// As PEM wants it.
fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 64);
    for (position, character) in text.chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            out.push('\n');
        }
        out.push(character);
    }
    out
}
