//! What a build serves to BuildKit while it runs: files, secrets, credentials, and that it is alive.
//!
//! Source: the services that `docker buildx` serves (github.com/moby/buildkit/session).

use std::pin::Pin;

use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSyncServer;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse, GetTokenAuthorityRequest,
    GetTokenAuthorityResponse, VerifyTokenAuthorityRequest, VerifyTokenAuthorityResponse,
};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::{Request, Response, Status};

use super::filesync::Files;
use crate::credentials::{Credentials, Login};
use crate::engine::host::Host;
use crate::engine::http::{NoUpgrade, upgrade};
use crate::event::{Event, Sink};
use crate::secrets::Values;

/// The methods that the engine may call.
const METHODS: [&str; 5] = [
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.filesync.v1.Auth/FetchToken",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.filesync.v1.FileSync/DiffCopy",
    "/grpc.health.v1.Health/Check",
];

/// A session: the engine's connection to what it is served. It ends when it is dropped, and with it the build.
pub(super) struct Session {
    tasks: [JoinHandle<()>; 2],
    _stop: oneshot::Sender<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What is served.
pub(super) struct Served {
    pub(super) files: Files,
    pub(super) secrets: Values,
    pub(super) credentials: Credentials,
    pub(super) sink: Sink,
}

impl Session {
    /// Opens a session.
    pub(super) async fn open(host: &Host, id: &str, key: &str, served: Served) -> Result<Self, NoUpgrade> {
        let mut headers = vec![
            ("X-Docker-Expose-Session-Uuid", id.to_owned()),
            ("X-Docker-Expose-Session-Name", "image-lsp".to_owned()),
            // What stays the same lets the engine ask only for files that changed.
            ("X-Docker-Expose-Session-Sharedkey", printable(key)),
        ];
        headers.extend(METHODS.map(|method| ("X-Docker-Expose-Session-Grpc-Method", method.to_owned())));
        let connection = upgrade(host, "/session", &headers).await?;
        let (ours, theirs) = tokio::io::duplex(256 * 1024);
        let (stop, stopped) = oneshot::channel();
        let copying = tokio::spawn(copy(connection, theirs, stopped));
        let server = tonic::transport::Server::builder()
            .add_service(HealthServer::new(Alive))
            .add_service(SecretsServer::new(Kept(served.secrets)))
            .add_service(AuthServer::new(Known { credentials: served.credentials, sink: served.sink }))
            .add_service(FileSyncServer::new(served.files));
        let incoming = tokio_stream::once(Ok::<_, std::io::Error>(ours));
        let serving = tokio::spawn(async move {
            // It ends with the connection: whoever waits for the build hears of it.
            let _ = server.serve_with_incoming(incoming).await;
        });
        Ok(Self { tasks: [copying, serving], _stop: stop })
    }
}

/// Carries bytes both ways until somebody stops it.
pub(super) async fn copy<A, B>(mut from: A, mut to: B, stopped: oneshot::Receiver<()>)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
        _ = stopped => {}
    }
}

/// A text as a header may hold it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

struct Alive;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Answer<HealthCheckResponse> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving as i32 }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Answer<HealthListResponse> {
        Err(Status::unimplemented("list"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Answer<Self::WatchStream> {
        Err(Status::unimplemented("watch"))
    }
}

struct Kept(Values);

#[tonic::async_trait]
impl Secrets for Kept {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Answer<GetSecretResponse> {
        let id = request.into_inner().id;
        match self.0.get(&id) {
            Some(data) => Ok(Response::new(GetSecretResponse { data: data.to_vec() })),
            None => Err(Status::not_found(format!("secret {id}: not found"))),
        }
    }
}

struct Known {
    credentials: Credentials,
    sink: Sink,
}

#[tonic::async_trait]
impl Auth for Known {
    async fn credentials(&self, request: Request<CredentialsRequest>) -> Answer<CredentialsResponse> {
        let login = match self.credentials.of(&request.into_inner().host).await {
            Ok(login) => login,
            // Most of what is pulled is there for everybody.
            Err(error) => {
                (self.sink)(Event::Warning { message: error.to_string(), rule: None, site: None });
                None
            }
        };
        let (username, secret) = match login {
            Some(Login::Basic(name, password)) => (name, password),
            Some(Login::Token(token)) => (String::new(), token),
            None => (String::new(), String::new()),
        };
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    // Refusing these makes the engine fetch tokens itself, with the credentials.
    async fn fetch_token(&self, _: Request<FetchTokenRequest>) -> Answer<FetchTokenResponse> {
        Err(Status::unimplemented("fetch_token"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Answer<GetTokenAuthorityResponse> {
        Err(Status::unavailable("the engine fetches tokens"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Answer<VerifyTokenAuthorityResponse> {
        Err(Status::unavailable("the engine fetches tokens"))
    }
}
