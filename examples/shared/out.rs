//! Output that is whole or not there: a file is written beside its name and moved onto it at the end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Failure, Outcome};

/// A file under way, or standard output when the name is `-`. Dropped without [`finish`](Self::finish), it leaves nothing.
pub struct Output {
    sink: Option<Box<dyn Write>>,
    moved: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Opens `name` for writing; packed where the name ends in `.gz`.
    pub fn create(name: &str) -> Outcome<Self> {
        if name == "-" {
            return Ok(Self { sink: Some(Box::new(BufWriter::new(io::stdout()))), moved: None });
        }
        let target = PathBuf::from(name);
        let mut part = target.file_name().ok_or_else(|| Failure::new("not a file name").at(name))?.to_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(part);
        let file = BufWriter::with_capacity(1 << 20, File::create(&part).map_err(|e| Failure::new(e).at(name))?);
        let packed = Path::new(name).extension().is_some_and(|ext| ext == "gz");
        let sink: Box<dyn Write> =
            if packed { Box::new(GzEncoder::new(file, Compression::default())) } else { Box::new(file) };
        Ok(Self { sink: Some(sink), moved: Some((part, target)) })
    }

    /// Flushes and moves the file onto its name.
    pub fn finish(mut self) -> Outcome {
        if let Some(mut sink) = self.sink.take() {
            sink.flush()?;
        }
        if let Some((part, target)) = self.moved.take() {
            fs::rename(&part, &target).map_err(|e| Failure::new(e).at(target.display()))?;
        }
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.as_mut().expect("open until it is finished").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.as_mut().expect("open until it is finished").flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.sink = None;
        if let Some((part, _)) = &self.moved {
            let _ = fs::remove_file(part);
        }
    }
}

/// A CSV writer over [`Output`].
pub fn csv_writer(output: Output) -> csv::Writer<Output> {
    csv::WriterBuilder::new().buffer_capacity(1 << 20).from_writer(output)
}

/// Finishes a CSV file.
pub fn finish_csv(writer: csv::Writer<Output>) -> Outcome {
    writer.into_inner().map_err(csv::IntoInnerError::into_error)?.finish()
}
