//! A terminal that is taken for a dashboard, and given back as it was.

use std::io::{self, Stderr};
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::dashboard::Dashboard;

/// Time between two pictures: eight a second.
const FRAME: Duration = Duration::from_millis(125);

/// What the keys say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Nothing.
    #[default]
    Nothing,
    /// To stop with a checkpoint: `q`, or Ctrl-C, which a terminal that is taken does not make a signal of.
    Stop,
    /// To end at once: Ctrl-C again.
    Quit,
}

/// The terminal behind standard error, until dropped: also where a panic unwinds.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    drawn: Option<Instant>,
    asked: Asked,
    /// How far the keys have turned to other curves since that was taken.
    turned: isize,
}

impl Screen {
    pub(super) fn take() -> io::Result<Self> {
        let terminal = Terminal::new(CrosstermBackend::new(io::stderr()))?;
        enable_raw_mode()?;
        // From here on it is given back by being dropped.
        let mut screen = Self {
            terminal,
            drawn: None,
            asked: Asked::Nothing,
            turned: 0,
        };
        // The terminal's own clearing asks where the cursor is, which not every terminal answers.
        let backend = screen.terminal.backend_mut();
        execute!(backend, EnterAlternateScreen, Clear(ClearType::All))?;
        Ok(screen)
    }

    /// Draws, unless that was done just now. A terminal that is gone must not stop training.
    pub(super) fn draw(&mut self, dashboard: &Dashboard) {
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            let _ = self.terminal.draw(|frame| dashboard.draw(frame));
            self.drawn = Some(Instant::now());
        }
    }

    /// The most that the keys have said so far, without waiting for any.
    pub(super) fn asked(&mut self) -> Asked {
        while event::poll(Duration::ZERO).unwrap_or(false) {
            match event::read() {
                Ok(Event::Key(key)) => {
                    self.asked = after(self.asked, key);
                    self.turned += turn(key);
                }
                Ok(_) => self.drawn = None,
                Err(_) => break,
            }
        }
        self.asked
    }

    /// How many curves further on the keys that [`Screen::asked`] saw lead, less those back. The next picture is drawn at
    /// once where there are any: a key is not to wait for its turn.
    pub(super) fn take_turns(&mut self) -> isize {
        if self.turned != 0 {
            self.drawn = None;
        }
        std::mem::take(&mut self.turned)
    }
}

/// Where a key leads among the curves.
fn turn(key: KeyEvent) -> isize {
    // Some terminals tell when a key is let go, too.
    match key.code {
        _ if key.kind == KeyEventKind::Release => 0,
        KeyCode::Right | KeyCode::Down | KeyCode::Tab | KeyCode::Char('l') => 1,
        KeyCode::Left | KeyCode::Up | KeyCode::BackTab | KeyCode::Char('h') => -1,
        _ => 0,
    }
}

fn after(asked: Asked, key: KeyEvent) -> Asked {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control && asked >= Asked::Stop => Asked::Quit,
        KeyCode::Char('c') if control => Asked::Stop,
        KeyCode::Char('q') => asked.max(Asked::Stop),
        _ => asked,
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Whatever fails here, the rest is still to be tried.
        let _ = execute!(self.terminal.backend_mut(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_lead_to_the_next_curves_and_back_and_stop_nothing() {
        let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
        for (code, expected) in [
            (KeyCode::Right, 1),
            (KeyCode::Down, 1),
            (KeyCode::Char('l'), 1),
            (KeyCode::Left, -1),
            (KeyCode::Up, -1),
            (KeyCode::Char('h'), -1),
            (KeyCode::Char('q'), 0),
            (KeyCode::Enter, 0),
        ] {
            assert_eq!(turn(key(code)), expected, "{code:?}");
        }
        assert_eq!(after(Asked::Nothing, key(KeyCode::Right)), Asked::Nothing);
        let released = KeyEvent {
            kind: KeyEventKind::Release,
            ..key(KeyCode::Right)
        };
        assert_eq!(turn(released), 0);
    }

    #[test]
    fn q_stops_and_only_a_second_interrupt_quits() {
        let key = |code, modifiers| KeyEvent::new(KeyCode::Char(code), modifiers);
        let (plain, control) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
        let asked = |keys: &[(char, KeyModifiers)]| {
            let keys = keys.iter().map(|&(code, modifiers)| key(code, modifiers));
            keys.fold(Asked::Nothing, after)
        };
        assert_eq!(asked(&[('x', plain), ('c', plain)]), Asked::Nothing);
        assert_eq!(asked(&[('q', plain)]), Asked::Stop);
        assert_eq!(asked(&[('q', plain), ('q', plain)]), Asked::Stop);
        assert_eq!(asked(&[('c', control)]), Asked::Stop);
        assert_eq!(asked(&[('q', plain), ('c', control)]), Asked::Quit);
        assert_eq!(
            asked(&[('c', control), ('c', control), ('q', plain)]),
            Asked::Quit
        );
    }
}
