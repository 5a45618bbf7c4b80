//! Properties of every plan, over random clusters.
