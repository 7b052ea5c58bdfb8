//! Lines of raw recordings: `<receive time> <JSON>`, gzipped or plain, over several files.
//!
//! Knows no JSON. The receive time is in microseconds or nanoseconds, told by its magnitude.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::domain::Timestamp;

use super::error::ImportError;

/// Longer than any line of a recording (a snapshot of 5,000 levels a side has 0.4 MB): what is
/// longer is no recording, and must not fill the memory.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// Receive times below are microseconds, above nanoseconds: between the years 5138 and 1973.
const FIRST_NANOS: i64 = 100_000_000_000_000_000;

/// Receive times above, and below [`FIRST_NANOS`], are neither: later than any time we can tell.
const LAST_MICROS: i64 = i64::MAX / 1_000;

/// Receive times below are neither: microseconds before 1973.
const FIRST_MICROS: i64 = 100_000_000_000_000;

/// The lines of the files of one stream, in order.
pub struct Recording {
    later_files: VecDeque<PathBuf>,
    file: PathBuf,
    reader: Box<dyn BufRead + Send>,
    bytes: Vec<u8>,
    line: u64,
}

/// One message as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedLine<'a> {
    /// When the recorder received it.
    pub receive_time: Timestamp,
    /// The message, unparsed.
    pub text: &'a str,
}

impl Recording {
    /// Opens the files of one stream, in the order given; each must be readable now.
    ///
    /// # Errors
    /// [`ImportError::NoFile`] or [`ImportError::Open`].
    pub fn open(files: &[PathBuf]) -> Result<Self, ImportError> {
        let (first, rest) = files.split_first().ok_or(ImportError::NoFile)?;
        for file in rest {
            open_file(file)?;
        }
        Ok(Self {
            reader: open_file(first)?,
            file: first.clone(),
            later_files: rest.iter().cloned().collect(),
            bytes: Vec::new(),
            line: 0,
        })
    }

    /// The next line of the recording, over the ends of files; `None` after the last.
    ///
    /// # Errors
    /// [`ImportError::Truncated`], [`ImportError::Read`] or [`ImportError::Line`].
    pub fn next_line(&mut self) -> Result<Option<RecordedLine<'_>>, ImportError> {
        while !self.read_line()? {
            let Some(file) = self.later_files.pop_front() else { return Ok(None) };
            self.reader = open_file(&file)?;
            self.file = file;
            self.line = 0;
        }
        let whole = self.bytes.ends_with(b"\n");
        match split(&self.bytes) {
            Ok(line) => Ok(Some(line)),
            Err(_) if !whole => Err(self.truncated()),
            Err(problem) => Err(self.line_error(problem)),
        }
    }

    /// The error for a problem with the current line.
    #[must_use]
    pub fn line_error(&self, problem: &'static str) -> ImportError {
        ImportError::Line { file: self.file.clone(), line: self.line, problem }
    }

    /// The error for the current line's message; a last line that is not whole was cut off.
    #[must_use]
    pub fn message_error(&self, source: crate::book::DecodeError) -> ImportError {
        if self.bytes.ends_with(b"\n") {
            ImportError::Message { file: self.file.clone(), line: self.line, source }
        } else {
            self.truncated()
        }
    }

    /// Reads one line that is not blank; false at the end of the file.
    fn read_line(&mut self) -> Result<bool, ImportError> {
        loop {
            self.bytes.clear();
            self.line += 1;
            let mut limited = (&mut self.reader).take(MAX_LINE_BYTES);
            match limited.read_until(b'\n', &mut self.bytes) {
                Ok(0) => return Ok(false),
                Ok(_) if self.bytes.iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.truncated());
                }
                Err(source) => {
                    let (file, line) = (self.file.clone(), self.line);
                    return Err(ImportError::Read { file, line, source });
                }
            }
        }
    }

    fn truncated(&self) -> ImportError {
        ImportError::Truncated { file: self.file.clone(), line: self.line }
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Recording({} line {})", self.file.display(), self.line)
    }
}

/// Opens a file, through the decompressor if its first bytes say gzip, whatever its name.
fn open_file(file: &Path) -> Result<Box<dyn BufRead + Send>, ImportError> {
    let error = |source| ImportError::Open { file: file.to_path_buf(), source };
    let mut plain = BufReader::new(File::open(file).map_err(error)?);
    let is_gzip = plain.fill_buf().map_err(error)?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzip { Box::new(BufReader::new(MultiGzDecoder::new(plain))) } else { Box::new(plain) })
}

fn split(bytes: &[u8]) -> Result<RecordedLine<'_>, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8 text")?.trim_end();
    let (time, text) = text.split_once(' ').ok_or("no space between time and message")?;
    let time: i64 = time.parse().map_err(|_| "it does not begin with a receive time")?;
    let receive_time = match time {
        FIRST_NANOS.. => Timestamp::from_nanos(time),
        FIRST_MICROS..=LAST_MICROS => Timestamp::from_micros(time),
        _ => return Err("its receive time is neither microseconds nor nanoseconds"),
    };
    Ok(RecordedLine { receive_time, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_times_unit_is_told_by_its_magnitude() {
        let micros = split(b"1680652700423575 {}\n").unwrap();
        let nanos = split(b"1680652700423575000 {}").unwrap();
        assert_eq!(micros, nanos);
        assert_eq!(micros.text, "{}");
        let beyond_time = "16806527200423575 {}";
        for line in [beyond_time, "1680652700 {}", "x {}", "1680652700423575", "", "-1 {}"] {
            assert!(split(line.as_bytes()).is_err(), "{line:?}");
        }
    }
}
