//! The model: schema, filter, normalise, patch, projection, sort.
