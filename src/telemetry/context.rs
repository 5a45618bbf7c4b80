//! The trace context that travels with a request (W3C `traceparent`), so that one trace shows a joiner
//! through the master to every agent.
//!
//! A process that exports no spans hands an incoming context on unchanged, and makes none of its own.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use std::fmt;
use std::str::FromStr;
use tracing::{Dispatch, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

/// The name of the header that carries it.
pub const HEADER: &str = "traceparent";

/// A valid trace context: `00-TRACE-SPAN-FLAGS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
}

/// A text that is no trace context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTraceparent;

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, self.flags.to_u8())
    }
}

impl FromStr for Traceparent {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fields: Vec<&str> = text.split('-').collect();
        let [version, trace, span, flags, rest @ ..] = fields.as_slice() else {
            return Err(InvalidTraceparent);
        };
        // A later version may add fields behind the ones of version 00, and `ff` is not a version.
        let whole = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        if !whole || *version == "ff" || (*version == "00" && !rest.is_empty()) {
            return Err(InvalidTraceparent);
        }
        let trace = TraceId::from_hex(trace).map_err(|_| InvalidTraceparent)?;
        let span = SpanId::from_hex(span).map_err(|_| InvalidTraceparent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| InvalidTraceparent)?;
        if trace == TraceId::INVALID || span == SpanId::INVALID {
            return Err(InvalidTraceparent);
        }
        Ok(Self { trace, span, flags: TraceFlags::new(flags) & TraceFlags::SAMPLED })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Traceparent {
    fn remote(self) -> SpanContext {
        SpanContext::new(self.trace, self.span, self.flags, true, TraceState::default())
    }

    fn of(context: &opentelemetry::Context) -> Option<Self> {
        let span = context.span();
        let context = span.span_context();
        let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
        context.is_valid().then_some(Self { trace, span, flags })
    }
}

/// Makes the context of a request the parent of the current span. Call it first in a handler, before
/// the span has children or was handed on. False when the text is malformed (the request then starts
/// a trace of its own) or there is no current span.
pub fn adopt(traceparent: &str) -> bool {
    adopt_for(&Span::current(), traceparent)
}

/// As `adopt`, for a span that need not be entered.
pub fn adopt_for(span: &Span, traceparent: &str) -> bool {
    let Ok(parent) = traceparent.parse::<Traceparent>() else { return false };
    let context = opentelemetry::Context::new().with_remote_span_context(parent.remote());
    // Without an exporter there is no such layer, and the context is only kept to be handed on.
    if span.set_parent(context).is_ok() {
        return true;
    }
    let kept = span.with_subscriber(|(id, dispatch)| {
        let found = dispatch.downcast_ref::<Registry>().and_then(|registry| registry.span(id))?;
        found.extensions_mut().replace(parent);
        Some(())
    });
    kept.flatten().is_some()
}

/// The `traceparent` to send with a request made in the current span, if it belongs to a trace.
pub fn current() -> Option<String> {
    let span = Span::current();
    span.with_subscriber(|(id, dispatch)| innermost(id, dispatch)).flatten().map(|found| found.to_string())
}

/// The nearest of the span and those around it that is exported or has adopted a context.
fn innermost(id: &tracing::Id, dispatch: &Dispatch) -> Option<Traceparent> {
    let registry = dispatch.downcast_ref::<Registry>()?;
    let mut next = registry.span(id);
    while let Some(span) = next {
        let exported = tracing_opentelemetry::get_otel_context(&span.id(), dispatch);
        let found = exported
            .and_then(|context| Traceparent::of(&context))
            .or_else(|| span.extensions().get::<Traceparent>().copied());
        if found.is_some() {
            return found;
        }
        next = span.parent();
    }
    None
}

/// Appends the current context to the headers of a request; does nothing outside a trace.
pub fn inject(headers: &mut Vec<(String, String)>) {
    if let Some(traceparent) = current() {
        headers.push((HEADER.to_owned(), traceparent));
    }
}
