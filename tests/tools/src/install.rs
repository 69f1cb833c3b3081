//! The Python programs of the local stack, in virtual environments under `target/tools`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, Progress, command};

/// Where the tools are.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs what is missing. Two processes may do so at once: one waits for the other.
    ///
    /// # Errors
    ///
    /// Python is not there, or a package cannot be installed.
    pub fn set_up(target: &Path, progress: Progress) -> Result<Self, Error> {
        let tools = Self::at(&target.join("tools"))?;
        let _lock = lock(&tools.folder.join("lock"))?;
        tools.write_sam_settings()?;
        let what = "Installing AWS SAM CLI, cargo-lambda, MiniStack (once, a minute)";
        tools.install_missing(&ENVIRONMENTS, what, progress)?;
        Ok(tools)
    }

    /// Installs microburst where it is missing, and returns the program. Only `cargo chaos` and a stack that is to fail need it,
    /// so nothing else waits for it.
    ///
    /// # Errors
    ///
    /// Python is not there, or the package cannot be installed.
    pub fn microburst(&self, progress: Progress) -> Result<PathBuf, Error> {
        let what = "Installing microburst (once, half a minute)";
        Ok(self.optional(MICROBURST, what, progress)?.join("microburst"))
    }

    /// Installs the AWS CLI where it is missing, and returns the folder with the program. Only what tries the commands of the
    /// documentation waits for it.
    ///
    /// # Errors
    ///
    /// Python is not there, or the package cannot be installed.
    pub fn aws_cli(&self, progress: Progress) -> Result<PathBuf, Error> {
        self.optional(AWS_CLI, "Installing the AWS CLI (once, half a minute)", progress)
    }

    /// Installs an environment where it is missing, and returns the folder with its programs.
    fn optional(&self, environment: Environment, what: &str, progress: Progress) -> Result<PathBuf, Error> {
        let _lock = lock(&self.folder.join("lock"))?;
        let folder = self.folder.join(environment.name).join("bin");
        self.install_missing(&[environment], what, progress)?;
        Ok(folder)
    }

    /// Installs those of the environments that are missing, at the same time.
    fn install_missing(
        &self,
        environments: &[Environment],
        what: &str,
        progress: Progress,
    ) -> Result<(), Error> {
        let missing: Vec<&Environment> = environments.iter().filter(|one| !self.is_ready(one)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let python = python()?;
        progress.say(what);
        std::thread::scope(|scope| {
            let install = |one| {
                let python = &python;
                scope.spawn(move || self.install(one, python))
            };
            let running: Vec<_> = missing.into_iter().map(install).collect();
            running.into_iter().try_for_each(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    /// Returns the tools in a folder, which is made where it is missing.
    fn at(folder: &Path) -> Result<Self, Error> {
        // Through no link: the path stands in every program of an environment, and a link may go before the folder does.
        let folder = fs::create_dir_all(folder)
            .and_then(|()| fs::canonicalize(folder))
            .map_err(Error::io(format!("creating {}", folder.display())))?;
        Ok(Self { folder })
    }

    /// Returns the folder with `sam` and `cargo-lambda`.
    pub fn sam_folder(&self) -> PathBuf {
        self.folder.join("sam").join("bin")
    }

    /// Returns the program `sam`.
    pub fn sam(&self) -> PathBuf {
        self.sam_folder().join("sam")
    }

    /// Returns the variables with which the SAM CLI keeps to itself: it neither reports on its use, nor asks whether there is a
    /// newer version, nor writes into the user's home.
    pub fn sam_environment(&self) -> [(&'static str, OsString); 2] {
        [
            ("SAM_CLI_TELEMETRY", "0".into()),
            ("__SAM_CLI_APP_DIR", self.sam_settings().into()),
        ]
    }

    /// Returns the folder in place of `~/.aws-sam`.
    fn sam_settings(&self) -> PathBuf {
        self.folder.join("sam-settings")
    }

    /// Writes settings by which the SAM CLI has looked for a newer version in the year 2100: it does so once a week.
    /// A time that is a whole number is none to it.
    fn write_sam_settings(&self) -> Result<(), Error> {
        let folder = self.sam_settings();
        let file = folder.join("metadata.json");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, "{\"lastVersionCheck\": 4102444800.0}\n"))
            .map_err(Error::io(format!("writing {}", file.display())))
    }

    /// Returns the program `ministack`.
    pub fn ministack(&self) -> PathBuf {
        self.folder.join("ministack").join("bin").join("ministack")
    }

    /// Tells whether an environment holds the versions that are wanted now, and is where it was installed.
    fn is_ready(&self, environment: &Environment) -> bool {
        let found = fs::read_to_string(self.marker(environment));
        found.is_ok_and(|found| found == self.wanted(environment))
    }

    /// Returns what the marker of an environment holds: another text when the requirements are others, or the place, whose
    /// path stands in the first line of every program in it.
    fn wanted(&self, environment: &Environment) -> String {
        let place = self.folder.join(environment.name);
        format!("{}\n{}", place.display(), environment.wanted())
    }

    /// Installs an environment, over what an interrupted attempt may have left.
    fn install(&self, environment: &Environment, python: &Path) -> Result<(), Error> {
        let folder = self.folder.join(environment.name);
        if self.marker(environment).exists() {
            fs::remove_dir_all(&folder).map_err(Error::io(format!("removing {}", folder.display())))?;
        }
        let log = self.folder.join(format!("{}.log", environment.name));
        let what = format!("installing {}", environment.name);
        command::run(
            &what,
            Command::new(python).args(["-m", "venv"]).arg(&folder),
            &log,
        )?;
        for requirements in environment.requirements {
            let file = self.folder.join(requirements.name);
            fs::write(&file, requirements.text).map_err(Error::io(format!("writing {}", file.display())))?;
            let mut pip = Command::new(folder.join("bin").join("python"));
            pip.args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
                // All would be compiled, most of it for nothing; what is used compiles itself.
                "--no-compile",
            ])
            .args(requirements.options);
            command::run(&what, pip.arg("--requirement").arg(&file), &log)?;
        }
        fs::write(self.marker(environment), self.wanted(environment)).map_err(Error::io("writing a marker"))
    }

    /// Returns the file that says what an environment holds. It is written last.
    fn marker(&self, environment: &Environment) -> PathBuf {
        self.folder.join(environment.name).join("installed")
    }
}

/// Takes a lock that ends with the process, whichever way it ends.
pub fn lock(path: &Path) -> Result<File, Error> {
    let what = || format!("locking {}", path.display());
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(Error::io(what()))?;
    file.lock().map_err(Error::io(what()))?;
    Ok(file)
}

/// Returns a Python that can make virtual environments.
fn python() -> Result<PathBuf, Error> {
    let program = PathBuf::from("python3");
    let advice = |advice: &str| Error::Missing {
        program: "python3".to_owned(),
        advice: advice.to_owned(),
    };
    let check = "import sys; sys.exit(sys.version_info < (3, 10))";
    let ends_well = |code: &str| {
        let mut python = Command::new(&program);
        python
            .args(["-c", code])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        python.status().map(|status| status.success())
    };
    match ends_well(check) {
        Err(_) => {
            return Err(advice(
                "install Python 3.10 or newer (Debian and Ubuntu: python3 and python3-venv)",
            ));
        }
        Ok(false) => return Err(advice("version 3.10 or newer is needed")),
        Ok(true) => {}
    }
    if !ends_well("import venv, ensurepip").unwrap_or(false) {
        return Err(advice(
            "it cannot make virtual environments (Debian and Ubuntu: install python3-venv)",
        ));
    }
    Ok(program)
}

/// A virtual environment.
struct Environment {
    name: &'static str,
    requirements: &'static [Requirements],
}

impl Environment {
    /// Returns the requirements as text.
    fn wanted(&self) -> String {
        self.requirements
            .iter()
            .fold(String::new(), |text, requirements| {
                text + requirements.text + &requirements.options.join(" ")
            })
    }
}

/// Packages that are installed with the same options.
struct Requirements {
    name: &'static str,
    text: &'static str,
    options: &'static [&'static str],
}

/// MiniStack is kept apart from the SAM CLI: their dependencies need not agree.
const ENVIRONMENTS: [Environment; 2] = [
    Environment {
        name: "sam",
        requirements: &[
            Requirements {
                name: "sam.txt",
                text: include_str!("../sam.txt"),
                options: &[],
            },
            Requirements {
                name: "cargo-lambda.txt",
                text: include_str!("../cargo-lambda.txt"),
                options: &["--no-deps"],
            },
        ],
    },
    Environment {
        name: "ministack",
        requirements: &[Requirements {
            name: "ministack.txt",
            text: include_str!("../ministack.txt"),
            options: &[],
        }],
    },
];

/// What makes calls of AWS fail. Its dependencies need not agree with those of the others either.
const MICROBURST: Environment = Environment {
    name: "microburst",
    requirements: &[Requirements {
        name: "microburst.txt",
        text: include_str!("../microburst.txt"),
        options: &[],
    }],
};

/// The AWS CLI wants a botocore of its own.
const AWS_CLI: Environment = Environment {
    name: "aws",
    requirements: &[Requirements {
        name: "aws.txt",
        text: include_str!("../aws.txt"),
        options: &[],
    }],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_decides_what_is_wanted() {
        let with = |text| {
            let requirements: &'static [Requirements] = Box::leak(Box::new([Requirements {
                name: "a",
                text,
                options: &[],
            }]));
            Environment {
                name: "a",
                requirements,
            }
            .wanted()
        };
        assert_eq!(with("a==1"), with("a==1"));
        assert_ne!(with("a==1"), with("a==2"));
    }

    #[test]
    fn an_environment_that_was_moved_is_installed_again() {
        let home = std::env::temp_dir().join(format!("tools-moved-{}", std::process::id()));
        let [before, after] = ["before", "after"].map(|name| home.join(name));
        let [environment, _] = &ENVIRONMENTS;
        let tools = Tools::at(&before).unwrap();
        fs::create_dir_all(tools.folder.join(environment.name)).unwrap();
        fs::write(tools.marker(environment), tools.wanted(environment)).unwrap();
        assert!(tools.is_ready(environment));
        fs::rename(&before, &after).unwrap();
        assert!(!Tools::at(&after).unwrap().is_ready(environment));
        // Another way to the same place does not make it another one, and no program names that way.
        std::os::unix::fs::symlink(&after, &before).unwrap();
        let tools = Tools::at(&before).unwrap();
        assert!(tools.folder.ends_with("after"));
        fs::write(tools.marker(environment), tools.wanted(environment)).unwrap();
        assert!(Tools::at(&after).unwrap().is_ready(environment));
        fs::remove_dir_all(&home).unwrap();
    }

    #[test]
    fn every_requirement_is_pinned() {
        let lines = ENVIRONMENTS
            .iter()
            .chain([&MICROBURST, &AWS_CLI])
            .flat_map(|one| one.requirements)
            .flat_map(|one| one.text.lines());
        for line in lines.filter(|line| !line.starts_with('#')) {
            assert!(line.contains("=="), "{line}");
        }
    }
}
