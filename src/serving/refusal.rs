//! A refusal on its way out: its status, its failure, and when to ask again.

use crate::model::explain::{Explain, Failure};
use crate::serving::ServingError;
use crate::wire::ErrorBody;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;

/// When a caller that found no place, or nobody who judges it, may ask again.
const AGAIN: Duration = Duration::from_secs(2);

/// What a caller is told instead of what it asked for.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    failure: Failure,
    again: Option<Duration>,
}

impl Refusal {
    /// Any error, under this status.
    pub fn new(status: StatusCode, error: &dyn Explain) -> Self {
        Self { status, failure: Failure::of(error), again: None }
    }

    /// The same, with the time after which the caller may ask again.
    #[must_use]
    pub fn again(self, again: Option<Duration>) -> Self {
        Self { again, ..self }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<ServingError> for Refusal {
    fn from(error: ServingError) -> Self {
        let (status, again) = match &error {
            ServingError::Stranger { .. } => (StatusCode::UNAUTHORIZED, None),
            ServingError::NotMember { .. } | ServingError::Role { .. } => (StatusCode::FORBIDDEN, None),
            ServingError::Unknown { .. } => (StatusCode::NOT_FOUND, None),
            ServingError::Full { .. } | ServingError::Unjudged { .. } | ServingError::Unruled { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(AGAIN))
            }
            ServingError::Malformed { .. } => (StatusCode::BAD_REQUEST, None),
            ServingError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, None),
            ServingError::Store { .. } => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self { again, ..Self::new(status, &error) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let failure = &self.failure;
        tracing::info!(code = failure.code, message = failure.message, causes = ?failure.causes, "refused");
        let mut response = (self.status, Json(ErrorBody { error: self.failure })).into_response();
        if let Some(again) = self.again {
            response.headers_mut().insert(header::RETRY_AFTER, again.as_secs().into());
        }
        response
    }
}
