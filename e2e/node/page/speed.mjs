// Looks whether the page keeps up, in a rig that has many sessions and messages: node page/speed.mjs BASE PORT HOW.
// PORT is where a message is sent without a login. HOW is "conditions", which only looks what must be there in the end, or "timed",
// which looks longer and prints how fast all of it was. Nothing here fails because a machine is slow.
import assert from "node:assert";
import nodemailer from "nodemailer";
import { chromium } from "playwright-core";

const [base, port, how] = process.argv.slice(2);
const timed = how === "timed";
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-background-networking"] });
const transport = nodemailer.createTransport({ host: "127.0.0.1", port: Number(port), ignoreTLS: true, pool: true, maxConnections: 4, maxMessages: Infinity });
const send = (subject) => transport.sendMail({ from: "shop@example.test", to: "alice@example.test", subject, text: "Hello" });
const ms = (n) => Math.round(n) + " ms";
const worst = (list) => Math.max(0, ...list);
const middle = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

// open opens a view. work tells how long the page's main thread has really computed, in ms, which others on the machine hardly change.
async function open(path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  page.work = async () => (await devtools.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value * 1000;
  if (options.clock) await page.clock.install();
  await page.goto(base + path);
  if (options.live !== false) await page.waitForSelector("#state[data-state=live]");
  return page;
}

// first sends a message with this subject, and waits until it is the first row. A browser forwards no news to a page that is
// reading, so nothing here has the focus.
const first = (page, subject) => page.waitForFunction((subject) => document.querySelector("#rows > li")?.textContent.includes(subject), subject);

const steps = {
  async "the first view"() {
    const times = {};
    for (const path of ["/", "/sessions", "/mail", "/mail/alice@example.test", "/scenarios", "/setup", "/setup/curl"]) {
      const paints = [], bytes = [], work = [];
      for (let i = 0; i < (timed ? 5 : 1); i++) {
        const page = await open(path, { live: false });
        const t = await page.waitForFunction(() => {
          const paint = performance.getEntriesByName("first-contentful-paint")[0];
          return paint && { paint: paint.startTime, byte: performance.getEntriesByType("navigation")[0].responseStart };
        });
        const { paint, byte } = await t.jsonValue();
        paints.push(paint);
        work.push(await page.work());
        bytes.push(byte);
        assert.ok(await page.locator("main").innerText());
        await page.context().close();
      }
      times[path] = `painted after ${ms(middle(paints))} (worst ${ms(worst(paints))}), first byte after ${ms(middle(bytes))}, computed for ${ms(middle(work))}`;
    }
    return times;
  },
  async "200 messages a second"() {
    const page = await open("/mail");
    await page.evaluate(() => {
      window.lags = [];
      window.tasks = [];
      new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: "longtask" });
      new MutationObserver((changes) => {
        for (const c of changes) for (const row of c.addedNodes) {
          const sent = row.textContent?.match(/stamp (\d+)/)?.[1];
          if (sent) window.lags.push(Date.now() - sent);
        }
      }).observe(document.getElementById("rows"), { childList: true });
    });
    const before = await page.work();
    const count = timed ? 2000 : 300, every = 5, began = Date.now(), sent = [];
    for (let i = 0; i < count; i++) {
      const early = began + i * every - Date.now();
      if (early > 0) await new Promise((wake) => setTimeout(wake, early));
      sent.push(send(`stamp ${Date.now()} number ${i}`));
    }
    await Promise.all(sent);
    const took = (Date.now() - began) / 1000;
    await send("the last one");
    await first(page, "the last one");
    assert.ok(await page.locator("#rows > li").count() <= 500, "the list grows without bound");
    const { lags, tasks } = await page.evaluate(() => ({ lags: window.lags, tasks: window.tasks }));
    const work = await page.work() - before;
    await page.context().close();
    return { sent: `${count} in ${took.toFixed(1)} s`, "rows that came one by one": lags.length, "from sending to the row": `${ms(middle(lags))}, worst ${ms(worst(lags))}`, "long tasks": `${tasks.length}, the worst ${ms(worst(tasks))}`, computed: ms(work) };
  },
  async "scrolling"() {
    const times = {};
    for (const path of ["/mail", "/sessions"]) {
      const page = await open(path);
      // As long as the list gets: what a page has that was open while much came.
      await page.evaluate(() => {
        const list = document.getElementById("rows");
        const rows = [...list.children];
        while (list.childElementCount < 500) list.append(...rows.map((row) => row.cloneNode(true)));
      });
      await page.evaluate(() => {
        window.frames = [];
        let last = performance.now();
        requestAnimationFrame(function look(now) { window.frames.push(now - last); last = now; requestAnimationFrame(look); });
      });
      const before = await page.work();
      await page.mouse.move(700, 500);
      for (let i = 0; i < (timed ? 120 : 10); i++) await page.mouse.wheel(0, 240);
      await page.waitForFunction(() => window.scrollY > 1000);
      const frames = await page.evaluate(() => window.frames);
      const late = frames.filter((f) => f > 50).length;
      times[path] = `${frames.length} frames, in the middle ${ms(middle(frames))}, worst ${ms(worst(frames))}, ${late} over 50 ms; computed for ${ms(await page.work() - before)}`;
      await page.context().close();
    }
    return times;
  },
  async "a laptop that slept for an hour"() {
    const times = {};
    for (const many of [false, true]) {
      const page = await open("/mail", { clock: true });
      const loaded = await page.evaluate(() => performance.timeOrigin);
      await page.evaluate(() => { document.getElementById("main").dataset.before = "sleep"; });
      await page.context().setOffline(true);
      const count = many ? 300 : 5;
      for (let i = 0; i < count; i++) await send(`asleep ${count} number ${i}`);
      await page.clock.fastForward("01:00:00");
      await page.context().setOffline(false);
      const woke = Date.now();
      await page.clock.runFor(6000); // the page looks every 5 s whether it still hears something
      await first(page, `asleep ${count} number ${count - 1}`);
      await page.waitForSelector("#state[data-state=live]");
      assert.equal(await page.evaluate(() => performance.timeOrigin), loaded, "the page was loaded anew");
      if (!many) assert.equal(await page.locator("#rows > li", { hasText: "asleep 5 number" }).count(), 5);
      const anew = await page.evaluate(() => document.getElementById("main").dataset.before !== "sleep");
      times[`${count} messages later`] = `caught up in ${ms(Date.now() - woke)}, ${anew ? "the view is fetched anew" : "row by row"}`;
      await page.context().close();
    }
    return times;
  },
  async "a page that the browser froze"() {
    const page = await open("/mail");
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
    for (let i = 0; i < 20; i++) await send(`frozen number ${i}`);
    const woke = Date.now();
    await devtools.send("Page.setWebLifecycleState", { state: "active" });
    await first(page, "frozen number 19");
    assert.equal(await page.locator("#rows > li", { hasText: "frozen number" }).count(), 20);
    await page.context().close();
    return { "20 messages later": `caught up in ${ms(Date.now() - woke)}` };
  },
};

let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  try {
    const times = await step();
    console.log(`ok ${name}`);
    if (timed) for (const [what, time] of Object.entries(times)) console.log(`   ${what}: ${time}`);
  } catch (e) {
    failed++;
    console.log(`FAILED ${name}: ${e.stack ?? e}`);
  }
}
transport.close();
await browser.close();
process.exit(failed ? 1 : 0);
