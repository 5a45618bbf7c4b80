//! The checker finds what is wrong in plans that were sound before they were changed.
