//! Inference only: a verified artefact and a window of features in, a prediction out.
