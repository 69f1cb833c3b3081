//! What a million notifications cost at list prices: processor time, calls to SQS and log lines of the functions as they are
//! deployed.

use std::{fs, time::Duration};

use serde_json::Value;
use stack::price::{Bill, Usage, Written};

use crate::{
    BoxError,
    artefacts::Artefacts,
    decryption::deliver,
    lambda::Function,
    options::Options,
    peers::webhooks,
    table::{Table, Unit},
    world::{World, http_event, sqs_event},
};

/// Measures notifications one by one and ten by ten.
pub async fn measure(
    options: &Options,
    artefacts: &Artefacts,
    world: &World,
    table: &mut Table,
) -> Result<(), BoxError> {
    let ours = webhooks(artefacts, world);
    let ours = ours.first().ok_or("there is no webhook")?;
    let pair = Pair {
        webhook: Function::start(ours, &world.aws.url, artefacts.log(WEBHOOK)?).await?,
        decryption: world.start_decryption(artefacts).await?,
        artefacts,
        world,
    };
    for (kind, is_rich) in [("basic", false), ("encrypted", true)] {
        for items in [1, 10] {
            options.say(&format!("Cost: POSTs of {items} {kind} items"));
            let post = if is_rich {
                world.rich(items, 1_300).await?
            } else {
                world.basic(items).await?
            };
            // Both functions have their secrets and connections.
            pair.made(&post, items, 2).await?;
            let (usage, cpu) = pair.made(&post, items, options.repeats(200)).await?;
            let [webhook, decryption] = Bill::of(&usage, cpu).milliseconds();
            let what = format!("A million {kind} notifications, {items} in a POST, at list prices");
            let remark = format!(
                "{} calls to SQS for {} POSTs; an invocation of the webhook is billed {webhook} ms, of decryption {decryption} ms",
                usage.sends, usage.posts
            );
            table.tell(&what, Unit::Dollars, Bill::of(&usage, cpu).total(), &remark);
        }
    }
    Ok(())
}

/// Both functions that a notification passes.
struct Pair<'a> {
    webhook: Function,
    decryption: Function,
    artefacts: &'a Artefacts,
    world: &'a World,
}

impl Pair<'_> {
    /// Sends the POST so many times, and what is queued to decryption, as one batch for each POST. Returns what was made, and
    /// the processor time of an invocation of each function in milliseconds.
    async fn made(&self, post: &str, items: usize, posts: usize) -> Result<(Usage, [f64; 2]), BoxError> {
        let functions = [(&self.webhook, WEBHOOK), (&self.decryption, "decryption")];
        let before = functions.map(|(function, log)| Ok((function.cpu_time()?, self.written(log)?)));
        let sends = self.world.aws.sends();
        let mut queue = self.world.aws.read("notifications");
        let (event, mut batches) = (http_event("", post), 0);
        for _ in 0..posts {
            let answer: Value = serde_json::from_str(&self.webhook.invoke(event.clone()).await?)?;
            if answer["statusCode"] != 202 {
                return Err(format!("the webhook answers {answer}").into());
            }
            let mut batch = Vec::new();
            while let Ok(message) = queue.try_recv() {
                batch.push(message);
            }
            if !batch.is_empty() {
                batches += 1;
                deliver(&self.decryption, self.world, &sqs_event(&batch), batch.len()).await?;
            }
        }
        self.world.aws.stop_reading("notifications");
        let (mut made, mut cpu) = (Vec::new(), Vec::new());
        for (((function, log), before), invocations) in
            functions.into_iter().zip(before).zip([posts, batches])
        {
            let (time, [lines, bytes]): (Duration, [usize; 2]) = before.map_err(|error: BoxError| error)?;
            let [lines_now, bytes_now] = self.written(log)?;
            made.push(Written {
                invocations,
                lines: lines_now - lines,
                bytes: bytes_now - bytes,
            });
            let spent = function.cpu_time()?.saturating_sub(time);
            cpu.push(spent.as_secs_f64() * 1e3 / f64::from(u32::try_from(invocations.max(1))?));
        }
        let ([webhook, decryption], [of_webhook, of_decryption]) = (made.as_slice(), cpu.as_slice()) else {
            return Err("there are two functions".into());
        };
        let usage = Usage {
            posts,
            items,
            sends: self.world.aws.sends() - sends,
            webhook: *webhook,
            decryption: *decryption,
        };
        Ok((usage, [*of_webhook, *of_decryption]))
    }

    /// Returns the lines and bytes of a log.
    fn written(&self, log: &str) -> Result<[usize; 2], BoxError> {
        let text = fs::read_to_string(self.artefacts.folder.join("logs").join(format!("{log}.log")))?;
        Ok([text.lines().count(), text.len()])
    }
}

/// The log of the webhook.
const WEBHOOK: &str = "cost";
