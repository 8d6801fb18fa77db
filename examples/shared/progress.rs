//! A progress bar on stderr, when stderr is a terminal.

use std::ops::ControlFlow;
use std::sync::Mutex;

use dandelion_credit::Update;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows the stage and how far it is; silent when stderr is not a terminal.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    stage: Mutex<&'static str>,
}

impl Bar {
    /// A bar that has not begun.
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{msg:28} {bar:32} {percent:>3} %  {elapsed_precise}");
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(style.expect("the template is well formed"));
        Self { bar, stage: Mutex::new("") }
    }

    /// What the library's `Progress` calls.
    pub fn update(&self, update: Update) -> ControlFlow<()> {
        let mut stage = self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *stage != update.stage {
            *stage = update.stage;
            self.bar.set_message(update.stage);
        }
        self.bar.set_length(update.total);
        self.bar.set_position(update.done);
        ControlFlow::Continue(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
