//! `lobd` as a process with a folder of its own. Nothing here outlives its test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use lobd::actors::{ControlAnswer, ControlRequest, ask};
use lobd::app::DataFolder;
use lobd::domain::Second;
use lobd::store::{Tape, tape_path};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::UnixDatagram;

/// Nothing these tests wait for takes so long, on a machine that is busy with the other tests.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// How often something that cannot announce itself is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A working folder with its `.env` and data folder, removed at the end.
pub(crate) struct Home(TempDir);

/// A process that is killed when dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A home whose `.env` holds these settings.
    pub(crate) fn with(variables: &[(&'static str, String)]) -> Self {
        let home = Self::new();
        home.configure(variables);
        home
    }

    /// Writes `.env`; of a setting named twice, the later one holds.
    pub(crate) fn configure(&self, variables: &[(&'static str, String)]) {
        let lines = variables.iter().map(|(name, value)| format!("{name}={value}\n"));
        self.write_settings(&lines.collect::<String>());
    }

    /// Writes `.env` as it is given.
    pub(crate) fn write_settings(&self, text: &str) {
        let path = self.path().join(".env");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// `lobd` with nothing of the test's environment; what it leaves for others goes here as well.
    pub(crate) fn lobd(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(super::binary());
        command.env_clear().current_dir(self.path()).args(arguments);
        command.env("XDG_RUNTIME_DIR", self.path());
        command
    }

    /// Runs `lobd` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.lobd(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs `lobd` to its end, which must be a good one; its standard output.
    #[track_caller]
    pub(crate) fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "lobd {arguments:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `lobd` to its end, which must be one error line, with all `words` in it, and this code.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let output = self.run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "lobd {arguments:?}: {stderr}");
        let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "one line says it all: {stderr}");
        for word in words {
            assert!(errors[0].contains(word), "{word:?} is not in: {}", errors[0]);
        }
    }

    /// Starts `lobd` and leaves it running; what it says goes to a file.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.start(self.lobd(arguments))
    }

    /// Starts `lobd` where nothing that it says can be written, as on a full disk.
    pub(crate) fn spawn_unheard(&self, arguments: &[&str]) -> Running {
        let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = self.lobd(arguments);
        command.stdin(Stdio::null()).stdout(full()).stderr(full());
        Running { child: command.spawn().unwrap(), log: self.path().join("log") }
    }

    /// Starts a command of [`Self::lobd`].
    pub(crate) fn start(&self, mut command: Command) -> Running {
        let log = self.path().join("log");
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        Running { child: command.spawn().unwrap(), log }
    }

    /// What the running daemon knows; `None` while nobody answers.
    pub(crate) async fn status(&self) -> Option<Value> {
        Self::status_in(&self.data()).await
    }

    /// What the daemon of a data folder knows; `None` while nobody answers.
    pub(crate) async fn status_in(data: &Path) -> Option<Value> {
        let path = DataFolder::new(data).control();
        match ask(&path, &ControlRequest::Status).await {
            Ok(ControlAnswer::Status(status)) => Some(status),
            Ok(
                ControlAnswer::Accepted | ControlAnswer::Declined(_) | ControlAnswer::Refused(_),
            )
            | Err(_) => None,
        }
    }

    /// Waits until the running daemon's status is as wanted.
    pub(crate) async fn status_when(
        &self,
        what: &str,
        is_wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let mut last = None;
        let wanted = until(async || {
            last = self.status().await;
            last.clone().filter(&is_wanted)
        });
        let Ok(status) = tokio::time::timeout(DEADLINE, wanted).await else {
            panic!("not in time: {what}; status {last:?}; log: {}", self.log());
        };
        status
    }

    /// Whether BTCUSDT can be asked for on the tape: its file comes first, then its tables, then it.
    pub(crate) fn records_already(&self) -> bool {
        let path = tape_path(&self.data());
        let tape = path.exists().then(|| Tape::open_read_only(&path).ok()).flatten();
        tape.is_some_and(|tape| tape.resolve("BTCUSDT").is_ok())
    }

    /// The seconds of BTCUSDT on the tape that are VALID, in order.
    pub(crate) fn valid_seconds(&self) -> Vec<Second> {
        let tape = Tape::open_read_only(&tape_path(&self.data())).unwrap();
        let key = tape.resolve("BTCUSDT").unwrap();
        let all = Second::from_unix(0)..Second::from_unix(i64::from(u32::MAX));
        tape.scan(&key, all)
            .map(Result::unwrap)
            .filter(|(_, row)| row.valid_snapshot().is_some())
            .map(|(second, _)| second)
            .collect()
    }

    /// What the started processes have said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

impl Running {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the process to end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Asks the process to end, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal("INT");
    }

    /// Stops the process where it is, as a suspended machine would.
    pub(crate) fn stop_in_place(&self) {
        self.signal("STOP");
    }

    /// Lets a stopped process go on.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Kills the process without a warning (SIGKILL), and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How the process has ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the end of the process; its exit code.
    pub(crate) async fn exit(&mut self) -> Option<i32> {
        let ended = until(async || self.child.try_wait().unwrap());
        let Ok(status) = tokio::time::timeout(DEADLINE, ended).await else {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            panic!("the process did not end; its log: {log}");
        };
        status.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until there is something; the caller sets the deadline.
pub(crate) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
    }
}

/// Waits until something is so, but not for ever.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wanted = until(async || is_so().await.then_some(()));
    assert!(tokio::time::timeout(DEADLINE, wanted).await.is_ok(), "not in time: {what}");
}

/// Waits until the watchdog is fed no more: a loop that goes round feeds it each second.
pub(crate) async fn falls_silent(socket: &UnixDatagram) {
    let silence = async {
        let mut buffer = [0; 4_096];
        let limit = Duration::from_millis(2_500);
        while tokio::time::timeout(limit, socket.recv(&mut buffer)).await.is_ok() {}
    };
    assert!(tokio::time::timeout(DEADLINE, silence).await.is_ok(), "it is fed all the same");
}

/// Waits until the socket is told something; other messages are passed over.
pub(crate) async fn told(socket: &UnixDatagram, wanted: &str) {
    told_within(socket, wanted, DEADLINE).await;
}

/// The same, with a deadline of its own.
pub(crate) async fn told_within(socket: &UnixDatagram, wanted: &str, limit: Duration) {
    let mut buffer = [0; 4_096];
    let hear = async {
        loop {
            let length = socket.recv(&mut buffer).await.unwrap();
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == wanted) {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(limit, hear).await.is_ok(), "not told: {wanted}");
}
