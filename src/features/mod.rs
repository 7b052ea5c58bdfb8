//! Frames to named feature vectors: the same code online and offline. Labels, scaler, splits.
