//! TLS, for engines and registries.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::dial::Duplex;
use super::host::Tls;

/// A connector: with docker's certificates, or with the system's authorities.
///
/// # Errors
/// Certificates that are not there or are none.
pub(crate) fn connector(tls: Option<&Tls>) -> io::Result<TlsConnector> {
    let provider = Arc::new(ring::default_provider());
    let wrong = |e: Error| io::Error::new(io::ErrorKind::InvalidData, e);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let folder = tls.and_then(|t| t.folder.as_deref());
    let builder = if tls.is_some_and(|t| t.insecure) {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Trusting(provider)))
    } else {
        builder.with_root_certificates(roots(folder)?)
    };
    let own = folder.map(|f| (f.join("cert.pem"), f.join("key.pem"))).filter(|(c, _)| c.is_file());
    let config = match own {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(&key).map_err(|e| unreadable(&key, &e))?;
            builder.with_client_auth_cert(certificates(&certificate)?, key).map_err(wrong)?
        }
        None => builder.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The authorities that are trusted: docker's own file, else the system's.
fn roots(folder: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let file = folder.map(|f| f.join("ca.pem")).filter(|f| f.is_file());
    let found = match &file {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(found);
    Ok(roots)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Debug) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{} is no certificate or key: {error:?}", path.display()),
    )
}

/// Speaks TLS on a connection.
///
/// # Errors
/// A name that no certificate can have, and what the handshake reports.
pub(crate) async fn secure<D: Duplex>(
    connector: &TlsConnector,
    name: &str,
    stream: D,
) -> io::Result<TlsStream<D>> {
    let name =
        ServerName::try_from(name.to_owned()).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    connector.connect(name, stream).await
}

/// Takes every certificate, where the user's context says so.
#[derive(Debug)]
struct Trusting(Arc<CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
