//! Requests that cannot be read: they are answered like every other refusal.

use crate::master::error::MasterError;
use crate::master::handlers::answer::Refusal;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode, Uri};
use serde::de::DeserializeOwned;

/// What the caller sent, as JSON.
pub(super) struct Sent<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let read: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        read.map(|Json(sent)| Self(sent)).map_err(|rejection| {
            let (status, why) = (rejection.status().as_u16(), rejection.body_text());
            Refusal(MasterError::Unreadable { status, why })
        })
    }
}

/// What is asked for and is not there: a caller of a later version may know more.
pub(super) async fn unknown(method: Method, uri: Uri) -> Refusal {
    let why = format!("there is no {method} {}", uri.path());
    Refusal(MasterError::Unreadable { status: StatusCode::NOT_FOUND.as_u16(), why })
}
