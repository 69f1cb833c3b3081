//! The list price of what notifications make.

/// What some POSTs of notifications make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// The POSTs.
    pub posts: usize,
    /// The notifications in each.
    pub items: usize,
    /// The calls that send to queues.
    pub sends: usize,
    /// What the webhook did.
    pub webhook: Written,
    /// What decryption did.
    pub decryption: Written,
}

/// What a function did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// How often it was invoked.
    pub invocations: usize,
    /// The lines of its log.
    pub lines: usize,
    /// The bytes of these lines.
    pub bytes: usize,
}

/// What a million notifications cost in dollars.
#[derive(Debug)]
pub struct Bill {
    api: f64,
    invocations: f64,
    durations: f64,
    queues: f64,
    logs: f64,
    /// What one invocation of the webhook and of decryption is billed, in milliseconds.
    milliseconds: [f64; 2],
}

impl Bill {
    /// Returns what a million notifications cost. `cpu` is the processor time of an invocation of the webhook and of decryption,
    /// in milliseconds.
    #[must_use]
    pub fn of(usage: &Usage, cpu: [f64; 2]) -> Self {
        let posts = 1_000_000.0 / count(usage.items);
        let million = |total: f64| total / count(usage.posts) * posts;
        let functions = [usage.webhook, usage.decryption];
        let invocations = functions.map(|written| count(written.invocations));
        let wait = WAIT_MILLISECONDS * count(usage.sends) / invocations.iter().sum::<f64>();
        let [of_webhook, of_decryption] = cpu.map(|cpu| billed(cpu, wait));
        let is_used = usage.decryption.invocations > 0;
        let milliseconds = [of_webhook, if is_used { of_decryption } else { 0.0 }];
        let billed = milliseconds
            .iter()
            .zip(invocations)
            .map(|(each, times)| each * times);
        // Lambda receives and deletes what decryption reads; the consumer receives and deletes the events of each POST.
        let requests =
            count(usage.sends) + 2.0 * count(usage.decryption.invocations) + 2.0 * count(usage.posts);
        let bytes: f64 = functions.into_iter().map(paid).sum();
        Self {
            api: posts * HTTP_REQUEST,
            invocations: million(invocations.iter().sum()) * INVOCATION,
            durations: million(billed.sum()) / 1_000.0 * MEGABYTES / 1_024.0 * GIGABYTE_SECOND,
            queues: million(requests) * QUEUE_REQUEST,
            logs: (million(bytes) + posts * ACCESS_LOG_BYTES) * LOG_BYTE,
            milliseconds,
        }
    }

    /// Returns what an invocation of the webhook and of decryption is billed, in milliseconds.
    #[must_use]
    pub fn milliseconds(&self) -> [f64; 2] {
        self.milliseconds
    }

    /// Returns the sum.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.api + self.invocations + self.durations + self.queues + self.logs
    }
}

/// Returns what an invocation is billed in milliseconds: its processor time at the function's share of a processor, and its
/// waits for SQS.
fn billed(cpu: f64, wait: f64) -> f64 {
    (cpu * MEGABYTES_OF_A_PROCESSOR / MEGABYTES + wait).ceil()
}

/// Returns the bytes that CloudWatch Logs counts.
fn paid(written: Written) -> f64 {
    count(written.bytes + EVENT_BYTES * written.lines)
}

/// Returns bills as the table of docs/operations.md.
#[must_use]
pub fn table(bills: &[(&str, &Bill)]) -> String {
    let row = |name: &str, cell: &dyn Fn(&Bill) -> String| {
        let cells: Vec<_> = bills.iter().map(|(_, bill)| cell(bill)).collect();
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    let names: Vec<_> = bills.iter().map(|(name, _)| *name).collect();
    let dollars = |amount: f64| format!("{amount:.2}");
    [
        format!(
            "| | {} |\n|---|{}\n",
            names.join(" | "),
            "---|".repeat(bills.len())
        ),
        row("HTTP API: requests", &|bill| dollars(bill.api)),
        row("Lambda: invocations", &|bill| dollars(bill.invocations)),
        row("Lambda: durations", &|bill| dollars(bill.durations)),
        row("SQS: requests", &|bill| dollars(bill.queues)),
        row("CloudWatch Logs", &|bill| dollars(bill.logs)),
        row("**Together**", &|bill| format!("**{:.2}**", bill.total())),
        row("An invocation of the webhook, decryption", &|bill| {
            let [webhook, decryption] = bill.milliseconds;
            format!("{webhook} ms, {decryption} ms")
        }),
    ]
    .concat()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// List prices in us-east-1 in dollars, November 2026, without the free tier.
const HTTP_REQUEST: f64 = 1.00e-6;
const INVOCATION: f64 = 0.20e-6;
/// On arm64.
const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
const QUEUE_REQUEST: f64 = 0.40e-6;
const LOG_BYTE: f64 = 0.50e-9;

/// The memory of the webhook and of decryption in the template.
pub const MEGABYTES: f64 = 256.0;

/// The memory with which a function has one whole processor (AWS Lambda, *Configure Lambda function memory*).
const MEGABYTES_OF_A_PROCESSOR: f64 = 1_769.0;

/// How long a call to SQS takes, which is an assumption: the local SQS takes another time. AWS writes "a bit less than 20ms from
/// EC2" (*Scaling with Amazon SQS*), and the developer guide of SQS reckons with 20 ms. The dashboard's graph of durations has
/// yours.
const WAIT_MILLISECONDS: f64 = 20.0;

/// A line of the access log, and what CloudWatch Logs adds to each event.
const ACCESS_LOG_BYTES: f64 = 420.0;
const EVENT_BYTES: usize = 26;
