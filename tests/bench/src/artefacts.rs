//! The measured programs, built and installed under `target/bench`.

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sha2::{Digest, Sha256};
use stack::root_certificates;
use tools::{root, target};

use crate::{BoxError, lambda::Program, options::Options};

/// The places of the programs.
pub struct Artefacts {
    /// The folder of the binaries that cargo has built.
    binaries: PathBuf,
    /// The folder of the benchmarks.
    pub folder: PathBuf,
    /// The file in place of the root certificates that the template names.
    roots: PathBuf,
    /// The contenders that are not measured, and why.
    pub left_out: Vec<String>,
    /// The Python of the environment with the peers' packages.
    pub python: PathBuf,
    /// Whether Node.js is installed.
    pub has_node: bool,
}

impl Artefacts {
    /// Builds the functions and installs the peers, unless both exist already.
    pub fn build(options: &Options) -> Result<Self, BoxError> {
        let target = target();
        let folder = target.join("bench");
        fs::create_dir_all(folder.join("logs"))?;
        let mut artefacts = Self {
            binaries: cargo_build(options)?,
            python: folder.join("python/bin/python"),
            roots: root_certificates()?,
            folder,
            left_out: Vec::new(),
            has_node: false,
        };
        options.say("Installing the peers in Python and Node.js");
        artefacts.install_python()?;
        match artefacts.install_node() {
            Ok(()) => artefacts.has_node = true,
            Err(error) => artefacts.left_out.push(format!("Node.js is left out: {error}.")),
        }
        Ok(artefacts)
    }

    /// Returns a function of this project.
    pub fn function(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// Returns a function of this project with settings, and with the settings that the template gives to all
    /// functions.
    pub fn program(
        &self,
        name: &'static str,
        function: &str,
        settings: impl IntoIterator<Item = (String, String)>,
    ) -> Program {
        let roots = ("SSL_CERT_FILE".to_owned(), self.roots.display().to_string());
        Program {
            name,
            command: vec![self.function(function).display().to_string()],
            environment: settings.into_iter().chain([roots]).collect(),
        }
    }

    /// Returns the log file of a program.
    pub fn log(&self, name: &str) -> Result<File, BoxError> {
        let path = self.folder.join("logs").join(format!("{name}.log"));
        Ok(File::options().create(true).append(true).open(path)?)
    }

    fn install_python(&self) -> Result<(), BoxError> {
        let requirements = peers().join("python/requirements.txt");
        let marker = self.folder.join("python/installed");
        once(&marker, &[&requirements], || {
            run(
                Command::new("python3")
                    .args(["-m", "venv", "--clear"])
                    .arg(self.folder.join("python")),
                self.log("python")?,
                "install Python 3.10 or newer with venv (Debian and Ubuntu: python3 and python3-venv)",
            )?;
            let mut pip = Command::new(&self.python);
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-input",
            ]);
            pip.args(["--only-binary", ":all:", "--requirement"])
                .arg(&requirements);
            run(&mut pip, self.log("python")?, "see target/bench/logs/python.log")
        })
    }

    fn install_node(&self) -> Result<(), BoxError> {
        let version = Command::new("node")
            .arg("--version")
            .stderr(Stdio::null())
            .output();
        let version = version.map_err(|_| "there is no node on the path")?;
        if !version.status.success() {
            return Err("node does not run".into());
        }
        let (from, to) = (peers().join("node"), self.folder.join("node"));
        fs::create_dir_all(&to)?;
        let sources = [
            "package.json",
            "package-lock.json",
            "runtime.mjs",
            "webhook.mjs",
            "decrypt.mjs",
        ];
        let files: Vec<PathBuf> = sources.iter().map(|name| from.join(name)).collect();
        let files: Vec<&PathBuf> = files.iter().collect();
        once(&to.join("installed"), &files, || {
            for name in sources {
                fs::copy(from.join(name), to.join(name))?;
            }
            for arguments in [&["ci", "--no-audit", "--no-fund"][..], &["run", "build"]] {
                let mut npm = Command::new("npm");
                npm.args(arguments).current_dir(&to);
                run(&mut npm, self.log("node")?, "see target/bench/logs/node.log")?;
            }
            Ok(())
        })
    }
}

/// Does something once for each state of these files, and again if the marker's folder has moved, because programs in
/// it are called by their paths.
fn once(
    marker: &Path,
    files: &[&PathBuf],
    work: impl FnOnce() -> Result<(), BoxError>,
) -> Result<(), BoxError> {
    let mut digest = Sha256::new();
    let place = marker.parent().map(fs::canonicalize);
    if let Some(Ok(place)) = place {
        digest.update(place.as_os_str().as_encoded_bytes());
    }
    for file in files {
        digest.update(fs::read(file)?);
    }
    let wanted = digest
        .finalize()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    if fs::read_to_string(marker).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    work()?;
    Ok(fs::write(marker, wanted)?)
}

/// Builds the programs, shows cargo's output, and returns their folder.
///
/// A quick run uses the profile of the tests together with their packages, which decide on the features of all others:
/// so nothing is compiled twice.
fn cargo_build(options: &Options) -> Result<PathBuf, BoxError> {
    let runs: &[(&str, &[&str])] = if options.quick {
        options.say("Building the functions as the tests do");
        &[(
            "dev",
            &[
                "webhook",
                "decryption",
                "renewal",
                "stack",
                "bench-bare",
                "bench-loops",
            ],
        )]
    } else {
        options.say("Building the functions as they are deployed (the first time takes ten minutes)");
        &[
            ("release", &["webhook", "decryption", "renewal", "bench-bare"]),
            ("release", &["bench-loops"]),
        ]
    };
    for (profile, packages) in runs {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--locked", "--bins", "--profile", profile])
            .current_dir(root());
        for package in *packages {
            cargo.args(["--package", package]);
        }
        if !cargo.stdout(Stdio::null()).status()?.success() {
            return Err(format!("cargo cannot build {}", packages.join(", ")).into());
        }
    }
    // Beside the profile that this program was built with.
    let program = env::current_exe()?;
    let folder = program
        .ancestors()
        .nth(2)
        .ok_or("this program is not where cargo puts programs")?;
    let built = folder.join(if options.quick { "debug" } else { "release" });
    // Copied, because a `sam build` of a local stack moves the functions away.
    let kept = target().join("bench/bin");
    fs::create_dir_all(&kept)?;
    for program in PROGRAMS {
        let copy = kept.join(program);
        // Removed first, because a running program cannot be overwritten.
        let _ = fs::remove_file(&copy);
        fs::copy(built.join(program), copy)?;
    }
    Ok(kept)
}

fn run(command: &mut Command, log: File, advice: &str) -> Result<(), BoxError> {
    let program = command.get_program().to_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{} fails; {advice}", program.display()).into()),
    }
}

/// Returns the folder of the peers' sources.
pub fn peers() -> PathBuf {
    root().join("tests/bench/peers")
}

/// The functions, the bare webhook, and the program that decrypts in a loop.
const PROGRAMS: [&str; 5] = ["webhook", "decryption", "renewal", "bare", "decrypt"];
